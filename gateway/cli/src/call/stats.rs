//! `micro stats`.

use mesh_registry::Node;
use proto::debug::{StatsRequest, StatsResponse};
use serde_json::{Value, json};

use super::debug;
use super::text::{duration, month_day_time};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::Output;
use crate::registered::versions;
use crate::session::{self, Failure, Session};

/// `micro stats SERVICE`: what every node counts. A node that does not answer has empty fields.
pub(crate) fn stats(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| table(&session, invocation.words()).await)
}

/// Returns the statistics of all nodes.
pub(super) async fn table(session: &Session<'_>, words: &[String]) -> Result<String, Failure> {
    let Some(name) = words.first() else { return Err(Failure("require service name".to_owned())) };
    let mut lines = Vec::new();
    let mut nodes = Vec::<Value>::new();
    for service in versions(session, name).await? {
        if lines.is_empty() {
            lines.push(format!("service  {}", service.name));
        }
        lines.push(format!("\nversion {}", service.version));
        lines.push("\nnode\t\taddress:port\t\tstarted\tuptime\tmemory\tthreads\tgc".to_owned());
        for node in &service.nodes {
            let answer = debug::ask(session, name, "Debug.Stats", node, &StatsRequest::default()).await.ok();
            lines.push(line(node, answer.as_ref()));
            nodes.push(member(&service.version, node, answer.as_ref()));
        }
    }
    Ok(match session.invocation.output {
        Output::Text => lines.join("\n"),
        Output::Json => format!("{:#}", json!({ "service": name, "nodes": nodes })),
    })
}

fn line(node: &Node, stats: Option<&StatsResponse>) -> String {
    let Some(stats) = stats else { return format!("{}\t\t{}\t\t\t\t\t0\t", node.id, node.address) };
    let started = month_day_time(stats.started);
    let uptime = duration(u128::from(stats.uptime) * 1_000_000_000);
    let (threads, gc) = (stats.threads, duration(stats.gc.into()));
    // Hundredths of a MiB, rounded: no float holds every number of bytes.
    let hundredths = (u128::from(stats.memory) * 100 + 512 * 1024) / (1024 * 1024);
    let memory = format!("{}.{:02}mb", hundredths / 100, hundredths % 100);
    format!("{}\t\t{}\t\t{started}\t{uptime}\t{memory}\t{threads}\t{gc}", node.id, node.address)
}

fn member(version: &str, node: &Node, stats: Option<&StatsResponse>) -> Value {
    let stats = stats.map(|stats| {
        json!({
            "started": stats.started,
            "uptime_seconds": stats.uptime,
            "memory_bytes": stats.memory,
            "threads": stats.threads,
            "gc_nanoseconds": stats.gc,
            "requests": stats.requests,
            "errors": stats.errors,
        })
    });
    json!({ "id": node.id, "version": version, "address": node.address, "stats": stats })
}

#[cfg(test)]
mod tests {
    use mesh_registry::Node;
    use proto::debug::StatsResponse;

    use super::line;

    #[test]
    fn a_node_is_one_line() {
        let node = Node::new("a-1", "127.0.0.1:1");
        assert_eq!(line(&node, None), "a-1\t\t127.0.0.1:1\t\t\t\t\t0\t");
        let stats =
            StatsResponse { uptime: 3723, memory: 12_939_428, threads: 17, gc: 1_200_000, ..StatsResponse::default() };
        assert!(line(&node, Some(&stats)).ends_with("\t1h2m3s\t12.34mb\t17\t1.2ms"), "{}", line(&node, Some(&stats)));
    }
}
