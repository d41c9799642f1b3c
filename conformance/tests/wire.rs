//! What of the wire is a property of the sources: how often clients ping, and that the vectors of crates are recordings.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate stands in the workspace").to_owned()
}

/// Returns the files below a folder whose names end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the checkout can be read") {
        let path = entry.expect("a folder of the checkout can be read").path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found
}

/// Go's servers end the connection of a client that pings more often than every five minutes (wire 87). Who pings, as a client of
/// services, says how often in `PING_INTERVAL`; servers and the client of etcd are free.
#[test]
fn no_client_pings_too_often() {
    let free = ["mesh/rpc/src/server/connection.rs", "mesh/registry/src/etcd/client.rs"].map(|path| root().join(path));
    let mut clients = 0;
    for path in files(&root().join("mesh"), ".rs").into_iter().chain(files(&root().join("gateway"), ".rs")) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("keep_alive_interval(") || free.contains(&path) {
            continue;
        }
        clients += 1;
        let stated = text.split("const PING_INTERVAL: Duration = Duration::from_mins(").nth(1);
        let minutes: u64 = stated.and_then(|rest| rest.split(')').next()?.parse().ok()).unwrap_or_default();
        assert!(minutes >= 5, "{} pings more often than every five minutes", path.display());
    }
    assert!(clients > 0, "nobody pings any more: then this test has nothing to look at");
}

/// Returns whether a vector says nothing that was not recorded; it may leave members out.
fn is_part(vector: &Value, recorded: &Value) -> bool {
    match (vector, recorded) {
        (Value::Object(vector), Value::Object(recorded)) => {
            vector.iter().all(|(name, value)| recorded.get(name).is_some_and(|recorded| is_part(value, recorded)))
        }
        (Value::Array(vector), Value::Array(recorded)) => {
            vector.len() == recorded.len()
                && vector.iter().zip(recorded).all(|(value, recorded)| is_part(value, recorded))
        }
        // A message without the flag of its frame.
        (Value::String(_), Value::Object(recorded)) => recorded.get("message") == Some(vector),
        (vector, recorded) => vector == recorded,
    }
}

/// Crates test with vectors of their own folder, and each of them must be what was recorded.
#[test]
fn vectors_of_crates_are_recordings() {
    let lines = |path: &PathBuf| -> Vec<Value> {
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let recorded: Vec<Value> =
        files(&root().join("conformance/recordings/wire"), ".jsonl").iter().flat_map(lines).collect();
    let recorded: BTreeMap<&str, &Value> =
        recorded.iter().filter_map(|vector| Some((vector["id"].as_str()?, vector))).collect();
    let mut used = 0;
    for path in files(&root().join("mesh"), ".jsonl") {
        for vector in lines(&path) {
            used += 1;
            let same = vector["id"].as_str().and_then(|id| recorded.get(id));
            assert!(same.is_some_and(|same| is_part(&vector, same)), "{}: {}", path.display(), vector["id"]);
        }
    }
    assert!(used > 100, "{used} vectors");
}
