//! The children of this process, as /proc lists them.

use std::fs::File;
use std::io::Seek;
use std::{fs, io, process};

use rustix::io::Errno;
use rustix::process::{getpid, set_child_subreaper};
use slot::tree::{self, readable_proc};

/// From now on whoever loses his parent below this process becomes its child (prctl(2)).
pub(crate) fn adopt_orphans() -> Result<(), Errno> {
    set_child_subreaper(Some(getpid()))
}

const THIS_THREAD: &str = "/proc/thread-self/children";

/// The direct children of this process.
#[derive(Debug)]
pub(crate) struct Children {
    /// The lists of children of the threads that have some, open for the day when nothing more can
    /// be opened.
    lists: Vec<File>,
}

impl Children {
    /// Made by the thread that starts children.
    pub(crate) fn of_this_process() -> Children {
        // Children that we start are listed under this thread, those that we adopt under the first
        // thread.
        let lists = [format!("/proc/self/task/{}/children", process::id()), THIS_THREAD.to_owned()];
        Children { lists: lists.iter().filter_map(|path| File::open(path).ok()).collect() }
    }

    /// All of them, zombies included; `None` if that cannot be known now. It may leave out a child while another
    /// one is ending.
    ///
    /// Asked of every thread, since a child is listed under the one that made or adopted it
    /// (proc_pid_task_children(5)); without that file, by looking at every process' parent. If nothing
    /// can be opened, asked of the lists that are open.
    pub(crate) fn list(&self) -> Option<Vec<u32>> {
        match readable_proc() {
            Ok(true) => (),
            Ok(false) => return Some(Vec::new()),
            Err(_) => return None,
        }
        match lists() {
            Ok(Some(lists)) => Some(numbers(&lists)),
            Ok(None) => tree::children_by_parent(process::id()).ok(),
            Err(_) => {
                let lists: io::Result<Vec<_>> = self.lists.iter().map(read_again).collect();
                lists.ok().filter(|lists| !lists.is_empty()).map(|lists| numbers(&lists))
            }
        }
    }
}

/// `Ok(None)`: this system has no such lists.
fn lists() -> io::Result<Option<Vec<String>>> {
    let mut lists = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        match fs::read_to_string(task.join("children")) {
            Ok(list) => lists.push(list),
            Err(error) if error.kind() == io::ErrorKind::NotFound && task.exists() => {
                return Ok(None);
            }
            // A thread that has ended meanwhile has passed its children on.
            Err(error) if !task.exists() => drop(error),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(lists))
}

fn numbers(lists: &[String]) -> Vec<u32> {
    let words = lists.iter().flat_map(|list| list.split_ascii_whitespace());
    let mut numbers: Vec<u32> = words.filter_map(|pid| pid.parse().ok()).collect();
    // Two of the lists that are kept may be one thread's.
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// From its beginning, wherever it was read to before.
fn read_again(mut list: &File) -> io::Result<String> {
    list.rewind()?;
    io::read_to_string(list)
}
