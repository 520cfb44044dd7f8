//! What the compiler says of a function that cannot be an entry.

use std::fs;
use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

/// The crate as it was built for this test: the latest of its kind beside us.
fn built() -> (PathBuf, PathBuf) {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().unwrap();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let ours = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libproc_spawn-") && name.ends_with(".rlib")
    });
    let age = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let latest = ours.max_by_key(|path| age(path).unwrap_or(SystemTime::UNIX_EPOCH));
    (latest.unwrap(), folder.to_owned())
}

/// What the compiler says of a program; `None` where there is none that may be used.
fn said_of(items: &str, list: &str) -> Option<String> {
    let (library, folder) = built();
    let scratch = tempfile::tempdir().unwrap();
    let source = scratch.path().join("main.rs");
    let text =
        format!("{items}\nfn main() {{ proc_spawn::init(proc_spawn::entries![{list}]); }}\n");
    fs::write(&source, text).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args(["--edition=2024", "--emit=metadata", "--crate-name=snippet", "--extern"])
        .arg(format!("proc_spawn={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg("--out-dir")
        .arg(scratch.path())
        .arg(&source)
        .output()
        .ok()?;
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), !said.contains("error"), "{said}");
    Some(said)
}

/// Case: FLT-H9
pub(crate) fn a_function_that_cannot_be_an_entry_is_told_why() {
    let right = said_of("fn right(_day: u32) -> Result<(), String> { Ok(()) }", "right");
    let Some(right) = right else {
        let mut err = stderr();
        return writeln!(err, "skipped: this user has no compiler").unwrap();
    };
    assert_eq!(right, "");
    let cases = [
        ("async fn work() {}", "block_on"),
        ("async fn work(_day: u32) -> Result<(), String> { Ok(()) }", "block_on"),
        ("fn work(_a: u32, _b: u32) {}", "several are one struct or tuple"),
        ("fn work() -> std::process::ExitCode { todo!() }", "exit_code_if"),
        ("fn work() -> u32 { 0 }", "returns `()` or `Result<T, E>`"),
        (
            "struct Odd; fn work() -> Result<Odd, String> { Ok(Odd) }",
            "`T` crosses back to the parent",
        ),
        ("struct Args; fn work(_: Args) {}", "derives `serde::Serialize`"),
        ("struct Odd; fn work() -> Result<(), Odd> { Ok(()) }", "AsRef<dyn Error>"),
    ];
    for (items, way_out) in cases {
        let said = said_of(items, "work").unwrap();
        // Long lines are broken as the terminal has it.
        let said: Vec<_> = said.split_whitespace().filter(|word| *word != "|").collect();
        let said = said.join(" ");
        assert!(said.contains(way_out), "of {items}: {said}");
        assert!(said.contains("entry"), "of {items}: {said}");
    }
}
