//! Proxy, router, tunnel, and the network that they make.

use super::{Command, Flag, Words, calling, flags::SERVER_ADDRESS, planned::not_built};
use crate::{call, network};

const STRATEGY: &str = "which routes are told to others: all, best, local or none";

const NODE: &[Flag] = &[
    Flag::text(&["address"], "ADDRESS", "address to listen on").variable("MICRO_NETWORK_ADDRESS"),
    Flag::text(&["advertise"], "ADDRESS", "address that others are told").variable("MICRO_NETWORK_ADVERTISE"),
    Flag::text(&["gateway"], "ADDRESS", "gateway of the network").variable("MICRO_NETWORK_GATEWAY"),
    Flag::text(&["network"], "NAME", "name of the network").variable("MICRO_NETWORK"),
    Flag::text(&["nodes"], "ADDRESSES", "nodes to join, separated by commas").variable("MICRO_NETWORK_NODES"),
    Flag::text(&["token"], "TOKEN", "token of the network").variable("MICRO_NETWORK_TOKEN"),
    Flag::text(&["resolver"], "NAME", "how nodes are found: dns, http or registry").variable("MICRO_NETWORK_RESOLVER"),
    Flag::text(&["advertise_strategy"], "WORD", STRATEGY).variable("MICRO_NETWORK_ADVERTISE_STRATEGY"),
];

/// What narrows a list of routes.
const ROUTES: &[Flag] = &[
    Flag::text(&["service"], "NAME", "routes to this service"),
    Flag::text(&["address"], "ADDRESS", "routes to this address"),
    Flag::text(&["gateway"], "ADDRESS", "routes through this gateway"),
    Flag::text(&["router"], "ID", "routes of this router"),
    Flag::text(&["network"], "NAME", "routes of this network"),
];

const DOMAIN: Flag = Flag::text(&["domain"], "NAME", "domain of the record").default("network.micro.mu");
const DNS_TOKEN: Flag = Flag::text(&["token"], "TOKEN", "token of the service");
const DNS_ADDRESS: Flag = Flag::text(&["address"], "ADDRESS", "address in the record");

const DNS: Command = Command::new("dns", "Start a DNS resolver service that registers core nodes in DNS")
    .flags(&[
        Flag::text(&["provider"], "NAME", "who serves the domain")
            .variable("MICRO_NETWORK_DNS_PROVIDER")
            .default("cloudflare"),
        Flag::text(&["api-token"], "TOKEN", "token at the provider").variable("MICRO_NETWORK_DNS_API_TOKEN"),
        Flag::text(&["zone-id"], "ID", "zone at the provider").variable("MICRO_NETWORK_DNS_ZONE_ID"),
        Flag::text(&["token"], "TOKEN", "token that callers show").variable("MICRO_NETWORK_DNS_TOKEN"),
    ])
    .commands(&[
        Command::new("advertise", "Advertise a new node to the network")
            .flags(&[
                DNS_ADDRESS.variable("MICRO_NETWORK_DNS_ADVERTISE_ADDRESS"),
                DOMAIN.variable("MICRO_NETWORK_DNS_ADVERTISE_DOMAIN"),
                DNS_TOKEN.variable("MICRO_NETWORK_DNS_ADVERTISE_TOKEN"),
            ])
            .run(network::dns::advertise),
        Command::new("remove", "Remove a node's record")
            .flags(&[
                DNS_ADDRESS.variable("MICRO_NETWORK_DNS_REMOVE_ADDRESS"),
                DOMAIN.variable("MICRO_NETWORK_DNS_REMOVE_DOMAIN"),
                DNS_TOKEN.variable("MICRO_NETWORK_DNS_REMOVE_TOKEN"),
            ])
            .run(network::dns::remove),
        Command::new("resolve", "Resolve a domain")
            .flags(&[
                DOMAIN.variable("MICRO_NETWORK_DNS_RESOLVE_DOMAIN"),
                Flag::text(&["type"], "TYPE", "type of the record")
                    .variable("MICRO_NETWORK_DNS_RESOLVE_TYPE")
                    .default("A"),
                DNS_TOKEN.variable("MICRO_NETWORK_DNS_RESOLVE_TOKEN"),
            ])
            .run(network::dns::resolve),
    ])
    .words(Words::Commands)
    .run(not_built);

pub(super) const COMMANDS: &[Command] = &[
    Command::new("network", "Run the micro network node")
        .flags(NODE)
        .commands(&[
            Command::new("connect", "connect to the network. specify nodes e.g connect ip:port")
                .usage("ADDRESS...")
                .run(network::connect),
            Command::new("connections", "List the immediate connections to the network").run(network::connections),
            Command::new("graph", "Get the network graph").run(network::graph),
            Command::new("nodes", "List nodes in the network").run(network::nodes),
            Command::new("routes", "List network routes").flags(ROUTES).run(network::routes),
            Command::new("services", "Get the network services").run(network::services),
            Command::new("call", "Call a service e.g micro call greeter Say.Hello '{\"name\": \"John\"}'")
                .usage(calling::CALL_USAGE)
                .flags(calling::CALL)
                .needs(2, calling::CALL_NEEDS)
                .run(call::network_call),
            Command::new("api", "Run the network api").run(not_built),
            DNS,
        ])
        .words(Words::Commands)
        .run(not_built),
    Command::new("proxy", "Run the service proxy")
        .flags(&[
            Flag::text(&["address"], "ADDRESS", "address to listen on").variable("MICRO_PROXY_ADDRESS"),
            Flag::text(&["endpoint"], "ADDRESS", "where all requests go").variable("MICRO_PROXY_ENDPOINT"),
            Flag::text(&["protocol"], "NAME", "grpc, http or mucp").variable("MICRO_PROXY_PROTOCOL"),
            Flag::text(&["router"], "NAME", "router that is asked").variable("MICRO_ROUTER"),
            Flag::text(&["router_address"], "ADDRESS", "address of the router").variable("MICRO_ROUTER_ADDRESS"),
        ])
        .run(not_built),
    Command::new("router", "Run the micro network router")
        .flags(&[
            SERVER_ADDRESS,
            Flag::text(&["network"], "NAME", "name of the network").variable("MICRO_NETWORK_NAME"),
            Flag::text(&["gateway"], "ADDRESS", "gateway of the routes").variable("MICRO_GATEWAY_ADDRESS"),
            Flag::text(&["advertise_strategy"], "WORD", STRATEGY).variable("MICRO_ROUTER_ADVERTISE_STRATEGY"),
        ])
        .run(not_built),
    Command::new("tunnel", "Run the micro network tunnel")
        .flags(&[
            Flag::text(&["address"], "ADDRESS", "address to listen on").variable("MICRO_TUNNEL_ADDRESS"),
            Flag::text(&["id"], "ID", "id of this end").variable("MICRO_TUNNEL_ID"),
            Flag::text(&["server"], "ADDRESSES", "the other ends, separated by commas").variable("MICRO_TUNNEL_SERVER"),
            Flag::text(&["token"], "TOKEN", "token of the tunnel").variable("MICRO_TUNNEL_TOKEN"),
        ])
        .run(not_built),
];
