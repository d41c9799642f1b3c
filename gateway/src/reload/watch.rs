//! Watching files: the folders they stand in, so that renames and swapped links are seen as well as writes.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::Reloader;

/// A change is taken up once nothing more has happened for this long: editors and orchestrators write in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// The longest time that a file which never rests is waited for.
const QUIET_MAX: Duration = Duration::from_secs(1);
/// How often files are looked at where the system cannot tell of changes.
const POLL: Duration = Duration::from_secs(2);
/// The link that Kubernetes swaps to change all files of a ConfigMap at once.
const CONFIG_MAP_LINK: &str = "..data";

/// Why files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be watched")]
pub struct WatchError {
    /// The folder.
    pub path: String,
    /// The reason.
    #[source]
    pub source: notify::Error,
}

/// Reloads whenever one of `paths`, files or folders of files, changes. Runs for as long as it is polled.
///
/// # Errors
/// Fails at once when a folder cannot be watched.
pub async fn watch_files(paths: &[PathBuf], reloader: &Reloader) -> Result<(), WatchError> {
    let changed = Arc::new(Notify::new());
    let _watcher = watcher(paths, &changed)?;
    loop {
        changed.notified().await;
        rest(&changed).await;
        reloader.reload("file").await;
    }
}

/// Waits until nothing has changed for [`QUIET`], or [`QUIET_MAX`] has passed.
async fn rest(changed: &Notify) {
    let end = tokio::time::Instant::now() + QUIET_MAX;
    while tokio::time::timeout(QUIET, changed.notified()).await.is_ok() && tokio::time::Instant::now() < end {}
}

fn watcher(paths: &[PathBuf], changed: &Arc<Notify>) -> Result<Box<dyn Watcher>, WatchError> {
    let watched = Watched::of(paths);
    let (names, changed) = (watched.names, Arc::clone(changed));
    let concerns = move |event: notify::Result<notify::Event>| {
        let concerns = match event {
            // Reading a file is no change; the reload itself reads it.
            Ok(event) => !matches!(event.kind, EventKind::Access(_)) && names.concern(&event.paths),
            Err(_) => true,
        };
        if concerns {
            changed.notify_one();
        }
    };
    let mut watcher: Box<dyn Watcher> = match RecommendedWatcher::new(concerns.clone(), Config::default()) {
        Ok(watcher) => Box::new(watcher),
        Err(error) => {
            tracing::warn!(%error, interval = ?POLL, "the system does not tell of file changes; files are looked at now and then");
            let polled =
                PollWatcher::new(concerns, Config::default().with_poll_interval(POLL).with_compare_contents(true));
            Box::new(polled.map_err(|source| WatchError { path: "files".to_owned(), source })?)
        }
    };
    for folder in watched.folders {
        let failed = |source| WatchError { path: folder.display().to_string(), source };
        watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(failed)?;
    }
    Ok(watcher)
}

/// The folders to watch, and what in them concerns us.
struct Watched {
    folders: HashSet<PathBuf>,
    names: Names,
}

#[derive(Clone)]
struct Names {
    files: HashSet<OsString>,
    /// A whole folder is configured: any file in it concerns us.
    any: bool,
}

impl Watched {
    fn of(paths: &[PathBuf]) -> Self {
        let mut watched = Self { folders: HashSet::new(), names: Names { files: HashSet::new(), any: false } };
        for path in paths {
            // A link is watched where it lies and where it leads: either may change.
            let target = path.canonicalize().ok();
            for path in [Some(path.as_path()), target.as_deref()].into_iter().flatten() {
                watched.add(path);
            }
        }
        watched
    }

    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            self.names.any = true;
            self.folders.insert(path.to_owned());
            return;
        }
        self.names.files.extend(path.file_name().map(OsString::from));
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        self.folders.insert(parent.unwrap_or(Path::new(".")).to_owned());
    }
}

impl Names {
    fn concern(&self, paths: &[PathBuf]) -> bool {
        self.any
            || paths
                .iter()
                .filter_map(|path| path.file_name())
                .any(|name| self.files.contains(name) || name == CONFIG_MAP_LINK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_configured_concerns_us() {
        let watched = Watched::of(&[PathBuf::from("gateway.yaml")]);
        assert_eq!(watched.folders, HashSet::from([PathBuf::from(".")]));
        let check =
            |path: &str, expected: bool| assert_eq!(watched.names.concern(&[PathBuf::from(path)]), expected, "{path}");
        check("./gateway.yaml", true);
        check("/etc/micro/..data", true);
        check("./gateway.yaml.swp", false);
        check("./other.yaml", false);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_watched_at_both_ends() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("v1");
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("real.yaml"), "").unwrap();
        let link = folder.path().join("gateway.yaml");
        std::os::unix::fs::symlink(real.join("real.yaml"), &link).unwrap();
        let watched = Watched::of(&[link]);
        assert!(watched.folders.contains(folder.path()));
        assert!(watched.folders.contains(&real.canonicalize().unwrap()));
    }
}
