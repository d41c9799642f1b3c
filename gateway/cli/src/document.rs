//! From words and files to a compiled document: the same way for every command.

use std::collections::BTreeMap;
use std::sync::Arc;

use config_schema::settings::{Setting, config_files};
use config_schema::{Input, Layers, Preset, Report, load, read_files};
use gateway_snapshot::{Compiled, compile};

/// Where a document comes from. Reading it again gives what is there then; standard input can only be read once and is
/// kept.
#[derive(Debug)]
pub(crate) struct Origin {
    preset: Preset,
    names: Vec<String>,
    settings: Vec<Setting>,
    variables: BTreeMap<String, String>,
    standard_input: Option<Input>,
}

impl Origin {
    /// Takes the files of the settings: `--config`, else `MICRO_CONFIG`.
    pub(crate) fn of_settings(preset: Preset, settings: &[Setting], variables: &BTreeMap<String, String>) -> Self {
        Self::of_files(preset, config_files(settings), settings, variables)
    }

    /// Takes these files.
    pub(crate) fn of_files(
        preset: Preset,
        names: Vec<String>,
        settings: &[Setting],
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let standard_input = if names.iter().any(|name| name == "-") { read_files(["-"]).pop() } else { None };
        Self { preset, names, settings: settings.to_vec(), variables: variables.clone(), standard_input }
    }

    /// Returns what the document is read from, in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the files that can change, to be watched.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).filter(|name| *name != "-")
    }

    /// Returns whether any file is named.
    pub(crate) fn has_files(&self) -> bool {
        !self.names.is_empty()
    }

    /// Reads and compiles the document as it is now. Blocks.
    ///
    /// # Errors
    /// Returns all findings: those of loading and, where it loads, those of compiling.
    pub(crate) fn compile(&self) -> Result<Compiled, Report> {
        compile(Arc::new(load(&self.layers())?))
    }

    fn layers(&self) -> Layers {
        let files = self.names.iter().flat_map(|name| match (name.as_str(), &self.standard_input) {
            ("-", Some(input)) => vec![input.clone()],
            (name, _) => read_files([name]),
        });
        Layers {
            preset: Some(self.preset),
            files: files.collect(),
            settings: self.settings.clone(),
            variables: self.variables.clone(),
        }
    }
}
