//! The workspace as files and packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// The folder of the root `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    // Cargo tells it to whatever it runs; without cargo we are where the user is.
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(
        || std::env::current_dir().unwrap_or_default(),
        |manifest| Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_owned),
    )
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

pub(crate) fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(Failure::at("read", path))
}

/// Every file below `root` whose name ends in `.extension`, sorted; no build output, no git.
pub(crate) fn files(root: &Path, extension: &str) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(Failure::at("list", &folder))? {
            let entry = entry.map_err(Failure::at("list", &folder))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(Failure::at("look at", &path))?;
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden && name != "target" {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `path` as it is written from the root; for messages.
pub(crate) fn relative<'a>(root: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder of its manifest.
    pub(crate) folder: PathBuf,
    /// Names of all dependencies, of any kind, and where path dependencies lie.
    pub(crate) dependencies: Vec<String>,
}

impl Package {
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    /// Is it one of the crates that people depend on?
    pub(crate) fn is_crate(&self, root: &Path) -> bool {
        self.folder.parent() == Some(&root.join("crates"))
    }
}

/// What cargo knows of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    /// `[workspace.metadata.layers]`: who may depend on whom.
    pub(crate) layers: Vec<(String, Vec<String>)>,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn load(root: &Path) -> Outcome<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(root)
            .output()
            .map_err(Failure::step("run cargo metadata"))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("cargo metadata failed\n{text}")));
        }
        let value: Value = serde_json::from_slice(&output.stdout)
            .map_err(Failure::step("understand cargo metadata"))?;
        Self::from_json(&value).ok_or_else(|| Failure::new("cargo metadata has an unknown form"))
    }

    fn from_json(value: &Value) -> Option<Self> {
        let mut packages = Vec::new();
        for package in value["packages"].as_array()? {
            let manifest = Path::new(package["manifest_path"].as_str()?);
            packages.push(Package {
                name: package["name"].as_str()?.to_owned(),
                folder: manifest.parent()?.to_owned(),
                dependencies: package["dependencies"]
                    .as_array()?
                    .iter()
                    .filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned()))
                    .collect(),
            });
        }
        packages.sort_by(|left, right| left.name.cmp(&right.name));
        let mut layers = Vec::new();
        for (name, below) in value["metadata"]["layers"].as_object()? {
            let below = below.as_array()?.iter();
            layers.push((
                name.clone(),
                below.filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
            ));
        }
        let target = value["target_directory"].as_str()?.into();
        Some(Workspace { packages, layers, target })
    }

    /// The crates that people depend on, by name.
    pub(crate) fn crates(&self, root: &Path) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |package| package.is_crate(root))
    }
}
