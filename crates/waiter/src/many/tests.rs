//! Many descriptors, of which some are readable.

use std::io::Write;
use std::os::fd::AsFd;
use std::time::Duration;

use super::*;

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(1))
}

#[test]
fn what_is_readable_is_told_until_it_is_forgotten() {
    let waiter = Waiter::<u64>::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    waiter.watch(reader.as_fd(), u64::MAX).unwrap();
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
    writer.write_all(b"x").unwrap();
    assert_eq!(waiter.wait(None).unwrap(), [u64::MAX]);
    assert_eq!(waiter.wait(None).unwrap(), [u64::MAX]);
    // A descriptor that is watched cannot be watched a second time.
    waiter.watch(reader.as_fd(), 7).unwrap_err();
    waiter.forget(reader.as_fd());
    waiter.forget(reader.as_fd());
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
}

#[test]
fn without_interest_only_the_end_is_told_and_once() {
    let waiter = Waiter::<u64>::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    waiter.watch_without_interest(reader.as_fd(), 7).unwrap();
    writer.write_all(b"x").unwrap();
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
    waiter.set_interest(reader.as_fd(), 7, Interest::Readable);
    assert_eq!(waiter.wait(None).unwrap(), [7]);
    waiter.set_interest(reader.as_fd(), 7, Interest::End);
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
    drop(writer);
    assert_eq!(waiter.wait(None).unwrap(), [7]);
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
}

#[test]
fn a_full_pipe_is_told_when_there_is_room_and_when_nobody_reads_it() {
    let waiter = Waiter::<u64>::new().unwrap();
    let (mut reader, mut writer) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    waiter.watch(writer.as_fd(), 7).unwrap();
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
    waiter.set_interest(writer.as_fd(), 7, Interest::Writable);
    assert_eq!(waiter.wait(None).unwrap(), [7]);
    while writer.write(&[0; 4096]).is_ok() {}
    assert_eq!(waiter.wait(soon()).unwrap(), [0; 0]);
    io::Read::read_exact(&mut reader, &mut [0; 8192]).unwrap();
    assert_eq!(waiter.wait(None).unwrap(), [7]);
    while writer.write(&[0; 4096]).is_ok() {}
    drop(reader);
    assert_eq!(waiter.wait(None).unwrap(), [7]);
}

#[test]
fn its_own_descriptor_is_readable_while_there_is_something_to_tell() {
    let waiter = Waiter::<u64>::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    waiter.watch(reader.as_fd(), 7).unwrap();
    assert!(!crate::readable(&[waiter.as_fd()], soon()).unwrap());
    writer.write_all(b"x").unwrap();
    assert!(crate::readable(&[waiter.as_fd()], None).unwrap());
    waiter.forget(reader.as_fd());
    assert!(!crate::readable(&[waiter.as_fd()], soon()).unwrap());
}
