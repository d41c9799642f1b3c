use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::ask::Path;

struct Script {
    _folder: tempfile::TempDir,
    program: Program,
}

fn script(text: &str) -> Script {
    let folder = tempfile::tempdir().expect("is made");
    let file = folder.path().join("run.sh");
    std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("is written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("is allowed");
    Script { program: Program::new("tool", file), _folder: folder }
}

fn ask(target: Target) -> Ask {
    let metadata = vec![("X-Who".to_owned(), "$(id) `id`".to_owned())];
    Ask { target, verb: None, codec: Codec::Json, metadata }
}

impl Script {
    async fn run(&self, message: &'static str) -> Result<String, (i32, String)> {
        let answer = self.program.run(&ask(Target::Base), message.into()).await;
        answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| (error.code, error.detail))
    }
}

#[tokio::test]
async fn the_message_is_the_input_and_the_output_the_answer() {
    assert_eq!(script("cat; echo; echo $#").run(r#"{"a":1}"#).await, Ok("{\"a\":1}\n0\n".to_owned()));
    assert_eq!(script("echo out; echo err >&2").run("{}").await.map(|text| text.len()), Ok(8));
    // One that does not read, and one that leaves something behind.
    assert_eq!(script("exec echo done").run("{}").await, Ok("done\n".to_owned()));
    assert_eq!(script("sleep 600 & echo left").run("{}").await, Ok("left\n".to_owned()));
}

#[tokio::test]
async fn arguments_are_arguments_and_no_shell_sees_them() {
    let script = script(r#"for a in "$@"; do echo "<$a>"; done; echo "$MICRO_METADATA_X_WHO""#);
    let answer = script.run(r#"{"args":["a b","$(id)","; id","*"]}"#).await.expect("runs");
    assert_eq!(answer, "<a b>\n<$(id)>\n<; id>\n<*>\n$(id) `id`\n");
    for wrong in [r#"{"args":[1]}"#, r#"{"args":"x"}"#, r#"{"args":["\u0000"]}"#, "{"] {
        assert_eq!(script.run(wrong).await.expect_err(wrong).0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_environment_is_not_handed_on() {
    let answer = script("env").run("{}").await.expect("runs");
    let names = answer.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let known = ["MICRO_SERVICE_NAME", "MICRO_ENDPOINT", "MICRO_METADATA_X_WHO", "PWD", "SHLVL", "_", "OLDPWD"];
    let others: Vec<_> = names.filter(|name| !known.contains(name) && !INHERITED.contains(name)).collect();
    assert_eq!(others, [""; 0], "{answer}");
}

#[tokio::test]
async fn a_failure_tells_the_code_and_the_complaint() {
    assert_eq!(script("echo broken; exit 3").run("{}").await, Err((500, "exit status 3".to_owned())));
    assert_eq!(script("echo why >&2; exit 4").run("{}").await, Err((500, "exit status 4: why".to_owned())));
    assert_eq!(script("kill -KILL $$").run("{}").await, Err((500, "signal: kill".to_owned())));
    let missing = Program::new("tool", "/nowhere/tool".into());
    let error = missing.run(&ask(Target::Base), Bytes::new()).await.expect_err("is not there");
    assert!(error.detail.starts_with("the program cannot be started: "), "{error}");
}

#[tokio::test]
async fn nothing_else_can_be_run() {
    let script = script("echo ran");
    for (path, code) in [("/bin/id", 404), ("/x", 404), ("/../../bin/id", 403), ("/%2e%2e/bin/id", 403)] {
        let run = async {
            let path = Path::parse("tool", path)?;
            script.program.run(&ask(Target::Path(path)), Bytes::new()).await
        };
        assert_eq!(run.await.expect_err(path).code, code, "{path}");
    }
    let root = Target::Path(Path::parse("tool", "/").expect("is a path"));
    assert_eq!(script.program.run(&ask(root), Bytes::new()).await.expect("runs"), "ran\n");
}

#[tokio::test]
async fn output_without_end_is_cut() {
    assert_eq!(script("yes").run("{}").await.expect_err("is too much").0, 413);
    assert_eq!(script("yes >&2").run("{}").await.expect_err("is too much").0, 413);
}

#[tokio::test]
async fn who_gives_up_ends_the_program_and_all_it_started() {
    let folder = tempfile::tempdir().expect("is made");
    let pids = folder.path().join("pids");
    let script = script(&format!("sleep 600 & echo $! $$ > {0}.tmp; mv {0}.tmp {0}; wait", pids.display()));
    let text = {
        let mut running = std::pin::pin!(script.run("{}"));
        tokio::select! {
            ended = running.as_mut() => panic!("{ended:?}"),
            text = poll(|| std::fs::read_to_string(&pids).ok()) => text,
        }
    };
    for pid in text.split_whitespace() {
        let is_gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
        };
        poll(is_gone).await;
    }
}

async fn poll<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), looking).await.expect("it comes")
}

#[tokio::test]
async fn a_bare_name_is_no_program_of_the_path() {
    let program = Program::new("tool", "true".into());
    let error = program.run(&ask(Target::Base), "{}".into()).await.unwrap_err();
    assert!(error.detail.starts_with("the program cannot be started"), "{}", error.detail);
}
