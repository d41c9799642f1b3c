//! The committed code is what the sources generate.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use protox::prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};

/// The sources, in the order in which they are compiled.
const SOURCES: [&str; 14] = [
    "errors.proto",
    "debug.proto",
    "protorpc.proto",
    "greeter.proto",
    "google/rpc/status.proto",
    "google/protobuf/any.proto",
    "micro/registry.proto",
    "micro/api.proto",
    "micro/auth.proto",
    "micro/config.proto",
    "micro/debug_log.proto",
    "micro/runtime.proto",
    "micro/store.proto",
    "micro/broker.proto",
];

/// The sources of what is spoken with tonic's client, too.
const CLIENTS: [&str; 1] = ["etcd/rpc.proto"];

/// Packages whose messages are spoken as JSON too. The debug handler has no package.
const JSON_MESSAGES: [&str; 6] =
    [".HealthRequest", ".HealthResponse", ".StatsRequest", ".StatsResponse", ".greeter.Request", ".greeter.Response"];

/// String members of those messages.
const JSON_TEXTS: [&str; 5] = [
    ".HealthRequest.service",
    ".HealthResponse.status",
    ".StatsRequest.service",
    ".greeter.Request.name",
    ".greeter.Response.msg",
];

/// Members of 64 bits of those messages.
const JSON_INTEGERS: [&str; 8] = ["timestamp", "started", "uptime", "memory", "threads", "gc", "requests", "errors"];

/// Messages of the platform's own services that are spoken as JSON too, with all their members.
const JSON_SERVICES: [&str; 38] = [
    ".LogRequest",
    ".Record",
    ".TraceRequest",
    ".TraceResponse",
    ".Span",
    ".CacheRequest",
    ".CacheResponse",
    ".go.micro.registry.Service",
    ".go.micro.registry.Node",
    ".go.micro.registry.Endpoint",
    ".go.micro.registry.Value",
    ".go.micro.registry.Options",
    ".go.micro.registry.Result",
    ".go.micro.registry.EmptyResponse",
    ".go.micro.registry.GetRequest",
    ".go.micro.registry.GetResponse",
    ".go.micro.registry.ListRequest",
    ".go.micro.registry.ListResponse",
    ".go.micro.registry.WatchRequest",
    ".go.micro.auth.Account",
    ".go.micro.auth.Token",
    ".go.micro.auth.GenerateRequest",
    ".go.micro.auth.GenerateResponse",
    ".go.micro.auth.InspectRequest",
    ".go.micro.auth.InspectResponse",
    ".go.micro.auth.TokenRequest",
    ".go.micro.auth.TokenResponse",
    ".go.micro.runtime.Service",
    ".go.micro.runtime.CreateOptions",
    ".go.micro.runtime.CreateRequest",
    ".go.micro.runtime.CreateResponse",
    ".go.micro.debug.log.Record",
    ".go.micro.debug.log.ReadRequest",
    ".go.micro.debug.log.ReadResponse",
    ".go.micro.broker.Empty",
    ".go.micro.broker.PublishRequest",
    ".go.micro.broker.SubscribeRequest",
    ".go.micro.broker.Message",
];

/// Their members of 64 bits without sign.
const JSON_UNSIGNED: [&str; 2] = [".Span.started", ".Span.duration"];

/// Their members of 64 bits.
const JSON_SIGNED: [&str; 10] = [
    ".LogRequest.count",
    ".LogRequest.since",
    ".Record.timestamp",
    ".go.micro.registry.Node.port",
    ".go.micro.registry.Options.ttl",
    ".go.micro.registry.Result.timestamp",
    ".go.micro.auth.Token.created",
    ".go.micro.auth.Token.expiry",
    ".go.micro.auth.TokenRequest.token_expiry",
    ".go.micro.debug.log.Record.timestamp",
];

#[test]
fn committed_code_is_what_the_sources_generate() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir()?;
    generate(&root.join("schema"), fresh.path())?;
    generate_clients(&root.join("schema"), fresh.path())?;
    let committed = root.join("src/generated");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        for (name, text) in read(fresh.path())? {
            fs::write(committed.join(name), text)?;
        }
    }
    assert_eq!(read(&committed)?, read(fresh.path())?, "run `UPDATE_GENERATED=1 cargo test -p proto`");
    Ok(())
}

