//! How words become commands.

use super::*;

fn parsed(line: &str) -> Result<Invocation, Stop> {
    let words: Vec<OsString> = if line.is_empty() { Vec::new() } else { line.split(' ').map(OsString::from).collect() };
    parse(words, Vec::new())
}

#[track_caller]
fn command_of(line: &str) -> Invocation {
    parsed(line).unwrap_or_else(|stop| panic!("{line}: {stop:?}"))
}

/// Checks the first line and the exit code of what is no command.
#[track_caller]
fn check_stop(line: &str, first: &str, exit: Exit) {
    let stop = parsed(line).unwrap_err();
    assert_eq!((stop.text.lines().next().unwrap_or_default(), stop.exit), (first, exit), "{line}");
}

#[test]
fn slips_are_named_and_have_their_codes() {
    check_stop("", "No command provided to micro. Please refer to 'micro --help'", Exit::Failed);
    check_stop("--output json", "No command provided to micro. Please refer to 'micro --help'", Exit::Failed);
    check_stop("frob", "Unrecognized micro command: frob. Please refer to 'micro --help'", Exit::Failed);
    check_stop("frob --bar a b -c", "Unrecognized micro command: b. Please refer to 'micro --help'", Exit::Failed);
    check_stop(
        "config frob",
        "Unrecognized subcommand for micro config: frob. Please refer to 'micro config --help'",
        Exit::Failed,
    );
    check_stop(
        "list frob",
        "Unrecognized subcommand for micro list: frob. Please refer to 'micro list --help'",
        Exit::Failed,
    );
    check_stop("-v", "Incorrect Usage. flag provided but not defined: -v", Exit::Failed);
    check_stop("api --nope", "Incorrect Usage. flag provided but not defined: -nope", Exit::Failed);
    check_stop("list services -nope=1", "Incorrect Usage. flag provided but not defined: -nope", Exit::Failed);
    check_stop("check --nope", "Incorrect Usage. flag provided but not defined: -nope", Exit::Usage);
    check_stop("gateway --address :9", "Incorrect Usage. flag provided but not defined: -address", Exit::Usage);
    check_stop("call --address", "Incorrect Usage. flag needs an argument: -address", Exit::Failed);
    check_stop("check --preset", "Incorrect Usage. flag needs an argument: -preset", Exit::Usage);
    check_stop("explain", "Incorrect Usage. missing argument: REQUEST", Exit::Usage);
    check_stop("explain a b", "Incorrect Usage. unexpected argument 'b'", Exit::Usage);
    check_stop(
        "runtime --retries x",
        "Incorrect Usage. invalid value \"x\" for flag -retries: parse error",
        Exit::Failed,
    );
    check_stop(
        "list -o xml services",
        "Incorrect Usage. invalid value \"xml\" for flag -output: write text or json",
        Exit::Failed,
    );
    check_stop("list help nope", "No help topic for 'nope'", Exit::NoTopic);
}

#[test]
fn what_was_probably_meant_is_said() {
    let tip = |line: &str| {
        let stop = parsed(line).unwrap_err();
        let tip = stop.text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        tip.unwrap_or_default().to_owned()
    };
    assert_eq!(
        tip("explain --namespace x http://h/"),
        "it is a flag of `micro api`; `--preset api` makes it count here"
    );
    assert_eq!(
        tip("explain --enable-rpc http://h/"),
        "it is a flag of `micro api`; `--preset api` makes it count here"
    );
    assert_eq!(tip("gateway --address :9"), "it is a flag of `micro api`");
    assert_eq!(tip("call --adress x"), "a similar flag exists: --address");
    assert_eq!(tip("explain --nope http://h/"), "");
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    let help = |line: &str| match parsed(line) {
        Ok(invocation) => {
            assert_eq!(invocation.name(), "micro help", "{line}");
            help::of(&help::find(&[], invocation.words()).unwrap())
        }
        Err(stop) => {
            assert_eq!(stop.exit, Exit::Done, "{line}");
            stop.text
        }
    };
    for command in commands::all() {
        let name = command.name;
        let asked = [format!("help {name}"), format!("{name} --help"), format!("{name} -h"), format!("h {name}")];
        let asked = asked.map(|line| help(&line));
        assert!(asked.iter().all(|text| *text == asked[0]), "{name}");
        assert!(asked[0].starts_with(&format!("NAME:\n   micro {name} - ")), "{}", asked[0]);
    }
    assert!(help("config show --help").starts_with("NAME:\n   micro config show - "));
    assert_eq!(help("list help services"), help("list services --help"));
    assert_eq!(help("network dns help resolve"), help("help network dns resolve"));
    assert_eq!(help("--help"), help("help"));
    assert_eq!(help("--help=false help list"), help("help list"));
}

#[test]
fn flags_of_the_document_become_settings() {
    let api = command_of("--registry memory api -address 127.0.0.1:0 --handler=rpc --drain_timeout 5s");
    assert_eq!((api.name().as_str(), api.preset), ("micro api", Preset::Api));
    assert_eq!(api.settings.len(), 4);
    assert_eq!(api.setting("handler"), Some("rpc"));
}

