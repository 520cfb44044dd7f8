//! Which files are read for those who were named, and what the lines of each are called. Pure.

use control::service::LogFile;

use crate::render::lines::Origin;
use crate::target::Target;

/// The roles of processes that are no workers; they can be named like workers.
pub(crate) const ROLES: [&str; 2] = ["guardian", "executor"];

/// A daemon with the files that are known of it.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) name: String,
    /// Whose files are read only, since it is he who names them: another user's daemon could name anything.
    pub(crate) user: Option<u32>,
    pub(crate) files: Vec<LogFile>,
}

/// A file that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) origin: Origin,
    pub(crate) rotated: bool,
    pub(crate) user: Option<u32>,
}

/// The files of those who are wanted, each once however many write to it. What is in one that several write to goes
/// by the name of their daemon.
pub(crate) fn choose(owners: &[Owner], wanted: &[Target]) -> Vec<Chosen> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for target in wanted {
        let Some(owner) = owners.get(target.daemon) else { continue };
        let (files, user) = (&owner.files, owner.user);
        for file in files.iter().filter(|file| is_of(file, target)) {
            if !chosen.iter().any(|known| known.origin.path == file.path) {
                let origin =
                    Origin { name: name(owners, wanted, &file.path), path: file.path.clone() };
                chosen.push(Chosen { origin, rotated: file.rotated, user });
            }
        }
    }
    chosen
}

/// Whether somebody who was named writes to it.
pub(crate) fn is_of(file: &LogFile, target: &Target) -> bool {
    target.worker.as_deref().is_none_or(|name| called(file) == name)
}

/// What a process is called below its daemon.
fn called(file: &LogFile) -> &str {
    if file.role == "worker" { &file.name } else { &file.role }
}

fn name(owners: &[Owner], wanted: &[Target], path: &str) -> String {
    let several = wanted.iter().any(|target| target.daemon != wanted[0].daemon);
    let of = |owner: &Owner| {
        let mut writers = owner.files.iter().filter(|file| file.path == path).map(called);
        let first = writers.next()?;
        Some(match writers.all(|writer| writer == first) {
            true if several => format!("{}/{first}", owner.name),
            true => first.to_owned(),
            false => owner.name.clone(),
        })
    };
    let names: Vec<String> = owners.iter().filter_map(of).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(role: &str, name: &str, path: &str) -> LogFile {
        let (role, name, path) = (role.to_owned(), name.to_owned(), path.to_owned());
        LogFile { name, role, path, ..LogFile::default() }
    }

    fn owners() -> Vec<Owner> {
        let jobd = vec![
            file("guardian", "j", "/jobd.log"),
            file("executor", "j", "/jobd.log"),
            file("executor", "j", "/out"),
            file("worker", "web-1", "/web"),
            file("worker", "web-1", "/web.out"),
            file("worker", "web-2", "/all"),
            file("worker", "web-3", "/all"),
        ];
        let mailer = vec![file("executor", "m", "/m"), file("worker", "w", "/all")];
        vec![
            Owner { name: "jobd".into(), user: None, files: jobd },
            Owner { name: "mailer".into(), user: None, files: mailer },
        ]
    }

    fn chosen(owners: &[Owner], wanted: &[(usize, Option<&str>)]) -> String {
        let target = |(daemon, worker): &(usize, Option<&str>)| Target {
            daemon: *daemon,
            worker: worker.map(str::to_owned),
        };
        let wanted: Vec<Target> = wanted.iter().map(target).collect();
        let shown = |chosen: &Chosen| format!("{}={}", chosen.origin.name, chosen.origin.path);
        choose(owners, &wanted).iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    /// Case: CC-87
    #[test]
    fn a_file_is_read_once_and_goes_by_who_writes_to_it() {
        let (both, one) = (owners(), &owners()[..1]);
        assert_eq!(
            chosen(one, &[(0, None)]),
            "jobd=/jobd.log executor=/out web-1=/web web-1=/web.out jobd=/all"
        );
        assert_eq!(chosen(one, &[(0, Some("executor"))]), "jobd=/jobd.log executor=/out");
        assert_eq!(chosen(one, &[(0, Some("web-3")), (0, Some("web-2"))]), "jobd=/all");
        assert_eq!(chosen(one, &[(0, Some("j"))]), "", "the executor's own name is no worker's");
        assert_eq!(chosen(one, &[]), "");
        assert_eq!(
            chosen(&both, &[(1, None), (0, Some("web-1"))]),
            "mailer/executor=/m jobd, mailer/w=/all jobd/web-1=/web jobd/web-1=/web.out"
        );
    }
}