fn generate(schema: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut config = prost_build::Config::new();
    config.compile_well_known_types().default_package_filename("debug").out_dir(out);
    // The same message is the same bytes.
    config.btree_map([
        ".Record",
        ".Span",
        ".CacheResponse",
        ".go.api",
        ".go.micro.auth",
        ".go.micro.broker",
        ".go.micro.debug",
        ".go.micro.runtime",
        ".go.micro.store",
    ]);
    // Messages are copied to many subscribers.
    config.bytes([".go.micro.broker"]);
    for message in JSON_MESSAGES {
        config.message_attribute(message, "#[derive(serde::Serialize, serde::Deserialize)]");
        config.message_attribute(message, "#[serde(default, deny_unknown_fields)]");
    }
    for field in JSON_TEXTS {
        config.field_attribute(field, r#"#[serde(deserialize_with = "crate::json::text::deserialize")]"#);
        config.field_attribute(field, r#"#[serde(skip_serializing_if = "crate::json::is_default")]"#);
    }
    for field in JSON_INTEGERS {
        let path = format!(".StatsResponse.{field}");
        config.field_attribute(&path, r#"#[serde(with = "crate::json::uint64")]"#);
        config.field_attribute(&path, r#"#[serde(skip_serializing_if = "crate::json::is_default")]"#);
    }
    for message in JSON_SERVICES {
        config.message_attribute(message, "#[derive(serde::Serialize, serde::Deserialize)]");
        config.message_attribute(message, "#[serde(default, deny_unknown_fields)]");
        config.field_attribute(message, r#"#[serde(skip_serializing_if = "crate::json::is_default")]"#);
    }
    let sources = read_sources(schema, &SOURCES)?;
    for message in JSON_SERVICES {
        for member in sources.file.iter().flat_map(|file| members(file, message)) {
            let how = if JSON_SIGNED.contains(&member.as_str()) {
                r#"#[serde(with = "crate::json::int64")]"#
            } else if JSON_UNSIGNED.contains(&member.as_str()) {
                r#"#[serde(with = "crate::json::uint64")]"#
            } else if member == ".Span.type" {
                r#"#[serde(with = "crate::json::span_type")]"#
            } else if member == ".go.micro.broker.Message.body" {
                r#"#[serde(with = "crate::json::base64")]"#
            } else {
                r#"#[serde(deserialize_with = "crate::json::or_default")]"#
            };
            config.field_attribute(&member, how);
            // Go's clients write names in camel case, its servers as they stand in the sources.
            if let Some(camel) = camel_case(&member) {
                config.field_attribute(&member, format!("#[serde(alias = {camel:?})]"));
            }
        }
    }
    config.compile_fds(sources)?;
    Ok(())
}

/// The name of a member in camel case, where it is another one.
fn camel_case(member: &str) -> Option<String> {
    let name = member.rsplit('.').next().filter(|name| name.contains('_'))?;
    let mut words = name.split('_');
    let mut camel = words.next()?.to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel += &(first.to_ascii_uppercase() + rest);
    }
    Some(camel)
}

/// The paths of the members of one message.
fn members<'a>(file: &'a FileDescriptorProto, message: &'a str) -> impl Iterator<Item = String> + 'a {
    let package = if file.package().is_empty() { String::new() } else { format!(".{}", file.package()) };
    let of_name = file.message_type.iter().filter(move |own| format!("{package}.{}", own.name()) == message);
    of_name.flat_map(move |own| own.field.iter().map(move |field| format!("{message}.{}", field.name())))
}

fn generate_clients(schema: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let code = tonic_prost_build::configure().build_server(false).build_transport(false).out_dir(out);
    code.compile_fds(read_sources(schema, &CLIENTS)?)?;
    Ok(())
}

fn read_sources(schema: &Path, sources: &[&str]) -> Result<FileDescriptorSet, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([schema])?;
    Ok(compiler.include_source_info(true).include_imports(true).open_files(sources)?.file_descriptor_set())
}

/// The files of a folder by name.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.insert(name, fs::read_to_string(entry.path())?);
    }
    Ok(files)
}
