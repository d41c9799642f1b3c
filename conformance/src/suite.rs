//! Reads `cases/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::case::{Case, CaseFile};

/// The file of promises whose part is not built yet.
pub const LATER: &str = "later.yaml";

/// A file of cases with its name, such as `resolver`.
#[derive(Debug)]
pub struct Area {
    /// The path below `cases/`, without extension.
    pub name: String,
    /// What it holds.
    pub file: CaseFile,
}

/// Returns the folder of the cases.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Reads all files of cases.
///
/// # Errors
/// When one cannot be read, or a case is not one: it has an id of its own, says what it proves, and is either requests
/// in a set-up of its file or a test.
pub fn read() -> Result<Vec<Area>> {
    let mut paths = Vec::new();
    collect(&folder(), &mut paths)?;
    paths.sort();
    let mut areas = Vec::new();
    for path in paths.iter().filter(|path| !path.ends_with(LATER)) {
        let text = fs::read_to_string(path)?;
        let file: CaseFile = serde_yaml::from_str(&text).with_context(|| path.display().to_string())?;
        let name = path.strip_prefix(folder())?.with_extension("").to_string_lossy().into_owned();
        for case in &file.cases {
            check(&file, case).with_context(|| format!("{}: case {}", path.display(), case.id))?;
        }
        areas.push(Area { name, file });
    }
    let mut ids: Vec<&str> = areas.iter().flat_map(|area| &area.file.cases).map(|case| case.id.as_str()).collect();
    ids.sort_unstable();
    if let Some([id, _]) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("two cases have the id {id}");
    }
    Ok(areas)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            ensure!(path.extension().is_some_and(|kind| kind == "yaml"), "{} is not a file of cases", path.display());
            paths.push(path);
        }
    }
    Ok(())
}

fn check(file: &CaseFile, case: &Case) -> Result<()> {
    ensure!(!case.proves.is_empty(), "it proves nothing");
    match (&case.setup, &case.test) {
        (Some(setup), None) => {
            ensure!(file.setups.contains_key(setup), "there is no set-up {setup:?} in its file");
            ensure!(!case.all_steps().is_empty(), "it asks nothing");
        }
        (None, Some(_)) => ensure!(case.all_steps().is_empty(), "it is a test and has requests, too"),
        _ => bail!("it needs either a set-up or a test"),
    }
    Ok(())
}
