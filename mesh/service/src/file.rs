//! `file://`: a file, or a folder of files, read anew for every request.

mod kind;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path as FilePath, PathBuf};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use mesh_rpc::RpcError;
use mesh_rpc::frame::MESSAGE_BYTES_MAX;
use mesh_rpc::server::HttpBody;
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use crate::ask::{Path, Target};
use crate::reply;

/// The file that stands for a folder.
const INDEX: &str = "index.html";

/// Files that are served. Nothing is kept of them: what changes is served as it is then.
#[derive(Debug)]
pub(crate) struct Files {
    service: String,
    root: PathBuf,
}

/// A file that was opened.
struct Opened {
    file: File,
    metadata: Metadata,
    /// Where it really is.
    path: PathBuf,
}

impl Files {
    pub(crate) fn new(service: &str, root: PathBuf) -> Files {
        Files { service: service.to_owned(), root }
    }

    /// Returns the bytes of a file, for a call.
    ///
    /// # Errors
    /// 404 when there is no such file, 403 when it lies outside or may not be read, 413 when it does not fit into a
    /// message.
    pub(crate) async fn read(&self, target: &Target) -> Result<Bytes, RpcError> {
        let Opened { file, metadata, .. } = self.open(target).await?;
        let too_large = || {
            let detail =
                format!("the file does not fit into a message: {} of {MESSAGE_BYTES_MAX} bytes", metadata.len());
            RpcError::new(self.service.clone(), 413, detail)
        };
        if metadata.len() > MESSAGE_BYTES_MAX as u64 {
            return Err(too_large());
        }
        let bytes = blocking(move || {
            let mut bytes = Vec::new();
            // It may grow while it is read.
            file.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = bytes.await.map_err(|error| self.failure(&error))?;
        if bytes.len() > MESSAGE_BYTES_MAX { Err(too_large()) } else { Ok(bytes.into()) }
    }

    /// Answers an HTTP request: `GET` and `HEAD`, of any size, with the content type of the file's name.
    pub(crate) async fn serve(&self, request: &Request<Incoming>) -> Response<HttpBody> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let error = RpcError::method_not_allowed(self.service.clone(), "files can only be read: GET or HEAD");
            let mut answer = reply::error(&error);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let opened = match Path::parse(&self.service, request.uri().path()) {
            Ok(path) => self.open(&Target::Path(path)).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(opened) => whole(opened, request.method() == Method::HEAD),
            Err(error) => reply::error(&error),
        }
    }

    async fn open(&self, target: &Target) -> Result<Opened, RpcError> {
        let segments = match target {
            Target::Path(path) => path.segments(&self.service)?,
            Target::Base | Target::Method(_) => Vec::new(),
        };
        let root = self.root.clone();
        blocking(move || open(&root, &segments)).await.map_err(|error| self.failure(&error))
    }

    /// Where the files lie is nobody's business.
    fn failure(&self, error: &io::Error) -> RpcError {
        let id = self.service.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => RpcError::not_found(id, "no such file"),
            io::ErrorKind::PermissionDenied => RpcError::forbidden(id, "this file is not served"),
            kind => RpcError::internal(id, format!("the file cannot be read: {kind}")),
        }
    }
}

/// Opens a file below a root, or the root itself. Symbolic links are followed as long as they stay below.
fn open(root: &FilePath, segments: &[String]) -> io::Result<Opened> {
    let outside = || io::Error::from(io::ErrorKind::PermissionDenied);
    // The root itself may be a link: whoever named it wants what it points to now.
    let root = root.canonicalize()?;
    let mut path = segments.iter().fold(root.clone(), |path, segment| path.join(segment)).canonicalize()?;
    if path.is_dir() && path.starts_with(&root) {
        path = path.join(INDEX).canonicalize()?;
    }
    if !path.starts_with(&root) {
        return Err(outside());
    }
    // No links any more, should one be put there meanwhile; and no waiting for the writer of a pipe.
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok(Opened { file, metadata, path }) } else { Err(outside()) }
}

