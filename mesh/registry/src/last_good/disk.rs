//! The table on disk: a list of records in JSON, replaced as a whole.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::limits;
use crate::model::Service;

/// The most bytes that are read; what a registry may hold stays well below.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Writes a table beside the old one and puts it in its place, so that a crash leaves one or the other.
pub(super) fn save(path: &Path, services: &[Service]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        private(fs::DirBuilder::new().recursive(true)).create(folder)?;
    }
    // Several may write the same table at once, in this process too: each has a file of its own.
    let beside = path.with_extension(format!("{}-{:016x}.tmp", std::process::id(), fastrand::u64(..)));
    let file = create(&beside)?;
    let written = write(file, services).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    written
}

fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write(file: fs::File, services: &[Service]) -> io::Result<()> {
    let mut file = io::BufWriter::new(file);
    for (at, service) in services.iter().enumerate() {
        file.write_all(if at == 0 { b"[" } else { b",\n" })?;
        file.write_all(service.to_json().as_bytes())?;
    }
    file.write_all(if services.is_empty() { b"[]\n" } else { b"]\n" })?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn private(builder: &mut fs::DirBuilder) -> &mut fs::DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder
}

/// Reads a table; records that no registry should hold are left out.
pub(super) fn load(path: &Path) -> io::Result<Vec<Service>> {
    let mut text = String::new();
    fs::File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    let services: Vec<Service> = serde_json::from_str(&text).map_err(io::Error::other)?;
    Ok(services.into_iter().filter(|service| limits::check(service).is_ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::model::Node;

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn several_write_at_once_and_leave_one_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.json");
        let of = |count: usize| -> Vec<Service> {
            let one = |at| Service { nodes: vec![Node::new("n", "127.0.0.1:1")], ..Service::new(format!("s{at}")) };
            (0..count).map(one).collect()
        };
        thread::scope(|scope| {
            for count in 1..=4 {
                let (path, services) = (&path, of(count * 10));
                scope.spawn(move || (0..10).for_each(|_| save(path, &services).unwrap()));
            }
        });
        assert_eq!(load(&path).unwrap().len() % 10, 0);
        assert_eq!(files(folder.path()), 1);
    }

    #[test]
    fn a_write_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.json");
        fs::create_dir(&path).unwrap();
        save(&path, &[]).unwrap_err();
        assert_eq!(files(folder.path()), 1);
    }
}
