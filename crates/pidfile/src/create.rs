//! A new pid file: locked and complete before it has a name, so that nobody ever sees half of one,
//! and made without a temporary file, so that a kill leaves nothing behind.

use std::collections::hash_map::RandomState;
use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, linkat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::bytes::Byte;
use crate::descriptor::above_stdio;
use crate::detail::Op;
use crate::error::Error;
use crate::fill::{AGAIN, New, fill};
use crate::in_place::{create_in_place, is_seen_to_be_held};
use crate::place::Place;
use crate::sys;

/// The mode of a file that is not complete yet: nobody else may open it.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes the file and gives it its name. `None`: somebody else was there first; look again.
pub(crate) fn create(place: &Place, hold: bool) -> Result<Option<New>, Error> {
    place.forget();
    match create_nameless(place, hold)? {
        Nameless::Created(new) => Ok(Some(new)),
        Nameless::SomebodyWasFirst => Ok(None),
        Nameless::Unsupported => create_named(place, hold),
    }
}

enum Nameless {
    Created(New),
    SomebodyWasFirst,
    Unsupported,
}

/// Makes a file without a name, and gives it one when it is complete.
fn create_nameless(place: &Place, hold: bool) -> Result<Nameless, Error> {
    let made = sys::create_nameless(place.folder(), PRIVATE, hold);
    let Some(file) = made.map_err(Error::io(Op::Create, place.path()))? else {
        return Ok(Nameless::Unsupported);
    };
    let Some(new) = fill(file, place, hold.then_some(&sys::reopen))? else {
        return Ok(Nameless::Unsupported);
    };
    Ok(match sys::give_name(new.file.as_fd(), place.folder(), place.name()) {
        Ok(()) => Nameless::Created(new),
        Err(Errno::EXIST) => Nameless::SomebodyWasFirst,
        // The system or the file system cannot do this. If something else is wrong, the second way fails
        // by it, too, and says so.
        Err(_) => Nameless::Unsupported,
    })
}

/// For file systems on which a file has a name from the start, or cannot get one later: makes the file
/// under a temporary name. Only a kill between two calls leaves that name, and the next start removes it.
fn create_named(place: &Place, hold: bool) -> Result<Option<New>, Error> {
    place.forget();
    sweep(place);
    let (mut temporary, file) = Temporary::create(place)?;
    let file = above_stdio(file).map_err(Error::io(Op::Create, place.path()))?;
    let name = temporary.name.clone();
    let reopen =
        |_: BorrowedFd<'_>, access| openat(place.folder(), &name, access | AGAIN, Mode::empty());
    let Some(new) = fill(file, place, hold.then_some(&reopen))? else { return Ok(None) };
    let renamed = match temporary.rename() {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match temporary.link() {
            Ok(()) if !is_seen_to_be_held(place)? => {
                drop((new, temporary));
                return create_in_place(place, hold);
            }
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => {
                drop((new, temporary));
                return create_in_place(place, hold);
            }
            done => done,
        },
        done => done,
    };
    match renamed {
        Ok(()) => {
            // The proof may be lost, since `is_seen_to_be_held` has opened the file and closed it.
            sys::take_proof(new.file.as_fd());
            Ok(Some(new))
        }
        // `EXIST`: somebody else has the name. `NOENT`: another starter has swept our temporary file in
        // the moment before it was locked.
        Err(Errno::EXIST | Errno::NOENT) => Ok(None),
        Err(errno) => Err(Error::io(Op::Name, place.path())(errno)),
    }
}

/// A name that goes when this is dropped, unless the file got its real one.
struct Temporary<'a> {
    place: &'a Place,
    name: String,
    named: bool,
}

impl<'a> Temporary<'a> {
    const START: &'static str = ".pidfile-";

    fn create(place: &'a Place) -> Result<(Temporary<'a>, OwnedFd), Error> {
        // Unpredictable: the keys of std's hash maps come from the system's random numbers.
        let name = format!("{}{:016x}", Self::START, RandomState::new().build_hasher().finish());
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(place.folder(), &name, flags, PRIVATE) {
            Ok(file) => Ok((Temporary { place, name, named: true }, file)),
            // The folder was there when the place was opened; it has been removed since.
            Err(Errno::NOENT) => Err(place.no_folder()),
            Err(errno) => Err(Error::io(Op::Create, place.path())(errno)),
        }
    }

    fn is_one(name: &OsStr) -> bool {
        let digits = name.as_bytes().strip_prefix(Self::START.as_bytes());
        digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
    }