/// A file as the answer of HTTP, in pieces.
fn whole(opened: Opened, is_head: bool) -> Response<HttpBody> {
    let Opened { file, metadata, path } = opened;
    let body = if is_head {
        reply::empty()
    } else {
        let file = tokio::io::AsyncReadExt::take(tokio::fs::File::from_std(file), metadata.len());
        let pieces = futures_util::StreamExt::map(ReaderStream::new(file), |piece| piece.map(Frame::data));
        BodyExt::map_err(StreamBody::new(pieces), Into::into).boxed_unsync()
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::OK;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, metadata.len().into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind::of(&path)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Runs what waits for the disk where it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::Files;
    use crate::ask::{Path, Target};

    struct Folder {
        folder: tempfile::TempDir,
        files: Files,
    }

    fn folder() -> Folder {
        let folder = tempfile::tempdir().expect("is made");
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("deep/er")).expect("is made");
        for (name, text) in
            [("root/a.txt", "a"), ("root/deep/b c", "bc"), ("root/deep/index.html", "<p>"), ("secret", "s")]
        {
            std::fs::write(folder.path().join(name), text).expect("is written");
        }
        for (at, to) in [("out", "../secret"), ("in", "deep/b c"), ("deep/up", "../../secret"), ("dir", "..")] {
            symlink(to, root.join(at)).expect("is linked");
        }
        symlink("/etc/passwd", root.join("absolute")).expect("is linked");
        let files = Files::new("files", root);
        Folder { folder, files }
    }

    impl Folder {
        async fn read(&self, path: &str) -> Result<String, i32> {
            let path = Path::parse("files", path).map_err(|error| error.code)?;
            let bytes = self.files.read(&Target::Path(path)).await.map_err(|error| error.code)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
    }

    #[tokio::test]
    async fn files_below_the_root_are_read() {
        let folder = folder();
        assert_eq!(folder.read("/a.txt").await.as_deref(), Ok("a"));
        assert_eq!(folder.read("/deep/b%20c").await.as_deref(), Ok("bc"));
        assert_eq!(folder.read("//deep/./").await.as_deref(), Ok("<p>"));
        assert_eq!(folder.read("/in").await.as_deref(), Ok("bc"), "a link that stays below");
        for missing in ["/", "/deep/er", "/nothing", "/a.txt/b"] {
            assert_eq!(folder.read(missing).await, Err(404), "{missing}");
        }
    }

    #[tokio::test]
    async fn nothing_else_is_read() {
        let folder = folder();
        for path in ["/out", "/deep/up", "/absolute", "/dir/secret", "/dir", "/../secret", "/deep/%2e%2e/%2e%2e/secret"]
        {
            assert_eq!(folder.read(path).await, Err(403), "{path}");
        }
        let pipe = folder.folder.path().join("root/pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
        assert_eq!(folder.read("/pipe").await, Err(403));
    }

    #[tokio::test]
    async fn a_single_file_is_the_root_and_has_no_paths() {
        let folder = folder();
        let files = Files::new("files", folder.folder.path().join("root/a.txt"));
        for target in
            [Target::Base, Target::Method("A.B".to_owned()), Target::Path(Path::parse("", "/").expect("is one"))]
        {
            assert_eq!(files.read(&target).await.expect("is read"), "a");
        }
        let other = Target::Path(Path::parse("", "/b").expect("is one"));
        assert_eq!(files.read(&other).await.expect_err("is a file").code, 404);
    }

    #[tokio::test]
    async fn what_does_not_fit_into_a_message_is_refused() {
        let folder = folder();
        std::fs::write(folder.folder.path().join("root/large"), vec![0; 5 * 1024 * 1024]).expect("is written");
        assert_eq!(folder.read("/large").await, Err(413));
    }
}
