//! What each crate costs who depends on it: how many crates come along, how long they take to build,
//! and how much they add to the smallest program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;
use testbed::cargo::Cargo;
use testbed::{Failure, Outcome, Workspace, interrupt};

use super::{page, sessions, table};

/// Where the table stands.
const PAGE: &str = "README.md";
const NAME: &str = "cost";

/// A leaf stays below this, but for those that say why.
const MOST: usize = 10;
const EXCEPT: [&str; 2] = ["logging", "proc-spawn"];

/// Crates that do more than they must, and what that is called: shown with it, too.
const FEATURES: [(&str, &str); 4] = [
    ("log-file", "compression,local-time"),
    ("logging", "yaml,compression,local-time"),
    ("supervisor", "yaml"),
    ("workers", "yaml"),
];

pub(crate) fn run() -> Outcome {
    let root = testbed::root();
    let workspace = Workspace::load()?;
    let folder =
        TempDir::with_prefix("appkit-cost-").map_err(Failure::step("make a temporary folder"))?;
    let bare = build(folder.path(), &root, None, "")?;
    let mut lines = Vec::new();
    let mut many = Vec::new();
    // Layer by layer, as in the table above it in the page.
    let mut packages: Vec<_> = workspace.crates(&root).collect();
    let below = |name: &str| {
        let layer = workspace.layers.iter().find(|(layer, _)| layer == name);
        layer.map_or(0, |(_, below)| below.len())
    };
    packages.sort_by_key(|package| below(&package.name));
    let names = packages.iter().map(|package| package.name.as_str());
    let all = names.flat_map(|name| {
        let more = FEATURES.iter().filter(move |(with, _)| *with == name);
        std::iter::once((name, "")).chain(more.copied())
    });
    for (name, features) in all {
        if interrupt::asked() {
            return Err(interrupt::failure());
        }
        sessions::step(name);
        let crates = count(name, features)?;
        let built = build(folder.path(), &root, Some(name), features)?;
        let size = built.size.saturating_sub(bare.size) as f64 / 1024.0;
        let leaf = workspace.layers.iter().any(|(layer, below)| layer == name && below.is_empty());
        if leaf && crates.direct >= MOST && !EXCEPT.contains(&name) {
            many.push(name);
        }
        let [direct, all] = [crates.direct, crates.all].map(|count| count.to_string());
        let (seconds, size) = (format!("{:.0}", built.seconds), format!("{size:.0}"));
        let shown = if features.is_empty() {
            name.to_owned()
        } else {
            format!("… with {}", features.replace(',', ", "))
        };
        lines.push(table::line(&[&shown, &direct, &all, &seconds, &size]));
    }
    let head = [
        "crate",
        "direct dependencies",
        "crates in its tree",
        "clean release build, s",
        "adds, KiB",
    ];
    let text = table::line(&head) + &table::line(&["---"; 5]) + &lines.concat();
    println!("\n{text}");
    page::write(PAGE, NAME, &text)?;
    match many.as_slice() {
        [] => Ok(()),
        many => {
            Err(Failure::new(format!("{MOST} direct dependencies or more: {}", many.join(", "))))
        }
    }
}

struct Crates {
    direct: usize,
    /// Itself not counted.
    all: usize,
}

fn count(package: &str, features: &str) -> Outcome<Crates> {
    let names = |depth: &str| -> Outcome<usize> {
        let what = ["tree", "-p", package, "--edges", "normal,build", "--prefix", "none"];
        let how = ["--format", "{p}", "--depth", depth, "--features", features];
        let output = Cargo::new(what.into_iter().chain(how)).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned));
        let names: BTreeSet<String> = words.filter(|name| !name.is_empty()).collect();
        Ok(names.len().saturating_sub(1))
    };
    Ok(Crates { direct: names("1")?, all: names("99")? })
}

struct Built {
    seconds: f64,
    size: u64,
}

