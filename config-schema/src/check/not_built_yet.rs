//! Parts of the language that are known and not built yet: one finding each, `not built yet: PATH`.
//!
//! When a part is built its line here goes away, and its type takes the place of `Planned`.

use crate::{
    diagnostic::{Code, Diagnostic, Findings},
    path::DocumentPath,
    tree::{Node, Value},
};

/// Keys, by the pattern of their path.
const KEYS: &[&str] = &[
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
    "routes.*.[].compat",
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
    ("registry.[]", REGISTRIES),
    ("registry.[].kind", REGISTRIES),
    ("broker", BROKERS),
    ("broker.kind", BROKERS),
    ("listeners.*.protocols.[]", &["h3"]),
    ("routes.*.[].handler", &["api", "web", "cloudevents", "broker", "registry"]),
    ("routes.*.[].resolver", &["host", "path", "vpath", "grpc", "web"]),
];

const REGISTRIES: &[&str] = &["consul", "kubernetes", "nats", "zookeeper"];

const BROKERS: &[&str] = &["kafka", "rabbitmq"];

/// Notes each part, and marks words so that the types need not know them.
pub(super) fn check(tree: &mut Node, findings: &mut Findings) {
    for (path, word) in parts(tree) {
        let mark = if word.is_some() { tree.mark(&path) } else { tree.key_mark(&path) };
        let what = word.map_or_else(|| path.to_string(), |word| format!("{path}: {word}"));
        if let (Some(_), Some(node)) = (word, tree.at_mut(&path)) {
            node.reported = true;
        }
        let message = format!("not built yet: {what}");
        findings.push(Diagnostic::error(Code::NotBuiltYet, message).path(path).label(mark, ""));
    }
}

/// All parts that stand in the tree: the path of a key, or of a value with the word that it is.
fn parts(tree: &Node) -> Vec<(DocumentPath, Option<&'static str>)> {
    let mut found = Vec::new();
    for pattern in KEYS {
        tree.select(pattern, &mut |path, node| {
            if !node.is_null() {
                found.push((DocumentPath::from(path), None));
            }
        });
    }
    for (pattern, words) in WORDS {
        tree.select(pattern, &mut |path, node| {
            let word = word_of(node).and_then(|written| words.iter().copied().find(|word| *word == written));
            if word.is_some() {
                found.push((DocumentPath::from(path), word));
            }
        });
    }
    found
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
        check("registry: consul", &["not built yet: registry: consul"]);
        check("registry: [memory, { kind: nats }]", &["not built yet: registry[1].kind: nats"]);
        check("web: { anything: [1] }", &["not built yet: web"]);
        check(
            "routes: { t: [{ match: { path: /x }, handler: { api: { a: 1 } } }] }\nlisteners: { l: { address: :1, routes: t } }",
            &["not built yet: routes.t[0].handler: api"],
        );
    }
}
