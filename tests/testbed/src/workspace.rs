//! The workspace as files and packages.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo::Cargo;
use crate::failure::{Failure, Outcome};

/// The folder of the root `Cargo.toml`.
pub fn root() -> PathBuf {
    // Cargo tells where the package is to whatever it runs; without cargo we are where the user is.
    let start = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = start.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let is_root = |folder: &&Path| folder.join("Cargo.lock").is_file();
    start.ancestors().find(is_root).unwrap_or(&start).to_owned()
}

/// A file's text.
pub fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(Failure::at("read", path))
}

/// A package of the workspace.
#[derive(Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The folder of its manifest.
    pub folder: PathBuf,
    /// Names of all dependencies, of any kind.
    pub dependencies: Vec<String>,
}

impl Package {
    /// The path of its manifest.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    /// Is it one of the crates that people depend on?
    pub fn is_crate(&self, root: &Path) -> bool {
        self.folder.parent() == Some(&root.join("crates"))
    }
}

/// What cargo knows of the workspace.
#[derive(Debug)]
pub struct Workspace {
    /// All of them, by name.
    pub packages: Vec<Package>,
    /// `[workspace.metadata.layers]`: who may depend on whom.
    pub layers: Vec<(String, Vec<String>)>,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub fn load() -> Outcome<Self> {
        let asked = Cargo::new(["metadata", "--no-deps", "--format-version", "1"]);
        let output = asked.output()?;
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
    pub fn crates(&self, root: &Path) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |package| package.is_crate(root))
    }
}
