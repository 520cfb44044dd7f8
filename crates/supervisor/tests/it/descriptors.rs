//! A child that sends descriptors to its parent, whose closing waits for as long as the child has it.

use std::fs;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use libtest_mimic::Trial;
use policy::RestartPolicy;
use rustix::io::IoSlice;
use rustix::net::{
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketType, sendmsg, sockopt,
};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use supervisor::{DaemonOptions, stop_daemon_within};

use crate::bed::{Bed, LIMIT, launch, write_line};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![a_descriptor_that_a_child_sends_stops_no_loop]
}

pub(crate) fn sends_a_descriptor((journal, port): (PathBuf, u16)) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_nonblocking(true).unwrap();
    while socket.write(&[0; 1 << 16]).is_ok() {}
    sockopt::set_socket_linger(&socket, Some(Duration::from_secs(30_000))).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [socket.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    let link = link();
    // Written before they are sent: the parent may be quicker to kill us than we to write.
    write_line(&journal, "sends");
    sendmsg(&link, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL).unwrap();
    drop(socket);
    loop {
        std::thread::park();
    }
}

/// A copy of the socket to our parent, as any code in a process can have it.
fn link() -> OwnedFd {
    let ourselves = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    numbers
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|fd| pidfd_getfd(&ourselves, fd, PidfdGetfdFlags::empty()).ok())
        .find(|fd| sockopt::socket_type(fd).is_ok_and(|kind| kind == SocketType::SEQPACKET))
        .unwrap()
}

/// The child is killed and started anew; and a stop is heard.
///
/// Case: FLT-B5
fn a_descriptor_that_a_child_sends_stops_no_loop() {
    let bed = Bed::new();
    let peer = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let arguments = (bed.path("journal"), peer.local_addr().unwrap().port());
    launch(
        DaemonOptions::new(bed.pid_file(), sends_a_descriptor, arguments)
            .restart(RestartPolicy::after(Duration::ZERO))
            .start_timeout(LIMIT / 3)
            .logging_config(logging::LoggingConfig::file(bed.path("d.log"))),
    );
    bed.expect("sends\nsends\n");
    stop_daemon_within(bed.pid_file(), LIMIT).unwrap();
    let log = fs::read_to_string(bed.path("d.log")).unwrap();
    assert!(log.contains("it has sent descriptors to its parent, which none may do"), "{log}");
}
