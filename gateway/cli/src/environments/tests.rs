//! What is selected, and what the file holds then.

use std::ffi::OsString;

use super::*;
use crate::arguments::parse;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn invocation(&self, line: &str) -> Invocation {
        let variables = [("HOME".into(), self.0.path().as_os_str().to_owned())];
        parse(line.split(' ').map(OsString::from), variables).unwrap()
    }

    fn run(&self, line: &str) -> Exit {
        self.invocation(line).run()
    }

    fn way(&self, line: &str) -> Result<Way, Failure> {
        way(&self.invocation(line))
    }

    fn shown(&self) -> String {
        let environments = Environments::of(&self.invocation("env"));
        environments.shown(&environments.current().unwrap().name)
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join(".micro")
    }
}

#[test]
fn what_is_set_is_kept_as_micro_v2_keeps_it() {
    let home = Home::new();
    assert_eq!(home.shown(), "* local      none\n  server     127.0.0.1:8081\n  platform   proxy.micro.mu\n");
    assert_eq!(std::fs::read_to_string(home.file()).unwrap(), "");
    assert_eq!(home.run("env set server"), Exit::Done);
    assert_eq!(std::fs::read_to_string(home.file()).unwrap(), r#"{"env":"server"}"#);
    assert_eq!(home.run("env add averyverylongname 10.0.0.1:99"), Exit::Done);
    let shown = "  local               none\n* server              127.0.0.1:8081\n  platform            proxy.micro.mu\n  \
                 averyverylongname   10.0.0.1:99\n";
    assert_eq!(home.shown(), shown);
    assert_eq!(home.run("env set nope"), Exit::Failed);
    assert_eq!(home.run("env add server 1.2.3.4:5"), Exit::Failed, "it is built in");
    assert_eq!(home.run("env set averyverylongname"), Exit::Done);
    assert_eq!(home.run("env del averyverylongname"), Exit::Done);
    assert_eq!(home.shown().lines().next(), Some("* local      none"));
    assert_eq!(home.run("env del averyverylongname"), Exit::Failed);
    assert_eq!(home.run("env del local"), Exit::Failed);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    let home = Home::new();
    let mode =
        || std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(home.file()).unwrap().permissions()) & 0o777;
    home.run("env");
    assert_eq!(mode(), 0o600);
    home.run("env set server");
    assert_eq!(mode(), 0o600);
}

#[test]
fn what_is_not_known_stays() {
    let home = Home::new();
    let token = r#"{"env":"local","micro":{"auth":{"server":{"token":"t"}}}}"#;
    std::fs::write(home.file(), token).unwrap();
    home.run("env set server");
    assert_eq!(std::fs::read_to_string(home.file()).unwrap(), token.replace("local", "server"));
}

#[test]
fn what_cannot_be_read_counts_as_empty_and_is_not_overwritten() {
    #[track_caller]
    fn check(content: &[u8], reason: &str) {
        let home = Home::new();
        std::fs::write(home.file(), content).unwrap();
        assert_eq!(home.shown().lines().next(), Some("* local      none"));
        for line in ["env set server", "env add mine 10.0.0.1:99"] {
            assert_eq!(home.run(line), Exit::Failed);
        }
        assert_eq!(std::fs::read(home.file()).unwrap(), content);
        let error = Environments::of(&home.invocation("env")).save().unwrap_err().to_string();
        let path = home.file();
        assert_eq!(error, format!("{} is left as it is, since it cannot be read: {reason}", path.display()));
    }
    check(b"{not json", "invalid character 'n' looking for beginning of object key string");
    check(b"{\"token\":\"\xff\"}", "stream did not contain valid UTF-8");
    let long = format!(r#"{{"token":"{}"}}"#, "t".repeat(4 * 1024 * 1024));
    check(long.as_bytes(), "it has more than 4194304 bytes");
}

#[test]
fn a_command_goes_where_the_environment_says() {
    let home = Home::new();
    let way = |registry: &str, proxy: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Way { registry: some(registry), proxy: some(proxy) })
    };
    home.run("env add stage proxy.example.com");
    assert_eq!(home.way("list services"), way("", ""));
    assert_eq!(home.way("-env=server list services"), way("127.0.0.1:8000", ""));
    assert_eq!(home.way("list services --env stage"), way("proxy.example.com:443", "proxy.example.com:443"));
    assert_eq!(home.way("list services --proxy_address h:8081"), way("h:8081", "h:8081"));
    let unknown = home.way("list services -e nope").unwrap_err();
    assert_eq!(unknown.to_string(), "Env \"nope\" not found. See `micro env` for available environments.");
}
