//! The Go command line calls what `micro service` stands in front of.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::support::{micro, program, wait_until};
use super::{Etcd, Outcome, Process, free_port, peers};

pub(super) fn a_go_client_calls_wrapped_programs() -> Outcome {
    let etcd = Etcd::start()?;
    let go = Go { program: peers().join("micro"), registry: etcd.address() };
    go.micro(&["list", "services"])?;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let page = file("page.txt", "hello world");
    let script = file("run.sh", "#!/bin/sh\necho ran\n");
    let broken = file("broken.sh", "#!/bin/sh\nexit 3\n");
    let port = free_port();
    let server = format!("exec python3 -m http.server {port} --bind 127.0.0.1 --directory {}", folder.path().display());
    let file_service = wrap(&etcd, &["--name", "wfile", "--endpoint", &format!("file://{page}")]);
    let _services = [
        wrap(&etcd, &["--name", "wexec", "--endpoint", &format!("exec://{script}")]),
        wrap(&etcd, &["--name", "wfail", "--endpoint", &format!("exec://{broken}")]),
        wrap(&etcd, &["--name", "whttp", "--endpoint", &format!("http://127.0.0.1:{port}"), "--", "sh", "-c", &server]),
    ];
    for name in ["wfile", "wexec", "wfail", "whttp"] {
        wait_until(name, || go.lists(name).then_some(()));
    }
    for (service, endpoint, expected) in [
        ("whttp", "/page.txt", "hello world\n"),
        ("wfile", ".", "hello world\n"),
        ("wfile", "/", "hello world\n"),
        ("wexec", ".", "ran\n\n"),
        ("wexec", "Foo.Bar", "ran\n\n"),
    ] {
        let output = go.micro(&["call", "--output", "raw", service, endpoint, "{}"])?;
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{service} {endpoint}: {output:?}");
    }
    let output = go.micro(&["call", "wfail", "Foo.Bar", "{}"])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(r#"{"id":"wfail","code":500,"detail":"exit status 3","status":"Internal Server Error"}"#),
        "{said}"
    );
    let health = go.micro(&["health", "whttp"])?;
    assert!(String::from_utf8_lossy(&health.stdout).trim_end().ends_with("\tok"), "{health:?}");

    drop(file_service); // by SIGKILL: nobody takes its record away
    wait_until("its lease to end", || (!go.lists("wfile")).then_some(()));
    assert!(go.lists("wexec"), "those that live are renewed");
    Ok(())
}

fn wrap(etcd: &Etcd, words: &[&str]) -> Process {
    let mut command = micro(&program());
    command.args(["--registry", "etcd", "--registry_address", &etcd.address()]);
    command.args(["service", "--address", "127.0.0.1:0"]).args(words).env("MICRO_REGISTER_TTL", "3");
    Process::start(&mut command).unwrap()
}

/// The real `micro`.
struct Go {
    program: std::path::PathBuf,
    registry: String,
}

impl Go {
    fn micro(&self, words: &[&str]) -> Result<Output, String> {
        let mut command = micro(Path::new(&self.program));
        command.args(["--registry", "etcd", "--registry_address", &self.registry]).args(words);
        command.output().map_err(|error| format!("{} cannot be started ({error})", self.program.display()))
    }

    fn lists(&self, name: &str) -> bool {
        let output = self.micro(&["list", "services"]).unwrap();
        String::from_utf8_lossy(&output.stdout).lines().any(|line| line == name)
    }
}
