//! The programs that are measured, built and kept out of the way of later builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use testbed::cargo::{self, Built};
use testbed::{Failure, Outcome};

use super::options::Options;

/// Their files go with this value.
pub(crate) struct Programs {
    /// What is measured, and the own floor.
    pub(crate) workload: PathBuf,
    /// The commands of a service, for the daemon that the workload starts.
    pub(crate) asker: PathBuf,
    /// The smallest static program; `None` where no C compiler makes it.
    pub(crate) smallest: Option<PathBuf>,
    /// Measurements of one crate each, which are examples of it.
    examples: Vec<Built>,
    _folder: TempDir,
}

/// Crate and example.
const EXAMPLES: [(&str, &str); 4] = [
    ("quit", "flag_bench"),
    ("quit", "wake_bench"),
    ("pidfile", "cost"),
    ("logging", "rate_bench"),
];

impl Programs {
    pub(crate) fn build(options: &Options) -> Outcome<Programs> {
        let folder = TempDir::with_prefix("appkit-bench-")
            .map_err(Failure::step("make a temporary folder"))?;
        let built = match &options.program {
            Some(path) => path.clone(),
            None => {
                let built = cargo_build(options.small, &["-p", "bench", "--bin", "workload"])?;
                cargo::find(&built, "workload")?
            }
        };
        let workload = folder.path().join("workload");
        fs::copy(&built, &workload).map_err(Failure::at("copy", &built))?;
        // What of it is not on the disk yet is dirty, and counts as the private memory of whoever alone has it mapped:
        // 200 KiB of code for a guardian (proc_pid_smaps(5)).
        fs::File::open(&workload)
            .and_then(|file| file.sync_all())
            .map_err(Failure::at("write to the disk", &workload))?;
        let built = cargo_build(options.small, &["-p", "bench", "--bin", "asker"])?;
        let asker = cargo::find(&built, "asker")?;
        let mut examples = Vec::new();
        for (package, example) in EXAMPLES {
            let group = match package {
                "logging" => "log",
                other => other,
            };
            if options.wants(group) {
                let built = cargo_build(options.small, &["-p", package, "--example", example])?;
                examples.extend(built.into_iter().filter(|built| built.name == example));
            }
        }
        let smallest = smallest(folder.path());
        Ok(Programs { workload, asker, smallest, examples, _folder: folder })
    }

    /// Runs an example to its end; what it printed.
    pub(crate) fn example(&self, name: &str, arguments: &[&str]) -> Outcome<String> {
        let path = cargo::find(&self.examples, name)?;
        let output =
            Command::new(&path).args(arguments).output().map_err(Failure::at("run", &path))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("`{name}` ended with {}\n{text}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// In release mode, unless only correctness matters.
fn cargo_build(small: bool, arguments: &[&str]) -> Outcome<Vec<Built>> {
    let mode = if small { &[][..] } else { &["--release"][..] };
    cargo::build(&[mode, arguments].concat())
}

/// Writes the same line as the own floor, and waits: without a C library, a linker at its start, or
/// a second page of data.
const SMALLEST: &str = r#"
typedef unsigned long word;
static word call(word number, word a, word b, word c) {
    word result;
#if defined(__x86_64__)
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
#else
#error "only x86-64 is known here"
#endif
    return result;
}
static void digits(char *end, word number) {
    do { *--end = '0' + number % 10; number /= 10; } while (number);
}
void _start(void) {
    char line[45];
    word now[2];
    for (int i = 0; i < 44; i++) line[i] = ' ';
    line[44] = '\n';
    call(228, 1, (word)now, 0);            /* clock_gettime(CLOCK_MONOTONIC) */
    line[0] = 'l'; line[1] = 'i'; line[2] = 'n'; line[3] = 'e';
    digits(line + 23, call(39, 0, 0, 0));  /* getpid */
    digits(line + 44, now[0] * 1000000000 + now[1]);
    call(1, 1, (word)line, sizeof line);   /* write to standard output */
    for (;;) call(34, 0, 0, 0);            /* pause */
}
"#;

fn smallest(folder: &Path) -> Option<PathBuf> {
    let source = folder.join("smallest.c");
    let program = folder.join("smallest");
    fs::write(&source, SMALLEST).ok()?;
    let made = Command::new("cc")
        .args(["-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-o"])
        .args([&program, &source])
        .stdin(Stdio::null())
        .output();
    made.is_ok_and(|output| output.status.success()).then_some(program)
}