    fn rename(&mut self) -> Result<(), Errno> {
        let (folder, name) = (self.place.folder(), self.place.name());
        sys::rename_to_free(folder, self.name.as_ref(), name)?;
        self.named = false;
        Ok(())
    }

    /// For file systems that cannot rename without replacing (NFS). The file has two names then,
    /// until this is dropped.
    fn link(&self) -> Result<(), Errno> {
        let (folder, name) = (self.place.folder(), self.place.name());
        linkat(folder, &self.name, folder, name, AtFlags::empty())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.named {
            let _ = unlinkat(self.place.folder(), &self.name, AtFlags::empty());
        }
    }
}

/// Removes temporary files of ours that nobody has locked. A failure is not worth failing for.
fn sweep(place: &Place) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = openat(place.folder(), ".", flags, Mode::empty()) else { return };
    let Ok(entries) = Dir::read_from(&folder) else { return };
    let left =
        entries.flatten().map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
    for name in left.filter(|name| Temporary::is_one(name)) {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Ok(file) = openat(place.folder(), &name, flags, Mode::empty()) else { continue };
        let ours = fstat(&file)
            .is_ok_and(|stat| stat.st_uid == geteuid().as_raw() && place.check(&stat).is_ok());
        if ours && sys::is_locked(file.as_fd(), Byte::Holder) == Ok(false) {
            let _ = unlinkat(place.folder(), &name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::thread;

    use super::*;
    use crate::id::Id;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[track_caller]
    fn check_held(place: &Place, New { file, .. }: New) {
        let content = fs::read_to_string(place.path()).unwrap();
        assert_eq!(content, format!("{}\n", std::process::id()));
        let mode = fs::metadata(place.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
        assert!(place.leads_to(Id::of(&fstat(&file).unwrap())).unwrap());
        let other = fs::File::open(place.path()).unwrap();
        assert!(sys::is_locked(other.as_fd(), Byte::Holder).unwrap());
        sys::unlock_all(file.as_fd()).unwrap();
        assert!(!sys::is_locked(other.as_fd(), Byte::Holder).unwrap());
    }

    #[test]
    fn where_files_need_a_name_from_the_start_the_result_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("my.pid")).unwrap();
        check_held(&place, create_named(&place, false).unwrap().expect("nobody else is there"));
        assert_eq!(names(folder.path()), ["my.pid"]);
        assert!(create_named(&place, true).unwrap().is_none(), "it exists");
        assert_eq!(names(folder.path()), ["my.pid"]);
    }

    #[test]
    fn where_a_rename_would_replace_a_link_gives_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("my.pid")).unwrap();
        let (temporary, file) = Temporary::create(&place).unwrap();
        let held = fill(file, &place, None).unwrap().unwrap();
        temporary.link().unwrap();
        assert_eq!(temporary.link(), Err(Errno::EXIST));
        drop(temporary);
        check_held(&place, held);
        assert_eq!(names(folder.path()), ["my.pid"]);
    }

    #[test]
    fn of_many_that_make_named_files_one_gets_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        let made = thread::scope(|scope| {
            let makers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| create_named(&Place::open(&path).unwrap(), true).unwrap()))
                .collect();
            makers.into_iter().filter_map(|maker| maker.join().unwrap()).count()
        });
        // None, if each swept another's file before it was locked: then they all look again.
        assert!(made <= 1, "{made} made it");
        let left = names(folder.path());
        assert_eq!(left, vec!["my.pid"; made]);
    }

    #[test]
    fn what_a_kill_left_is_swept_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(&folder.path().join("my.pid")).unwrap();
        let name = |digits| format!("{}{digits}", Temporary::START);
        let dead = name("0123456789abcdef");
        let others = [name("0123456789abcde"), name("0123456789abcdeg"), "x".to_owned()];
        for name in others.iter().chain([&dead]) {
            fs::write(folder.path().join(name), "123\n").unwrap();
        }
        let (alive, file) = Temporary::create(&place).unwrap();
        let file = fill(file, &place, None).unwrap().unwrap();

        sweep(&place);
        let mut expected: Vec<String> = others.into_iter().chain([alive.name.clone()]).collect();
        expected.sort();
        assert_eq!(names(folder.path()), expected);
        drop(file);
    }

    #[test]
    fn a_folder_that_went_meanwhile_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        fs::create_dir(&gone).unwrap();
        let place = Place::open(&gone.join("my.pid")).unwrap();
        fs::remove_dir(&gone).unwrap();
        let error = create(&place, false).unwrap_err();
        assert!(matches!(&error, Error::NoFolder { folder, .. } if *folder == gone), "{error:?}");
    }
}
