//! The sections of a document, each read in pieces as small as can be.

use super::Reader;
use crate::{
    diagnostic::{Code, Diagnostic},
    document::{Document, OneOrMany, Planned, Registry, Version},
    path::Segment,
    schema,
    source::Span,
    tree::{Entry, Node},
};

/// Reads the document. Findings stay with the reader; what is in error has its default or is absent.
pub(crate) fn read_document(reader: &mut Reader<'_>, root: &Node) -> Document {
    let mut document = Document::default();
    if let Some(map) = root.as_map() {
        for (key, entry) in map {
            read_section(reader, &mut document, key, entry);
        }
    } else if !root.reported {
        let message = format!("expected a map, found {}", root.describe());
        reader.findings.push(Diagnostic::error(Code::WrongType, message).label(root.span, "the document is a map"));
    }
    if document.registry.is_empty() {
        document.registry.push(Registry::default());
    }
    for cors in document.policies.values_mut().filter_map(|set| set.cors.as_mut()) {
        // Who lists origins above a preset that reflects them all wants these and no others.
        cors.reflect &= cors.origins.is_empty();
    }
    document
}

fn read_section(reader: &mut Reader<'_>, document: &mut Document, key: &str, entry: &Entry) {
    let path = [Segment::Key(key.to_owned())];
    let (node, at) = (&entry.node, Some(entry.key));
    if node.reported || (node.is_null() && schema::property_names("Document").iter().any(|known| known == key)) {
        return;
    }
    match key {
        "version" => document.version = reader.value::<Version>(&path, node, at).unwrap_or_default(),
        "workers" => document.workers = workers(reader, &path, node, at),
        "drain_timeout" => {
            document.drain_timeout = reader.value(&path, node, at).unwrap_or(document.drain_timeout);
        }
        "telemetry" => document.telemetry = reader.value(&path, node, at).unwrap_or_default(),
        "registry" => {
            let registries = reader.value::<OneOrMany<Registry>>(&path, node, at).unwrap_or_default();
            document.registry = registries.0;
        }
        "broker" => document.broker = reader.value(&path, node, at),
        "listeners" => document.listeners = reader.named(&path, node, at),
        "routes" => {
            document.routes =
                reader.named_with(&path, node, at, |reader, path, node, key| Some(reader.items(path, node, key)));
        }
        "policies" => document.policies = reader.named(&path, node, at),
        "services" => document.services = reader.named(&path, node, at),
        "rpc" => document.rpc = reader.value(&path, node, at),
        "admin" => document.admin = reader.value(&path, node, at).unwrap_or_default(),
        "tests" => document.tests = reader.items(&path, node, at),
        "identity" => document.identity = Some(Planned),
        "rollout" => document.rollout = Some(Planned),
        "lints" => document.lints = Some(Planned),
        "network" => document.network = Some(Planned),
        "tunnel" => document.tunnel = Some(Planned),
        "proxy" => document.proxy = Some(Planned),
        "web" => document.web = Some(Planned),
        "store" => document.store = Some(Planned),
        "auth" => document.auth = Some(Planned),
        "runtime" => document.runtime = Some(Planned),
        "bot" => document.bot = Some(Planned),
        unknown => reader.unknown_section(unknown, entry),
    }
}

/// The number of workers stands alone, without a type whose schema could bound it.
fn workers(reader: &mut Reader<'_>, path: &[Segment], node: &Node, key: Option<Span>) -> Option<u16> {
    reader.bounded(path, node, key, schema::bounds("Document", "workers"))
}
