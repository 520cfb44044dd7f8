//! Who multiplies faster than anybody kills one by one (kind F).

use std::os::unix::process::CommandExt;

use libtest_mimic::Trial;

use crate::{bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![a_fork_bomb_below_a_limit_is_got_rid_of]
}

/// Forks, and leaves its session, in every process of it, as long as a file is there; deaf to SIGTERM.
/// But only below a limit, and as somebody else than root.
const BOMB: &str = r#"
use POSIX ();
open(my $limits, "<", "/proc/self/limits") or exit 1;
exit 1 unless $> > 60000 && grep { /^Max processes +60 +60 / } <$limits>;
$SIG{TERM} = $SIG{CHLD} = "IGNORE";
while (-e "burns") {
    my $pid = fork();
    if (!defined $pid) { select(undef, undef, undef, 0.002) } elsif (!$pid) { POSIX::setsid() }
}
"#;

/// Removes the file, also when the test has failed.
struct Burning(std::path::PathBuf);

impl Drop for Burning {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Killed one by one they were replaced faster than they went, and so they were by a guardian that could open nothing to
/// look at them.
///
/// Case: FLT-F2
fn a_fork_bomb_below_a_limit_is_got_rid_of() {
    if !is_root() || std::process::Command::new("perl").arg("-v").output().is_err() {
        return eprintln!("skipped: another user's limit needs root, and the bomb perl");
    }
    // Ended by the executor before another run of the worker, or by the guardian.
    for (number, of_a_worker, starved) in [(1, true, false), (2, false, false), (3, false, true)] {
        let mut bed = bed();
        bed.open_to_others();
        bed.write("bomb", BOMB);
        let _burning = Burning(bed.write("burns", ""));
        // Nobody else's: the limit counts all processes of a user.
        let user = 60_000 + std::process::id() % 1_250 * 4 + number;
        bed.gate("go");
        let steps = match of_a_worker {
            true => {
                "workers: {restart: {after: 0}, workers: [{name: red, args: [in_run: [1, {command: \
                 [perl, bomb]}], in_run: [1, {gate: go}], in_run: [1, {exit: 3}], rounds]}]}"
            }
            false => "command: [perl, bomb], rounds",
        };
        let folder = bed.path("").display().to_string();
        let file = bed
            .options(&format!("{{grace: 300ms, directory: {folder:?}, daemon_args: [{steps}]}}"));
        let mut command = bed.command("prlimit");
        command.args(["--nproc=60", "--"]).arg(bed.fixture()).args(["start", &file]);
        command.uid(user).gid(user);
        bed.launch_command(command).finish().success();
        // Most that there is room for, threads included.
        bed.until("many", || (bed.processes().len() > 30).then_some(()));
        if of_a_worker {
            bed.open_gate("go");
            bed.expect("worker red started, run 2");
            assert!(bed.processes().iter().all(|process| process.title() != "perl bomb"));
        }
        if starved {
            let guardian = bed.process("guardian d").pid().to_string();
            let mut command = bed.command("prlimit");
            command.args(["--pid", &guardian, "--nofile=3:"]).uid(user).gid(user);
            bed.launch_command(command).finish().success();
        }
        let mut command = bed.command(bed.fixture());
        command.args(["stop", "d.pid"]).uid(user).gid(user);
        bed.launch_command(command).finish().success();
        bed.nothing_left();
        assert!(bed.path("burns").exists(), "it has ended by itself");
    }
}
