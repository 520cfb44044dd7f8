//! Files of which there is one for each number: those of a set of children, however many there will be.

use std::fmt;
use std::path::PathBuf;

use super::{Files, Owner};
use policy::Problem;

pub(super) struct Family {
    owner: Owner,
    field: &'static str,
    path_of: Box<dyn Fn(u32) -> PathBuf>,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as `{}`", self.field, (self.path_of)(1).display())
    }
}

impl Files {
    /// Takes note of files of which there is one for each number: those of others must be none of them, also if that
    /// number is not there yet.
    pub fn note_family(
        &mut self,
        owner: Owner,
        field: &'static str,
        path_of: impl Fn(u32) -> PathBuf + 'static,
    ) {
        self.families.push(Family { owner, field, path_of: Box::new(path_of) });
    }

    /// Tells of files that would be one of a family if that had as many.
    pub(super) fn check_families(&self, tell: &mut impl FnMut(Owner, Problem)) {
        for family in &self.families {
            for met in self.met.iter().filter(|met| met.owner != family.owner) {
                let path = met.path.to_string_lossy();
                let is_that = |number: &u32| *(family.path_of)(*number) == *met.path;
                let Some(number) = numbers_in(&path).find(is_that) else { continue };
                let whose = match family.owner {
                    Owner::Worker(index) => format!(" of workers[{index}]"),
                    Owner::Above | Owner::Options => String::new(),
                };
                let field = family.field;
                let reason = format!(
                    "is the {field}{whose} where its number is {number}; give another file"
                );
                let (field, value) = (met.field.clone().into_owned(), path.into_owned());
                tell(met.owner, Problem { field, value, reason });
            }
        }
    }
}

/// How many digits a number of a set has at most: there are no more than 100,000.
const MOST_DIGITS: usize = 6;

/// The numbers that may stand in a text, as they are written there: without zeros before them. Other digits may stand
/// beside them. A path with a number in its place is found among the files of a folder by trying these.
pub fn numbers_in(text: &str) -> impl Iterator<Item = u32> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    let pieces = |digits: &str| {
        let starts = (0..digits.len()).filter(|start| !digits[*start..].starts_with('0'));
        let all = starts.flat_map(|start| {
            let most = digits.len().min(start + MOST_DIGITS);
            (start + 1..=most).filter_map(move |end| digits[start..end].parse().ok())
        });
        all.collect::<Vec<u32>>()
    };
    runs.flat_map(pieces)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::files::Purpose;

    #[test]
    fn a_file_that_will_be_one_of_a_family_is_refused_before_it_is() {
        let path_of = |number| PathBuf::from(format!("/run/web2/web-{number}.pid"));
        let problems = |path: &str, owner| {
            let mut files = Files::default();
            files.note_family(Owner::Worker(0), "pid_filename", path_of);
            files.note(owner, "stdout_filename", Purpose::Output, Path::new(path));
            let mut told = Vec::new();
            files.check(|owner, problem| told.push((owner, problem.to_string())));
            told
        };
        let told = problems("/run/web2/web-17.pid", Owner::Worker(1));
        assert_eq!(
            told,
            [(
                Owner::Worker(1),
                "stdout_filename `/run/web2/web-17.pid`: is the pid_filename of workers[0] where its \
                 number is 17; give another file"
                    .to_owned()
            )]
        );
        assert_eq!(problems("/run/web2/web-17.pid", Owner::Worker(0)), []);
        let numbers: Vec<u32> = numbers_in("web2170.pid").collect();
        assert!(
            [2, 217, 17, 70, 2170].iter().all(|number| numbers.contains(number)),
            "{numbers:?}"
        );
        assert!(numbers_in(&"9".repeat(4096)).count() < 6 * 4096 + 1);
        for other in
            ["/run/web2/web-017.pid", "/run/web2/web-.pid", "/run/web-17.pid", "/run/web2/x"]
        {
            assert_eq!(problems(other, Owner::Worker(1)), [], "{other}");
        }
    }
}
