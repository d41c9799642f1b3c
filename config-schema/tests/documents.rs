//! What loads: the samples of `tests/valid`, the example of the design, layers and origins.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{collections::BTreeMap, fs, path::Path};

use config_schema::{Code, DocumentPath, Input, Layers, Origin, Preset, load, settings};

#[path = "support/line.rs"]
mod line;

fn valid() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valid");
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect()
}

/// The documents of `examples/` at the root of the workspace, which people copy.
fn examples() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let documents = files.filter(|path| path.file_name().is_some_and(|name| name == "gateway.yaml"));
    documents.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn valid_samples_and_examples_load_without_a_word() {
    assert!(!examples().is_empty());
    for (name, bytes) in [valid(), examples()].concat() {
        let loaded = load(&Layers::text(name.as_str(), bytes)).unwrap_or_else(|report| panic!("{report}"));
        assert!(loaded.warnings.is_empty(), "{name}:\n{}", loaded.warnings);
    }
}

#[test]
fn what_is_written_again_says_the_same() {
    for (name, bytes) in valid() {
        let loaded = load(&Layers::text(name.as_str(), bytes)).unwrap();
        if loaded.effective().to_yaml().contains("***") {
            continue;
        }
        let again = load(&Layers::text("again.yaml", loaded.effective().to_yaml()))
            .unwrap_or_else(|report| panic!("{name}:\n{report}"));
        assert_eq!(loaded.document, again.document, "{name}");
        assert_eq!(loaded.digest, again.digest, "{name}");
    }
}

