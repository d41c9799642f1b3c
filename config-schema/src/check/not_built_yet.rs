//! Parts of the language that are known and not built yet: one finding each, `not built yet: PATH`.
//!
//! When a part is built its line here goes away, and its type takes the place of `Planned`.

use crate::{
    diagnostic::{Code, Diagnostic},
    path::{DocumentPath, Segment},
    tree::{Node, Value},
};

/// Keys, by the pattern of their path.
const KEYS: &[&str] = &[
    "broker",
    "identity",
    "rollout",
    "lints",
    "network",
    "tunnel",
    "proxy",
    "web",
    "store",
    "auth",
    "runtime",
    "bot",
    "telemetry.traces",
    "listeners.*.tls",
    "listeners.*.proxy_protocol",
    "listeners.*.compat",
    "routes.*.*.compat",
    "policies.*.ip",
    "policies.*.priority",
    "policies.*.rate_limit",
    "policies.*.quota",
    "policies.*.identity",
    "policies.*.csrf",
    "policies.*.authorize",
    "policies.*.fault",
    "policies.*.concurrency",
    "policies.*.split",
    "policies.*.mirror",
    "policies.*.compress",
    "services.*.health",
    "services.*.retry",
    "services.*.ejection",
    "services.*.tls",
    "services.*.policies",
];

/// Words, by the pattern of the path that holds them.
const WORDS: &[(&str, &[&str])] = &[
    ("registry", REGISTRIES),
    ("registry.kind", REGISTRIES),
    ("registry.*", REGISTRIES),
    ("registry.*.kind", REGISTRIES),
    ("listeners.*.protocols.*", &["h3"]),
    ("routes.*.*.handler", &["api", "event", "web", "cloudevents", "broker", "registry"]),
    ("routes.*.*.resolver", &["host", "path", "vpath", "grpc", "web"]),
    ("services.*.protocol", &["mucp"]),
];

const REGISTRIES: &[&str] = &["mdns", "etcd", "etcdv3", "service", "file", "consul", "kubernetes", "nats", "zookeeper"];

/// Notes each part, and marks words so that the types need not know them.
pub(super) fn check(tree: &mut Node, findings: &mut Vec<Diagnostic>) {
    let mut paths = Vec::new();
    tree.walk(&mut Vec::new(), &mut |segments, node| look(segments, node, &mut paths));
    for (path, word) in paths {
        let mark = if word.is_some() { tree.mark(&path) } else { tree.key_mark(&path) };
        let what = word.map_or_else(|| path.to_string(), |word| format!("{path}: {word}"));
        if let (Some(_), Some(node)) = (word, tree.at_mut(&path)) {
            node.reported = true;
        }
        findings
            .push(Diagnostic::error(Code::NotBuiltYet, format!("not built yet: {what}")).path(path).label(mark, ""));
    }
}

/// Looks at one value; returns whether to look below it.
fn look(segments: &[Segment], node: &Node, found: &mut Vec<(DocumentPath, Option<&'static str>)>) -> bool {
    const DEEPEST: usize = 4;
    if segments.len() > DEEPEST || node.is_null() {
        return false;
    }
    let path = DocumentPath::from(segments.to_vec());
    if KEYS.iter().any(|pattern| path.fits(pattern)) {
        found.push((path, None));
        return false;
    }
    let words = WORDS.iter().find(|(pattern, _)| path.fits(pattern)).map_or(&[][..], |(_, words)| words);
    let word = word_of(node).and_then(|written| words.iter().copied().find(|word| *word == written));
    if word.is_some() {
        found.push((path, word));
    }
    word.is_none()
}

/// The word of a value: itself, or the only key of its long form (`handler: { event: {…} }`).
fn word_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        Value::Map(map) if map.len() == 1 => map.first().map(|(key, _)| key.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Layers, load};

    fn check(yaml: &str, expected: &[&str]) {
        let report = load(&Layers::text("t.yaml", format!("version: micro/v1\n{yaml}"))).unwrap_err();
        let messages: Vec<&str> = report.diagnostics.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, expected, "{report}");
    }

    #[test]
    fn each_part_gives_one_finding() {
        check("registry: etcd", &["not built yet: registry: etcd"]);
        check("registry: [memory, { kind: mdns }]", &["not built yet: registry[1].kind: mdns"]);
        check("web: { anything: [1] }", &["not built yet: web"]);
        check(
            "routes: { t: [{ match: { path: /x }, handler: { event: { a: 1 } } }] }\nlisteners: { l: { address: :1, routes: t } }",
            &["not built yet: routes.t[0].handler: event"],
        );
    }
}