/// A program that says hello, and calls one thing of the crate so that it cannot be left out.
fn build(folder: &Path, root: &Path, package: Option<&str>, features: &str) -> Outcome<Built> {
    let place = folder.join(package.unwrap_or("hello"));
    let source = place.join("src");
    fs::create_dir_all(&source).map_err(Failure::at("make", &source))?;
    let dependency = package.map_or(String::new(), |name| {
        let path = root.join("crates").join(name);
        let features: Vec<_> = features.split(',').filter(|feature| !feature.is_empty()).collect();
        format!("{name} = {{ path = \"{}\", features = {features:?} }}\n", path.display())
    });
    let manifest = format!(
        "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\n{dependency}[profile.release]\nlto = \"thin\"\ncodegen-units = 4\nstrip = true\n"
    );
    let program = format!("fn main() {{\n    println!(\"hello\");\n{}}}\n", use_of(package));
    for (path, text) in [(place.join("Cargo.toml"), manifest), (source.join("main.rs"), program)] {
        fs::write(&path, text).map_err(Failure::at("write", &path))?;
    }
    let lock = place.join("Cargo.lock");
    fs::copy(root.join("Cargo.lock"), &lock).map_err(Failure::at("copy", &lock))?;
    let began = Instant::now();
    let output = Cargo::new(["build", "--release", "--offline", "--quiet"])
        .command()
        .env("CARGO_TARGET_DIR", place.join("target"))
        .current_dir(&place)
        .output()
        .map_err(Failure::step("run cargo build"))?;
    let seconds = began.elapsed().as_secs_f64();
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("a program with {package:?} does not build\n{text}")));
    }
    let built = place.join("target/release/hello");
    let size = fs::metadata(&built).map_err(Failure::at("look at", &built))?.len();
    // Room for the next one.
    let _ = fs::remove_dir_all(place.join("target"));
    Ok(Built { seconds, size })
}

/// The first thing that one does with it.
fn use_of(package: Option<&str>) -> &'static str {
    match package {
        Some("quit") => {
            "    quit::install().unwrap();\n    quit::sleep(std::time::Duration::MAX);\n"
        }
        Some("pidfile") => "    drop(pidfile::PidFile::acquire(\"hello.pid\").unwrap());\n",
        Some("stdio-redirect") => "    stdio_redirect::Redirect::null().apply().unwrap();\n",
        Some("trusted-path") => {
            "    let (access, trust) = (trusted_path::Access::Append, Default::default());\n    \
             let path = std::path::Path::new(\"hello.txt\");\n    \
             drop(trusted_path::open_or_create(path, access, 0o644, trust).unwrap());\n"
        }
        Some("log-file") => {
            "    use std::io::Write;\n    \
             let mut log = log_file::LogFile::open(\"hello.log\").unwrap();\n    \
             writeln!(log, \"hello\").unwrap();\n"
        }
        Some("logging") => {
            "    let config = logging::LoggingConfig::file(\"hello.log\");\n    \
             logging::install(&config, logging::Process::new(\"hello\")).unwrap();\n"
        }
        Some("proc-spawn") => {
            "    fn child() {}\n    proc_spawn::init(proc_spawn::entries![child]);\n    \
             let call = proc_spawn::Call::new(child, ());\n    \
             drop(proc_spawn::Spawn::new(call).unwrap().spawn().unwrap());\n"
        }
        Some("supervisor") => {
            "    fn child() {}\n    supervisor::init(Default::default());\n    \
             let options = supervisor::DaemonOptions::new(\"d.pid\", child, ());\n    \
             drop(supervisor::start_daemon(options));\n"
        }
        Some("workers") => {
            "    drop(workers::start_workers([], workers::WorkersOptions::default()));\n"
        }
        Some("appkit") => {
            "    fn child() {}\n    appkit::init(appkit::entries![child]);\n    \
             let options = appkit::DaemonOptions::from_yaml_file(\"d.yaml\").unwrap();\n    \
             drop(appkit::start_daemon(options));\n    \
             drop(appkit::start_workers([], appkit::WorkersOptions::default()));\n"
        }
        _ => "",
    }
}
