//! The prompt at a terminal: history and completion.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use super::COMMANDS;
use crate::arguments::Invocation;

/// What stands before each line.
const PROMPT: &str = "micro> ";

/// A prompt whose history outlives it, where there is a place for it.
pub(super) struct Prompt {
    editor: Editor<Names, FileHistory>,
    history: Option<PathBuf>,
}

/// Completes the names of commands.
struct Names;

impl Prompt {
    pub(super) fn open(invocation: &Invocation) -> Result<Self, ReadlineError> {
        let mut editor = Editor::new()?;
        editor.set_helper(Some(Names));
        let history = history(invocation);
        if let Some(path) = &history {
            // The first time there is none.
            editor.load_history(path).ok();
        }
        Ok(Self { editor, history })
    }

    /// Waits for a line; none when the terminal was closed or the user pressed Ctrl-C or Ctrl-D.
    pub(super) fn line(&mut self) -> Option<String> {
        let line = self.editor.readline(PROMPT).ok()?;
        if self.editor.add_history_entry(&line).unwrap_or(false)
            && let Some(path) = &self.history
        {
            // A history that is not kept is no reason to stop.
            self.editor.append_history(path).ok();
        }
        Some(line)
    }
}

/// Where the history is kept: `$XDG_STATE_HOME/micro/history`.
fn history(invocation: &Invocation) -> Option<PathBuf> {
    let variable = |name: &str| invocation.variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")))?;
    let folder = state.join("micro");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..position).unwrap_or_default();
        if typed.contains(' ') {
            return Ok((position, Vec::new()));
        }
        let names = COMMANDS.iter().map(|(name, _)| *name).filter(|name| name.starts_with(typed));
        Ok((0, names.map(|name| format!("{name} ")).collect()))
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}

impl Validator for Names {}

impl Helper for Names {}
