//! The table: all variables and flags of spec/gateway 2.1 and 2.2, of spec/toolkit 1.3, and ours.

use super::row::{Commands, Effect, Place, Row, Takes};

const ADDRESS: Takes = Takes::Value("ADDRESS");
const NAME: Takes = Takes::Value("NAME");
const FILE: Takes = Takes::Value("FILE");
const NUMBER: Takes = Takes::Value("NUMBER");
const TIME: Takes = Takes::Value("TIME");
const TEXT: Takes = Takes::Value("TEXT");
const NEVER: &[&str] = &[];

/// Returns the table. The order is that of the help.
pub fn rows() -> &'static [Row] {
    ROWS
}

/// A row of every command, with flag and variable of one name.
const fn global(flags: &'static [&'static str], variable: &'static str, takes: Takes, effect: Effect) -> Row {
    Row {
        flags,
        variable: Some(variable),
        place: Place::Anywhere,
        commands: Commands::All,
        takes,
        effect,
        default: "",
        help: "",
    }
}

/// A row of `micro api`, after the command.
const fn api(flags: &'static [&'static str], variable: &'static str, takes: Takes, effect: Effect) -> Row {
    Row { place: Place::Command, commands: Commands::Api, ..global(flags, variable, takes, effect) }
}

/// A global flag that sets what a flag of `micro api` sets.
const fn alias(flags: &'static [&'static str], takes: Takes, effect: Effect) -> Row {
    Row { variable: None, place: Place::GlobalAlias, commands: Commands::Api, ..global(flags, "", takes, effect) }
}

