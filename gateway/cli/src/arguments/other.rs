//! Commands that others add: `micro foo` runs the program `micro-foo` of the path, as git does (spec/toolkit 1.9).
//! Micro v2 ran any program of that name, `ls` too.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exit::Exit;
use crate::output::complain;

/// A program with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Other {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Other {
    /// Looks for the program of a command in the folders of the path.
    pub(super) fn find(word: &str, arguments: Vec<String>, path: Option<&String>) -> Option<Self> {
        let is_name = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let folders = path.filter(|_| is_name && !word.is_empty()).map(|path| std::env::split_paths(path))?;
        let name = format!("micro-{word}{}", std::env::consts::EXE_SUFFIX);
        let mut programs = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(&name));
        Some(Self { program: programs.find(|program| is_executable(program))?, arguments })
    }

    /// Becomes the program. Returns where that fails.
    #[cfg(unix)]
    pub(super) fn run(self) -> Exit {
        let error = std::os::unix::process::CommandExt::exec(Command::new(&self.program).args(self.arguments));
        complain(&format!("{} cannot be run: {error}\n", self.program.display()));
        Exit::Failed
    }

    /// Runs the program to its end.
    #[cfg(not(unix))]
    pub(super) fn run(self) -> Exit {
        match Command::new(&self.program).args(self.arguments).status() {
            Ok(status) if status.success() => Exit::Done,
            Ok(_) => Exit::Failed,
            Err(error) => {
                complain(&format!("{} cannot be run: {error}\n", self.program.display()));
                Exit::Failed
            }
        }
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    let mode = |metadata: &std::fs::Metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && mode(&metadata) & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
