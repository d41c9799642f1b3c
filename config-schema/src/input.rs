//! Files as they were read, before anything is known about them.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::tree::FILE_BYTES_MAX;

/// A file with its name as given, or why it could not be read. A failure is a finding like any other, so that it is
/// reported beside those of the other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The name as given; `<stdin>` for `-`.
    pub name: String,
    /// The content, or why there is none.
    pub content: Result<Vec<u8>, String>,
}

impl Input {
    /// Makes an input of a text.
    pub fn text(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: Ok(text.into()) }
    }
}

/// Reads the files that a command line names, in order: a file, a directory (its `*.yaml`, `*.yml` and `*.json`, by
/// name), or `-` for standard input. This is the only function of the crate that touches the file system.
///
/// Of a file over the limit only a little more than the limit is read.
pub fn read_files<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Vec<Input> {
    names.into_iter().flat_map(|name| read_one(name.as_ref())).collect()
}

fn read_one(name: &str) -> Vec<Input> {
    if name == "-" {
        return vec![Input { name: "<stdin>".to_owned(), content: read_bounded(io::stdin().lock()) }];
    }
    let path = Path::new(name);
    if !path.is_dir() {
        return vec![read_path(path)];
    }
    match documents_of(path) {
        Ok(files) if files.is_empty() => {
            let reason = "the directory holds no *.yaml, *.yml or *.json".to_owned();
            vec![Input { name: name.to_owned(), content: Err(reason) }]
        }
        Ok(files) => files.iter().map(|file| read_path(file)).collect(),
        Err(error) => vec![Input { name: name.to_owned(), content: Err(reason(&error)) }],
    }
}

fn documents_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let is_document = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        matches!(extension, "yaml" | "yml" | "json") && path.is_file()
    };
    let paths =
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = paths.into_iter().filter(is_document).collect();
    files.sort();
    Ok(files)
}

fn read_path(path: &Path) -> Input {
    let content = fs::File::open(path).map_err(|error| reason(&error)).and_then(read_bounded);
    Input { name: path.display().to_string(), content }
}

fn read_bounded(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let most = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    Ok(bytes)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_its_documents_by_name() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.json", "c.yml", "notes.txt"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        fs::create_dir(directory.path().join("d.yaml")).unwrap();
        let inputs = read_files([directory.path().to_str().unwrap()]);
        let contents: Vec<_> =
            inputs.into_iter().map(|input| String::from_utf8(input.content.unwrap()).unwrap()).collect();
        assert_eq!(contents, ["a.json", "b.yaml", "c.yml"]);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let check = |name: &str, expected: &str| {
            let [input] = read_files([name]).try_into().unwrap();
            assert_eq!(input.content, Err(expected.to_owned()));
        };
        check(directory.path().to_str().unwrap(), "the directory holds no *.yaml, *.yml or *.json");
        check(directory.path().join("x.yaml").to_str().unwrap(), "there is no such file");
    }
}
