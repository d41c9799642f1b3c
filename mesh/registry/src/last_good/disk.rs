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
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write(&beside, services).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    written
}

fn write(path: &Path, services: &[Service]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = io::BufWriter::new(options.open(path)?);
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
