//! `~/.micro`: the JSON file of Micro v2 (spec/toolkit 1.5), which other programs of it read, too. It holds tokens, so
//! only its owner may read it; it is written in one step, and what we do not know of it stays as it is.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mesh_rpc::json::{syntax_error, to_string};
use serde_json::Value;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::go_json::kind;
use crate::output::say;

const FILE: &str = ".micro";
const SELECTED: &str = "env";
const ENVIRONMENTS: &str = "envs";
/// The most bytes that are read.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The file as it was read, with what is to be written.
#[derive(Debug)]
pub(super) struct StateFile {
    /// None without a home.
    path: Option<PathBuf>,
    content: BTreeMap<String, Value>,
    /// Why the content is not that of the file, which is not written then: what it holds would be lost.
    unread: Option<String>,
}

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// `HOME` is not set.
    #[error("HOME is not set, so there is no place for {FILE}")]
    NoHome,
    /// There is a file, and what it holds is not known.
    #[error("{path} is left as it is, since it cannot be read: {reason}", path = path.display())]
    Unread { path: PathBuf, reason: String },
    /// The system refuses it.
    #[error("writing {path}: {source}", path = path.display())]
    System { path: PathBuf, source: io::Error },
}

impl StateFile {
    /// Reads the file in this folder, and makes an empty one where there is none. One that cannot be read counts as
    /// empty, but is not written; what is no JSON is also one line of the log, on standard output as in Micro v2.
    pub(super) fn read(home: Option<&str>) -> Self {
        let path = home.filter(|home| !home.is_empty()).map(|home| Path::new(home).join(FILE));
        let text = path.as_deref().map_or_else(|| Ok(String::new()), read_or_create);
        let content = text.map_err(|error| error.to_string()).and_then(|text| parse(&text).inspect_err(|it| log(it)));
        match content {
            Ok(content) => Self { path, content, unread: None },
            Err(reason) => Self { path, content: BTreeMap::new(), unread: Some(reason) },
        }
    }

    /// Returns the name of the selected environment.
    pub(super) fn selected(&self) -> Option<&str> {
        self.content.get(SELECTED)?.as_str().filter(|name| !name.is_empty())
    }

    /// Selects an environment.
    pub(super) fn select(&mut self, name: &str) {
        self.content.insert(SELECTED.to_owned(), name.into());
    }

    /// Returns the environments with their addresses: JSON in a string.
    pub(super) fn environments(&self) -> BTreeMap<String, String> {
        let text = self.content.get(ENVIRONMENTS).and_then(Value::as_str).unwrap_or_default();
        let all: BTreeMap<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let address = |value: &Value| value.get("ProxyAddress").and_then(Value::as_str).unwrap_or_default().to_owned();
        all.iter().map(|(name, value)| (name.clone(), address(value))).collect()
    }

    /// Sets the environments.
    pub(super) fn set_environments(&mut self, all: &BTreeMap<String, String>) {
        let one = |(name, address): (&String, &String)| {
            let members = BTreeMap::from([("Name", name.clone()), ("ProxyAddress", address.clone())]);
            (name.clone(), members)
        };
        let all: BTreeMap<String, _> = all.iter().map(one).collect();
        let text = to_string(&all).expect("maps of strings always serialise");
        self.content.insert(ENVIRONMENTS.to_owned(), text.into());
    }

    /// Writes the file in one step: those who read meanwhile see the one before or this one.
    ///
    /// # Errors
    /// When there is no home, what the file holds could not be read, or the system refuses it.
    pub(super) fn write(&self) -> Result<(), WriteError> {
        let path = self.path.as_deref().ok_or(WriteError::NoHome)?;
        if let Some(reason) = &self.unread {
            return Err(WriteError::Unread { path: path.to_owned(), reason: reason.clone() });
        }
        let text = to_string(&self.content).expect("maps with string keys always serialise");
        // A link stays one: people keep such files elsewhere.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let beside = path.with_file_name(format!("{FILE}.{}", std::process::id()));
        let written = write_private(&beside, text.as_bytes()).and_then(|()| fs::rename(&beside, &path));
        written.map_err(|source| {
            fs::remove_file(&beside).ok(); // it may not be there
            WriteError::System { path, source }
        })
    }
}

fn read_or_create(path: &Path) -> io::Result<String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Where none can be made, there is none to lose; a write says why.
            private(OpenOptions::new().write(true).create_new(true)).open(path).ok();
            return Ok(String::new());
        }
        Err(error) => return Err(error),
    };
    let text = io::read_to_string(io::Read::take(file, BYTES_MAX + 1))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn parse(text: &str) -> Result<BTreeMap<String, Value>, String> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    if let Some(reason) = syntax_error(text.as_bytes()) {
        return Err(reason);
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members.into_iter().collect()),
        Ok(Value::Null) => Ok(BTreeMap::new()),
        Ok(other) => {
            Err(format!("json: cannot unmarshal {} into Go value of type map[string]interface {{}}", kind(&other)))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// One line as go-micro's logger writes it; the place is ours, and the time UTC.
fn log(reason: &str) {
    let mut now = String::new();
    // A string takes everything; without the time the line still says what it is about.
    SystemTime.format_time(&mut Writer::new(&mut now)).ok();
    let now = now.get(..19).unwrap_or_default().replace('T', " ");
    say(&format!("{now}  file={}:{} level=info [{reason}]\n", file!(), line!()));
}
