//! Who `chaos` has beside the daemon that it attacks: none of them is a process of the
//! daemon, and none may keep it from what it promises.
//!
//! `adversary locks FOLDER pass|keep`, `adversary asks FOLDER`, `adversary operates FOLDER`,
//! `adversary trace`, `adversary bomb CGROUP`.

mod asks;
mod bomb;
mod locks;
mod operates;
mod trace;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["locks", folder, "pass"] => locks::hold(folder.as_ref(), false),
        ["locks", folder, "keep"] => locks::hold(folder.as_ref(), true),
        ["asks", folder] => asks::ask(folder.as_ref()),
        ["operates", folder] => operates::operate(folder.as_ref()),
        ["trace"] => trace::seize(),
        ["bomb", cgroup] => bomb::begin(cgroup.as_ref()),
        ["bomb"] => bomb::multiply(),
        _ => {
            Err("usage: adversary locks FOLDER pass|keep, asks|operates FOLDER, trace, bomb CGROUP"
                .into())
        }
    }
}