impl Row {
    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

static ROWS: &[Row] = &[
    // What the document is made of.
    global(&["config"], "MICRO_CONFIG", FILE, Effect::Files)
        .help("a document, or a directory of documents; may be repeated, the later one wins"),
    global(&["workers"], "MICRO_WORKERS", NUMBER, Effect::Plain("workers"))
        .default("available cores")
        .help("number of data-plane workers"),
    global(&["drain_timeout"], "MICRO_DRAIN_TIMEOUT", TIME, Effect::Text("drain_timeout"))
        .default("30s")
        .help("how long requests may go on after SIGTERM"),
    global(&["admin"], "MICRO_ADMIN", ADDRESS, Effect::Text("admin.address"))
        .default("127.0.0.1:8099")
        .help("address of the admin listener, or off"),
    global(&["log_level"], "MICRO_LOG_LEVEL", NAME, Effect::Text("telemetry.log.level"))
        .default("info")
        .help("trace, debug, info, warn or error"),
    global(&["log_format"], "MICRO_LOG_FORMAT", NAME, Effect::Text("telemetry.log.format"))
        .default("text")
        .help("text or json"),
    global(&["access_log"], "MICRO_ACCESS_LOG", NAME, Effect::Text("telemetry.access_log.format"))
        .default("text")
        .help("off, text or json"),
    // micro api.
    api(&["address"], "MICRO_API_ADDRESS", ADDRESS, Effect::Text("listeners.api.address"))
        .default(":8080")
        .help("address to listen on"),
    api(&["handler"], "MICRO_API_HANDLER", NAME, Effect::Text("routes.api[api].handler"))
        .default("meta")
        .help("what answers: meta, rpc, api, event, http, proxy, web, cloudevents, broker or registry"),
    api(&["namespace"], "MICRO_API_NAMESPACE", NAME, Effect::Text("routes.api[api].namespace"))
        .default("go.micro")
        .help("first part of the names of services; one blank for none"),
    api(&["type"], "MICRO_API_TYPE", NAME, Effect::Text("routes.api[api].type"))
        .default("api")
        .help("second part of the names of services"),
    api(&["resolver"], "MICRO_API_RESOLVER", NAME, Effect::Text("routes.api[api].resolver"))
        .default("micro")
        .help("how a request becomes a service and a method: micro, host, path or grpc"),
    api(
        &["enable_rpc"],
        "MICRO_API_ENABLE_RPC",
        Takes::Switch,
        Effect::Switch { path: "rpc", on: "{ listeners: [api] }", off: "~" },
    )
    .default("false")
    .help("serve /rpc, which calls any service by name"),
    api(
        &["enable_cors"],
        "MICRO_API_ENABLE_CORS",
        Takes::Switch,
        Effect::Switch { path: "policies.api.cors", on: "{ reflect: true, credentials: true }", off: "~" },
    )
    .default("true")
    .help("let web pages of any origin call"),
    api(&["enable_broker"], "MICRO_API_ENABLE_BROKER", Takes::Switch, Effect::Ignored(&["false"]))
        .help("serve /broker"),
    api(&["enable_registry"], "MICRO_API_ENABLE_REGISTRY", Takes::Switch, Effect::Ignored(&["false"]))
        .help("serve /registry"),
    alias(&["api_address"], ADDRESS, Effect::Text("listeners.api.address")).help("as --address of micro api"),
    alias(&["api_handler"], NAME, Effect::Text("routes.api[api].handler")).help("as --handler of micro api"),
    alias(&["api_namespace"], NAME, Effect::Text("routes.api[api].namespace")).help("as --namespace of micro api"),
    Row {
        place: Place::Fallback,
        ..api(&["namespace"], "MICRO_NAMESPACE", NAME, Effect::Text("routes.api[api].namespace"))
    }
    .help("namespace of the services, where the command says nothing more specific"),
    Row { commands: Commands::Api, ..global(&["compat"], "MICRO_COMPAT", NAME, Effect::Ignored(NEVER)) }
        .help("micro-v2: do what Micro v2 did by accident"),
    // Calling services.
    Row {
        commands: Commands::Api,
        ..global(
            &["client_request_timeout"],
            "MICRO_CLIENT_REQUEST_TIMEOUT",
            TIME,
            Effect::Text("policies.api.timeout"),
        )
    }
    .default("5s")
    .help("one deadline for all tries of a call"),
    Row {
        commands: Commands::Api,
        ..global(&["client_retries"], "MICRO_CLIENT_RETRIES", NUMBER, Effect::Plain("policies.api.retry"))
    }
    .default("1")
    .help("further tries after the first"),
    global(&["client"], "MICRO_CLIENT", NAME, Effect::Ignored(&["grpc"]))
        .default("grpc")
        .help("protocol towards services: grpc or mucp"),
    global(&["client_pool_size"], "MICRO_CLIENT_POOL_SIZE", NUMBER, Effect::Ignored(NEVER))
        .default("100")
        .help("connections kept to services"),
    global(&["client_pool_ttl"], "MICRO_CLIENT_POOL_TTL", TIME, Effect::Ignored(NEVER))
        .default("1m")
        .help("how long they are kept"),
    global(&["selector"], "MICRO_SELECTOR", NAME, Effect::Ignored(&["registry"]))
        .default("registry")
        .help("how nodes are found"),
    // To ignore a transport would send requests another way than asked for.
    global(&["transport"], "MICRO_TRANSPORT", NAME, Effect::Refused(&["http", "grpc"]))
        .default("http")
        .help("only http; NATS and RabbitMQ carry no requests here"),
    global(&["transport_address"], "MICRO_TRANSPORT_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .help("addresses of the transport"),
    // Registry and broker.
    global(&["registry"], "MICRO_REGISTRY", NAME, Effect::Text("registry.kind"))
        .default("mdns, memory")
        .help("where services are found: memory, mdns, etcd, service or file; consul, kubernetes and nats come later"),
    global(&["registry_address"], "MICRO_REGISTRY_ADDRESS", ADDRESS, Effect::List("registry.addresses"))
        .help("addresses of the registry, separated by commas"),
    global(&["registry_listen"], "MICRO_REGISTRY_LISTEN", ADDRESS, Effect::Text("registry.listen"))
        .default("127.0.0.1:8000")
        .help("where the embedded registry listens"),
    global(&["broker"], "MICRO_BROKER", NAME, Effect::Text("broker.kind"))
        .default("http")
        .help("where events are published: http, memory, nats or service; kafka and rabbitmq come later"),
    global(&["broker_address"], "MICRO_BROKER_ADDRESS", ADDRESS, Effect::List("broker.addresses"))
        .help("addresses of the broker, separated by commas"),
    Row {
        place: Place::Command,
        commands: Commands::Registry,
        ..global(&["address"], "MICRO_SERVER_ADDRESS", ADDRESS, Effect::Text("registry.listen"))
    }
    .default("127.0.0.1:8000")
    .help("address to listen on, such as 0.0.0.0:8000"),
    Row {
        place: Place::Command,
        commands: Commands::Broker,
        ..global(&["address"], "MICRO_SERVER_ADDRESS", ADDRESS, Effect::Text("broker.listen"))
    }
    .default("127.0.0.1:8001")
    .help("address to listen on, such as 0.0.0.0:8001"),
    global(&["broker_listen"], "MICRO_BROKER_LISTEN", ADDRESS, Effect::Text("broker.listen"))
        .default("127.0.0.1:8001")
        .help("where the embedded broker listens"),
    // The process as a service.
    global(&["server"], "MICRO_SERVER", NAME, Effect::Ignored(&["grpc"]))
        .default("grpc")
        .help("protocol of the own RPC server: grpc or mucp"),
    global(&["server_name"], "MICRO_SERVER_NAME", NAME, Effect::Process).help("name under which the process registers"),
    global(&["server_version"], "MICRO_SERVER_VERSION", TEXT, Effect::Process)
        .help("version under which the process registers"),
    global(&["server_id"], "MICRO_SERVER_ID", TEXT, Effect::Process).help("id under which the process registers"),
    global(&["server_address"], "MICRO_SERVER_ADDRESS", ADDRESS, Effect::Process)
        .default(":0")
        .help("address of the own RPC server"),
    global(&["server_advertise"], "MICRO_SERVER_ADVERTISE", ADDRESS, Effect::Process)
        .help("address that is registered"),
    global(&["server_metadata"], "MICRO_SERVER_METADATA", TEXT, Effect::Process)
        .help("key=value that is registered; may be repeated"),
    global(&["register_ttl"], "MICRO_REGISTER_TTL", NUMBER, Effect::Process)
        .default("60")
        .help("seconds a registration lives"),
    global(&["register_interval"], "MICRO_REGISTER_INTERVAL", NUMBER, Effect::Process)
        .default("30")
        .help("seconds between renewals"),
    // What protects.
    global(&["enable_tls"], "MICRO_ENABLE_TLS", Takes::Switch, Effect::Refused(&["false"]))
        .default("false")
        .help("TLS with a certificate of your own"),
    global(&["tls_cert_file"], "MICRO_TLS_CERT_FILE", FILE, Effect::Refused(NEVER)).help("certificate chain, PEM"),
    global(&["tls_key_file"], "MICRO_TLS_KEY_FILE", FILE, Effect::Refused(NEVER)).help("private key, PEM"),
    global(&["tls_client_ca_file"], "MICRO_TLS_CLIENT_CA_FILE", FILE, Effect::Refused(NEVER))
        .help("authority of client certificates, PEM; makes them mandatory"),
    global(&["enable_acme"], "MICRO_ENABLE_ACME", Takes::Switch, Effect::Refused(&["false"]))
        .default("false")
        .help("TLS with certificates by ACME"),
    global(&["acme_hosts"], "MICRO_ACME_HOSTS", NAME, Effect::Refused(NEVER))
        .help("hosts of the certificates, separated by commas"),
    global(&["acme_provider"], "MICRO_ACME_PROVIDER", NAME, Effect::Ignored(&["autocert"]))
        .default("autocert")
        .help("autocert or certmagic"),
    global(&["auth"], "MICRO_AUTH", NAME, Effect::Refused(&["noop"]))
        .default("noop")
        .help("who decides who may call: service or jwt"),
    global(&["auth_public_key"], "MICRO_AUTH_PUBLIC_KEY", TEXT, Effect::Refused(NEVER))
        .help("key that proves tokens, base64 of PEM"),
    global(&["auth_private_key"], "MICRO_AUTH_PRIVATE_KEY", TEXT, Effect::Refused(NEVER))
        .help("key that signs tokens, base64 of PEM"),
    global(&["auth_id"], "MICRO_AUTH_ID", TEXT, Effect::Ignored(NEVER)).help("account of this process"),
    global(&["auth_secret"], "MICRO_AUTH_SECRET", TEXT, Effect::Ignored(NEVER)).help("secret of that account"),
    global(&["auth_namespace"], "MICRO_AUTH_NAMESPACE", NAME, Effect::Ignored(NEVER))
        .default("go.micro")
        .help("issuer of accounts"),
    global(&["auth_provider"], "MICRO_AUTH_PROVIDER", NAME, Effect::Ignored(&["basic"]))
        .default("basic")
        .help("oauth or basic"),
    global(&["auth_provider_client_id"], "MICRO_AUTH_PROVIDER_CLIENT_ID", TEXT, Effect::Ignored(NEVER))
        .help("client id at the provider"),
    global(&["auth_provider_client_secret"], "MICRO_AUTH_PROVIDER_CLIENT_SECRET", TEXT, Effect::Ignored(NEVER))
        .help("client secret at the provider"),
    global(&["auth_provider_endpoint"], "MICRO_AUTH_PROVIDER_ENDPOINT", ADDRESS, Effect::Ignored(NEVER))
        .help("where the provider is reached"),
    global(&["auth_provider_redirect"], "MICRO_AUTH_PROVIDER_REDIRECT", ADDRESS, Effect::Ignored(NEVER))
        .help("where the provider sends people back to"),
    global(&["auth_provider_scope"], "MICRO_AUTH_PROVIDER_SCOPE", TEXT, Effect::Ignored(NEVER))
        .help("scope asked of the provider"),
    // Other parts of the toolkit.
    global(&["env", "e"], "MICRO_ENV", NAME, Effect::Ignored(&["local"])).help("environment of this command"),
    global(&["web_address"], "MICRO_WEB_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .default(":8082")
        .help("address of the dashboard"),
    global(&["web_namespace"], "MICRO_WEB_NAMESPACE", NAME, Effect::Ignored(NEVER))
        .default("go.micro")
        .help("namespace of web services"),
    global(&["web_url"], "MICRO_WEB_HOST", ADDRESS, Effect::Ignored(NEVER)).help("host of the dashboard"),
    global(&["proxy_address"], "MICRO_PROXY_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .default(":8081")
        .help("address of the proxy"),
    Row { flags: &[], ..global(&[], "MICRO_PROXY", NAME, Effect::Ignored(NEVER)) }
        .help("service or address through which all calls go"),
    global(&["network"], "MICRO_NETWORK", NAME, Effect::Ignored(NEVER)).help("network that the process joins"),
    global(&["network_address"], "MICRO_NETWORK_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .default(":8085")
        .help("address of the network"),
    global(&["router_address"], "MICRO_ROUTER_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .default(":8084")
        .help("address of the router"),
    global(&["gateway_address"], "MICRO_GATEWAY_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .help("address of the network's gateway"),
    global(&["tunnel_address"], "MICRO_TUNNEL_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .default(":8083")
        .help("address of the tunnel"),
    global(&["enable_stats"], "MICRO_ENABLE_STATS", Takes::Switch, Effect::Ignored(&["false"]))
        .default("false")
        .help("serve /stats"),
    global(&["profile"], "MICRO_DEBUG_PROFILE", NAME, Effect::Ignored(NEVER)).help("serve a profiler: http or pprof"),
    global(&["tracer"], "MICRO_TRACER", NAME, Effect::Ignored(&["memory"])).default("memory").help("where traces go"),
    global(&["tracer_address"], "MICRO_TRACER_ADDRESS", ADDRESS, Effect::Ignored(NEVER))
        .help("addresses of the tracer"),
    global(&["runtime"], "MICRO_RUNTIME", NAME, Effect::Ignored(&["local"]))
        .default("local")
        .help("where services run"),
    global(&["runtime_source"], "MICRO_RUNTIME_SOURCE", TEXT, Effect::Ignored(NEVER))
        .help("where the sources of services are"),
    global(&["store"], "MICRO_STORE", NAME, Effect::Ignored(&["memory"]))
        .default("memory")
        .help("where records are kept"),
    global(&["store_address"], "MICRO_STORE_ADDRESS", ADDRESS, Effect::Ignored(NEVER)).help("addresses of the store"),
    global(&["store_database"], "MICRO_STORE_DATABASE", NAME, Effect::Ignored(NEVER)).help("database of the store"),
    global(&["store_table"], "MICRO_STORE_TABLE", NAME, Effect::Ignored(NEVER)).help("table of the store"),
    global(&["plugin"], "MICRO_PLUGIN", FILE, Effect::Ignored(NEVER)).help("plugins to load"),
    // Without effect, in Micro v2 or for good: we neither update ourselves nor report to anybody.
    Row { variable: None, ..global(&["local"], "", Takes::Switch, Effect::Nothing) }.help("no effect"),
    global(&["auto_update"], "MICRO_AUTO_UPDATE", Takes::Switch, Effect::Nothing)
        .help("no effect: updates come by your package manager"),
    global(&["update_url"], "MICRO_UPDATE_URL", ADDRESS, Effect::Nothing)
        .help("no effect: updates come by your package manager"),
    global(&["report_usage"], "MICRO_REPORT_USAGE", Takes::Switch, Effect::Nothing)
        .help("no effect: nothing is ever reported"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_means_two_things_in_one_place() {
        let mut seen = HashSet::new();
        for row in rows() {
            for flag in row.flags {
                // `--namespace` is one flag before the command and another one after it.
                let before = row.place != Place::Command;
                let command = (!before).then_some(row.commands);
                assert!(seen.insert((*flag, before, command)), "--{flag} stands twice");
            }
            if let Some(variable) = row.variable {
                assert!(variable.starts_with("MICRO_"), "{variable}");
                let command = (row.commands != Commands::All).then_some(row.commands);
                assert!(seen.insert((variable, true, command)), "{variable} stands twice");
            }
            assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{row:?}");
        }
    }
}
