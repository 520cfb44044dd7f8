//! What follows which end, and how ends are listed and told.

use exit::{ErrorText, Failure, NoValue, Panic};

use super::*;
use crate::memory::MemoryUse;

fn code(code: i32) -> RunEnd {
    RunEnd::Exited(Exit::Code(code))
}

fn signal(signal: i32) -> RunEnd {
    RunEnd::Exited(Exit::Signal { signal, core: false, out_of_memory: false, panic: None })
}

fn returned(permanent: bool) -> RunEnd {
    let error = ErrorText::new(&fmt::Error);
    RunEnd::Exited(Exit::Error(Failure { error, permanent, code: 1 }))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The table of causes and policies, as systemd.service(5) has it.
///
/// Cases: RST-01, RST-02, RST-03, RST-04, RST-05, RST-06, RST-07, RST-11, RST-12
#[test]
fn the_table_of_causes_and_policies() {
    let policies = [
        Restart::Never,
        Restart::Always,
        Restart::OnSuccess,
        Restart::OnFailure,
        Restart::OnAbnormal,
    ];
    let panic = Panic { message: "boom".into(), place: String::new() };
    let causes = [
        ("code 0", code(0)),
        ("code 3, listed", code(3)),
        ("SIGTERM, listed", signal(15)),
        ("code 1", code(1)),
        ("error", returned(false)),
        ("SIGKILL", signal(9)),
        ("panic", RunEnd::Exited(Exit::Panic(panic))),
        ("not ready", RunEnd::NotReady { after: seconds(1), to_tell: false }),
        ("memory", RunEnd::Memory { used: MemoryUse { bytes: 2, limit: 1 }, exit: None }),
        ("hung", RunEnd::Hung { after: seconds(1), exit: Some(Exit::Code(0)) }),
        ("not started", RunEnd::NotStarted(ErrorText::new(&fmt::Error))),
        ("unknown", RunEnd::Exited(Exit::Unknown)),
    ];
    let mut table = String::new();
    for (name, end) in causes {
        table += &format!("{name:16}");
        let listed = Ends::codes([3]).and(Ends::signals([15]));
        let clean = RestartPolicy::default().success(listed.clone()).is_clean(&end);
        assert_eq!(clean, name == "code 0" || name.ends_with("listed"), "{name}");
        for restart in policies {
            let policy = RestartPolicy::new(restart).success(listed.clone());
            let again = policy.follows(&end) == AfterEnd::Again;
            table += if again { " yes" } else { "  - " };
        }
        table += "\n";
    }
    //                never always success failure abnormal
    let expected = "\
code 0            -  yes yes  -   -
code 3, listed    -  yes yes  -   -
SIGTERM, listed   -  yes yes  -   -
code 1            -  yes  -  yes  -
error             -  yes  -  yes  -
SIGKILL           -  yes  -  yes yes
panic             -  yes  -  yes yes
not ready         -  yes  -  yes yes
memory            -  yes  -  yes yes
hung              -  yes  -  yes yes
not started       -  yes  -  yes yes
unknown           -  yes  -  yes  -
";
    let trimmed: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(trimmed, expected);
}

#[test]
fn an_end_on_a_list_is_one_by_its_code_or_its_signal() {
    let ends = Ends::codes([3]).and(Ends::signals([15]));
    for (end, is_listed) in
        [(code(3), true), (signal(15), true), (code(4), false), (signal(9), false)]
    {
        assert_eq!(ends.contains(&end), is_listed, "{end}");
    }
    assert!(!ends.contains(&RunEnd::NotReady { after: seconds(1), to_tell: false }));
}

#[test]
fn an_end_that_counts_as_success_is_one_from_then_on() {
    let policy = RestartPolicy::default().success(Ends::codes([0, 3]));
    assert_eq!(policy.judged(code(3)), RunEnd::Succeeded(Exit::Code(3)));
    assert_eq!(policy.judged(code(0)), code(0), "it is one already");
    assert_eq!(policy.judged(code(4)), code(4));
    let no_value = || RunEnd::Exited(Exit::NoValue(NoValue::Missing));
    assert_eq!(policy.judged(no_value()), no_value(), "whatever its code is");
    assert!(!policy.is_clean(&no_value()));
}

#[test]
fn a_simple_policy_is_a_delay_after_failures() {
    let policy = RestartPolicy::after(seconds(7));
    assert_eq!(policy.restart, Restart::OnFailure);
    assert_eq!(policy.backoff, Backoff::constant(seconds(7)));
}

#[test]
fn a_reason_to_give_up_is_told_in_words() {
    let limit = RestartLimit { times: 1, window: seconds(10) };
    let texts = [GaveUp::Prevented, GaveUp::Permanent].map(|why| why.to_string());
    assert!(texts.iter().all(|text| !text.is_empty()) && texts[0] != texts[1], "{texts:?}");
    assert_eq!(limit.to_string(), "more than 1 restart within 10s");
    let limit = RestartLimit { times: 5, ..limit };
    assert_eq!(limit.to_string(), "more than 5 restarts within 10s");
}