#[test]
fn a_flag_wins_over_its_variable_and_a_variable_over_the_default() {
    let of = |line: &str, variables: &[(&str, &str)]| {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        parse(words, variables.collect::<Vec<_>>())
    };
    let registry =
        |line: &str, variables: &[(&str, &str)]| of(line, variables).unwrap().setting("registry").map(str::to_owned);
    let variable = [("MICRO_REGISTRY", "etcd")];
    assert_eq!(registry("list services --registry=mdns", &variable).as_deref(), Some("mdns"));
    assert_eq!(registry("--registry mdns list --registry file services", &variable).as_deref(), Some("file"));
    assert_eq!(registry("list services", &variable).as_deref(), Some("etcd"));
    assert_eq!(registry("list services", &[("MICRO_REGISTRY", "")]), None);

    let name =
        |line: &str, variables: &[(&str, &str)]| of(line, variables).unwrap().values.text("name").map(str::to_owned);
    let variable = [("MICRO_SERVICE_NAME", "b")];
    assert_eq!(name("service --name a", &variable).as_deref(), Some("a"));
    assert_eq!(name("service", &variable).as_deref(), Some("b"));
    assert_eq!(name("service", &[]).as_deref(), Some("service"));

    let metadata = [("MICRO_METADATA", "a=b, c=d")];
    assert_eq!(of("call", &metadata).unwrap().values.all("metadata"), ["a=b", "c=d"]);
    assert_eq!(of("call --metadata x=1,2 -metadata=y", &metadata).unwrap().values.all("metadata"), ["x=1,2", "y"]);

    let stop = of("runtime", &[("MICRO_RUNTIME_RETRIES", "x")]).unwrap_err();
    assert!(stop.text.contains("could not parse \"x\" as int value for flag retries: parse error"), "{stop:?}");
}

#[test]
fn flags_and_words_may_be_mixed() {
    let check = |line: &str, words: &[&str]| {
        let found = command_of(line);
        assert_eq!(found.words(), words, "{line}");
        found
    };
    let json = check("call -o raw S E {}", &["S", "E", "{}"]);
    assert_eq!(json.values.text("output"), Some("raw"));
    let json = check("call S E -o raw {}", &["S", "E", "{}"]);
    assert_eq!(json.values.text("output"), Some("raw"));
    let json = check("--output raw call S --client_request_timeout 1s E", &["S", "E"]);
    assert_eq!((json.values.text("output"), json.setting("client_request_timeout")), (Some("raw"), Some("1s")));
    check("call S E -- -o raw", &["S", "E", "-o", "raw"]);
    check("call S E -1", &["S", "E", "-1"]);
    assert_eq!(check("list -- services", &[]).name(), "micro list services");
    assert_eq!(check("store --address :1 write -e 1h k v", &["k", "v"]).values.text("expiry"), Some("1h"));
    assert_eq!(check("-e server store list", &[]).setting("env"), Some("server"));
}

#[test]
fn what_follows_the_command_of_a_service_is_its_own() {
    let service = command_of("service --name a python3 -m http.server --name b --");
    assert_eq!(service.words(), ["python3", "-m", "http.server", "--name", "b", "--"]);
    assert_eq!(service.values.text("name"), Some("a"));
    let service = command_of("service --name=a -- -x --name b");
    assert_eq!(
        (service.words(), service.values.text("name")),
        (&["-x", "--name", "b"].map(str::to_owned)[..], Some("a"))
    );
}

#[test]
fn a_flag_of_a_group_is_not_one_of_its_command() {
    let call = command_of("network --address :1 --token t call --output raw S E");
    assert_eq!((call.values.text("address"), call.values.text("token")), (None, Some("t")));
    assert_eq!(command_of("network call --address :2 S E").values.text("address"), Some(":2"));
}

#[test]
fn explain_takes_headers_and_names() {
    let line = "explain --config a.yaml -H x-a:1 -H X-B:2 --given a,b --given c -output json http://h/";
    let explain = command_of(line);
    assert_eq!(explain.output, Output::Json);
    assert_eq!(explain.values.all("header"), ["x-a:1", "X-B:2"]);
    assert_eq!(explain.values.all("given"), ["a,b", "c"]);
    assert_eq!(explain.words(), ["http://h/"]);
}

#[test]
fn a_process_is_asked_only_where_a_flag_says_so() {
    let check = |line: &str, expected: bool| {
        assert_eq!(crate::remote::is_asked(&command_of(line)), expected, "{line}");
    };
    check("config show --effective --origin", false);
    check("config show --admin 127.0.0.1:1", true);
    check("--admin 127.0.0.1:1 config show", true);
}

#[test]
fn the_preset_of_a_command_that_does_not_serve_is_named() {
    let check = |line: &str, preset: Preset, output: Output| {
        let found = command_of(line);
        assert_eq!((found.preset, found.output), (preset, output), "{line}");
    };
    check("explain --preset api http://h/", Preset::Api, Output::Text);
    check("check --preset=demo a.yaml -o json", Preset::Demo, Output::Json);
    check("config show --preset api --output json --origin", Preset::Api, Output::Json);
    check("--output json config show --type srv --preset api", Preset::Api, Output::Json);
    check("--preset api explain --address :9 x", Preset::Api, Output::Text);
    check("test a.yaml", Preset::Gateway, Output::Text);
    check("demo", Preset::Demo, Output::Text);
    assert_eq!(command_of("explain --preset api --type srv x").setting("type"), Some("srv"));
    check_stop("explain --type srv x", "Incorrect Usage. flag provided but not defined: -type", Exit::Usage);
    check_stop("gateway --preset api", "Incorrect Usage. flag provided but not defined: -preset", Exit::Usage);
}

#[test]
fn the_version_has_two_names() {
    assert_eq!(command_of("--version").name(), "micro version");
    assert_eq!(command_of("--version list").name(), "micro version");
    assert_eq!(command_of("version").name(), "micro version");
    check_stop("call --version", "Incorrect Usage. flag provided but not defined: -version", Exit::Failed);
}