#[test]
fn valid_samples_and_examples_fit_the_json_schema() {
    let schema = config_schema::json_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    // The schema sees anchors and merge keys unresolved.
    let samples = [valid(), examples()].concat();
    for (name, bytes) in samples.into_iter().filter(|(name, _)| name != "anchors.yaml") {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        // serde_yaml knows no surrogate pairs, which JSON writes.
        let value: serde_json::Value = match name.strip_suffix(".json") {
            Some(_) => serde_json::from_slice(bytes).unwrap(),
            None => serde_yaml::from_slice(bytes).unwrap(),
        };
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn what_the_json_schema_refuses_we_refuse() {
    let schema = config_schema::json_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid");
    let mut refused = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let Ok(value) = serde_yaml::from_slice::<serde_json::Value>(&bytes) else { continue };
        if path.extension().unwrap() == "yaml" && !validator.is_valid(&value) {
            refused += 1;
            assert!(load(&Layers::text("t.yaml", bytes)).is_err(), "{}", path.display());
        }
    }
    assert!(refused > 30, "the schema refuses {refused} samples only");
}

/// The example of the design, section 3: no key is unknown, each part that is not built yet gives one finding.
#[test]
fn the_example_of_the_design_parses() {
    let report = load(&Layers::text("gateway.yaml", include_str!("design-section-3.yaml"))).unwrap_err();
    assert!(report.diagnostics.iter().all(|finding| finding.code == Code::NotBuiltYet), "{report}");
    let paths: Vec<String> = report
        .diagnostics
        .iter()
        .map(|finding| finding.message.trim_start_matches("not built yet: ").to_owned())
        .collect();
    let expected = [
        "listeners.edge.protocols[2]: h3",
        "listeners.edge.tls",
        "listeners.edge.proxy_protocol",
        "policies.browser.compress",
        "policies.limited.rate_limit",
        "services.assets.health",
        "services.assets.retry",
    ];
    assert_eq!(paths, expected);
}

fn api(before: &str, after: &str, env: &[(&str, &str)], files: &[&str]) -> Layers {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let line = [words(before), vec!["api".to_owned()], words(after)].concat();
    let variables: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Layers {
        preset: Some(Preset::Api),
        files: files.iter().enumerate().map(|(at, text)| Input::text(format!("{at}.yaml"), *text)).collect(),
        settings: [settings::environment(variables.clone()), line::settings(line, Some(Preset::Api))].concat(),
        variables,
    }
}

#[test]
fn nothing_at_all_is_no_document() {
    let report = load(&Layers::default()).unwrap_err();
    assert_eq!(report.to_string(), "error[empty-document]: no document was given\n\n1 error\n");
}

fn check_origin(layers: &Layers, path: &str, expected: &str) {
    let loaded = load(layers).unwrap_or_else(|report| panic!("{report}"));
    let effective = loaded.effective();
    let value = effective.iter().find(|value| value.path.to_string() == path).unwrap_or_else(|| panic!("no {path}"));
    let variables = value.variables.iter().map(|name| format!(" ${{{name}}}")).collect::<Vec<_>>().concat();
    assert_eq!(format!("{} ({}{variables})", value.value, value.origin), expected);
}

#[test]
fn the_strongest_layer_wins_and_is_named() {
    let address = "listeners.api.address";
    let file = "version: micro/v1\nlisteners: { api: { address: \":2\" } }\n";
    check_origin(&api("", "", &[], &[]), address, ":8080 (preset api)");
    check_origin(&api("", "", &[], &[file]), address, ":2 (0.yaml:2:30)");
    check_origin(&api("", "", &[], &[file, &file.replace(":2", ":3")]), address, ":3 (1.yaml:2:30)");
    check_origin(&api("--api_address :4", "", &[], &[file]), address, ":4 (flag --api_address)");
    check_origin(
        &api("--api_address :4", "", &[("MICRO_API_ADDRESS", ":5")], &[file]),
        address,
        ":5 (variable MICRO_API_ADDRESS)",
    );
    check_origin(&api("", "--address :6", &[("MICRO_API_ADDRESS", ":5")], &[file]), address, ":6 (flag --address)");
    check_origin(&api("", "", &[("MICRO_API_ADDRESS", "")], &[file]), address, ":2 (0.yaml:2:30)");
}

/// Spec/gateway 2.3 and D1: the general namespace counts where nothing more specific does.
#[test]
fn the_namespace_comes_from_the_most_specific_place() {
    let path = "routes.api[2].namespace";
    check_origin(&api("", "", &[("MICRO_NAMESPACE", "com.a")], &[]), path, "com.a (variable MICRO_NAMESPACE)");
    check_origin(&api("--namespace com.b", "", &[("MICRO_NAMESPACE", "com.a")], &[]), path, "com.b (flag --namespace)");
    check_origin(&api("--namespace com.b --api_namespace com.c", "", &[], &[]), path, "com.c (flag --api_namespace)");
    check_origin(
        &api("--api_namespace com.c", "", &[("MICRO_API_NAMESPACE", "com.d")], &[]),
        path,
        "com.d (variable MICRO_API_NAMESPACE)",
    );
    check_origin(
        &api("", "--namespace com.e", &[("MICRO_API_NAMESPACE", "com.d")], &[]),
        path,
        "com.e (flag --namespace)",
    );
    check_origin(&api("", "", &[("MICRO_API_NAMESPACE", " ")], &[]), path, "' ' (variable MICRO_API_NAMESPACE)");
    let loaded = load(&api("", "", &[], &[])).unwrap();
    let route = &loaded.document.routes["api"][2];
    assert_eq!((&route.namespace, &route.service_type), (&None, &None), "a namespace that nobody gave is not there");
}

#[test]
fn switches_and_numbers_act_on_the_document() {
    let loaded = |after: &str, env: &[(&str, &str)]| {
        load(&api("", after, env, &[])).unwrap_or_else(|report| panic!("{report}")).document
    };
    assert!(loaded("", &[]).rpc.is_none());
    assert!(loaded("--enable_rpc", &[]).rpc.is_some());
    assert!(loaded("--enable_rpc=false", &[("MICRO_API_ENABLE_RPC", "true")]).rpc.is_none());
    assert!(loaded("", &[]).policies["api"].cors.is_some());
    assert!(loaded("--enable_cors=false", &[]).policies["api"].cors.is_none());
    assert_eq!(loaded("--workers 3", &[]).workers, Some(3));
    assert_eq!(
        loaded("", &[("MICRO_CLIENT_REQUEST_TIMEOUT", "1.5s")]).policies["api"].timeout.unwrap().to_string(),
        "1s500ms"
    );
    assert_eq!(loaded("", &[("MICRO_LOG_LEVEL", "fatal")]).telemetry.log.level.as_str(), "error");
}

/// Each row that acts on the document does: the value is there afterwards, and names the flag.
#[test]
fn every_row_of_the_table_has_its_place() {
    let mut checked = 0;
    for row in settings::rows() {
        let (settings::Status::Built(Some(path)), Some(flag)) = (row.status(), row.flags.first()) else { continue };
        let value = match *flag {
            "handler" | "api_handler" => "rpc",
            "workers" | "client_retries" => "3",
            "log_level" => "debug",
            "log_format" | "access_log" => "json",
            "registry" | "broker" => "memory",
            "resolver" => "micro",
            "enable_rpc" | "enable_cors" => "true",
            "client_request_timeout" | "drain_timeout" => "7s",
            flag if flag.contains("address") || matches!(flag, "admin" | "registry_listen" | "broker_listen") => {
                "127.0.0.1:7000"
            }
            _ => "com.example",
        };
        let preset = match row.commands {
            settings::Commands::Registry => Preset::Registry,
            settings::Commands::Broker => Preset::Broker,
            _ => Preset::Api,
        };
        let words = |flag: String| match row.place {
            settings::Place::Command => vec![preset.name().to_owned(), flag],
            // The embedded registry and mdns are reached nowhere.
            _ if row.flags[0] == "registry_address" => {
                vec![flag, "--registry=service".to_owned(), "api".to_owned()]
            }
            // Only the embedded broker listens.
            _ if row.flags[0] == "broker_listen" => vec![flag, "--broker=memory".to_owned(), "api".to_owned()],
            _ => vec![flag, "api".to_owned()],
        };
        let given = line::settings(words(format!("--{flag}={value}")), Some(preset));
        let loaded =
            load(&Layers { settings: given, ..Layers::preset(preset) }).unwrap_or_else(|report| panic!("{report}"));
        let mut path = path.replace("routes.api[api]", "routes.api[2]");
        if preset == Preset::Api && *flag == "registry_listen" {
            path = path.replace("registry.", "registry[1].");
        }
        let set = loaded.effective().iter().any(|found| {
            found.path.to_string().starts_with(&path)
                && matches!(&found.origin, Origin::Flag(name) if name == &format!("--{flag}"))
        });
        assert!(set, "--{flag} does not set {path}");
        checked += 1;
    }
    assert!(checked > 15, "{checked}");
}

#[test]
fn a_document_that_lists_origins_ends_the_reflection_of_a_preset() {
    let file = "version: micro/v1\npolicies: { api: { cors: { origins: [\"https://a.example\"] } } }\n";
    let loaded = load(&api("", "", &[], &[file])).unwrap();
    assert!(!loaded.document.policies["api"].cors.as_ref().unwrap().reflect);
    assert!(load(&api("", "", &[], &[])).unwrap().document.policies["api"].cors.as_ref().unwrap().reflect);
}

#[test]
fn variables_are_shown_beside_the_file() {
    let mut layers = Layers::text("g.yaml", "version: micro/v1\nworkers: ${N}\nadmin: \"127.0.0.1:${PORT:-8099}\"\n");
    layers.variables.insert("N".to_owned(), "2".to_owned());
    check_origin(&layers, "workers", "2 (g.yaml:2:10 ${N})");
    check_origin(&layers, "admin.address", "127.0.0.1:8099 (g.yaml:3:8 ${PORT})");
}

#[test]
fn every_value_has_an_origin() {
    let layers = api(
        "--registry memory",
        "--type srv",
        &[("MICRO_API_HANDLER", "rpc"), ("RETRY", "0")],
        &[
            "version: micro/v1\nservices: { app: { endpoints: [\"app:3000\"] } }\npolicies: { api: { retry: \"${RETRY}\" } }\n",
        ],
    );
    let report = load(&layers).unwrap_err();
    assert_eq!(report.diagnostics[0].code, Code::WrongType, "a quoted number stays text: {report}");
    let layers = Layers {
        files: vec![Input::text(
            "g.yaml",
            "version: micro/v1\nservices: { app: { endpoints: [\"App:3000\"] } }\npolicies: { api: { retry: 0 } }\nadmin: { token: hunter2 }\n",
        )],
        ..layers
    };
    let loaded = load(&layers).unwrap();
    insta::assert_snapshot!("effective-with-origin", loaded.effective().to_yaml_with_origin());
    assert!(!loaded.effective().to_yaml().contains("hunter2"));
    assert!(!format!("{:?}", loaded.document).contains("hunter2"));
    let token: DocumentPath = "admin.token".parse().unwrap();
    assert!(loaded.is_explicit(&token) && !loaded.is_explicit(&"admin.address".parse().unwrap()));
    assert!(matches!(loaded.origin_of(&token), Origin::File { .. }));
    let short = load(&Layers::text("g.yaml", "version: micro/v1\nadmin: \"127.0.0.1:9\"\n")).unwrap();
    assert!(short.is_explicit(&"admin.address".parse().unwrap()), "a short form asks for the value that it gives");
    assert!(!short.is_explicit(&"admin.token".parse().unwrap()));
}
