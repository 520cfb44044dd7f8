//! Inputs that once went wrong, by kind: the cases FLT of docs/behaviour.md.

mod bombs;
mod decisions;
mod files;
mod inputs;
mod leftovers;
mod locks;
mod logs;
pub(crate) mod loops;
mod pid_file;
mod pool_files;
mod privileges;
mod remains;
mod signals;
mod traced;
mod trust;
mod words;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    [
        files::trials(),
        privileges::trials(),
        pid_file::trials(),
        pool_files::trials(),
        locks::trials(),
        bombs::trials(),
        loops::trials(),
        traced::trials(),
        leftovers::trials(),
        remains::trials(),
        signals::trials(),
        trust::trials(),
        words::trials(),
        decisions::trials(),
        logs::trials(),
        inputs::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
