//! What asks services: calls, streams, health, statistics, logs, traces, and the prompt for all of that.

use super::{Command, Flag};
use crate::call;

const METADATA: Flag =
    Flag::text(&["metadata"], "KEY=VALUE", "metadata that is sent; may be repeated").variable("MICRO_METADATA").many();

const OUTPUT: Flag =
    Flag::text(&["output", "o"], "FORMAT", "how the answer is printed: json or raw").variable("MICRO_OUTPUT");

const TIMEOUT: Flag = Flag::text(&["timeout"], "TIME", "how long it may take, all attempts together");

const STDIN: Flag = Flag::switch(&["stdin"], "read the message from standard input; so does @-, and @FILE a file");

/// The flags of `micro call` and `micro network call`.
pub(super) const CALL: &[Flag] = &[
    Flag::text(&["address"], "ADDRESS", "address of the node to call, past the registry").variable("MICRO_ADDRESS"),
    OUTPUT,
    METADATA,
    TIMEOUT,
    STDIN,
];

/// What `micro call` takes.
pub(super) const CALL_USAGE: &str = "SERVICE ENDPOINT [JSON...]";

/// What `micro call` says where words are missing.
pub(super) const CALL_NEEDS: &str =
    r#"require service and endpoint e.g micro call greeeter Say.Hello '{"name": "john"}'"#;

const LOGS: &[Flag] = &[
    Flag::switch(&["follow", "f"], "go on with what comes"),
    Flag::integer(&["lines", "n"], "how many lines to begin with"),
    Flag::text(&["since"], "TIME", "how far back to begin"),
    Flag::text(&["output", "o"], "FORMAT", "text or json"),
];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("call", "Call a service e.g micro call greeter Say.Hello '{\"name\": \"John\"}'")
        .usage(CALL_USAGE)
        .flags(CALL)
        .needs(2, CALL_NEEDS)
        .run(call::call),
    Command::new("query", "As `call`").usage(CALL_USAGE).flags(CALL).hidden().needs(2, CALL_NEEDS).run(call::call),
    Command::new("stream", "Create a service stream")
        .usage("SERVICE ENDPOINT [JSON...]")
        .flags(&[
            Flag::text(&["address"], "ADDRESS", "address of the node to call, past the registry"),
            OUTPUT,
            METADATA,
            Flag::text(&["timeout"], "TIME", "how long a message may take to be sent"),
            Flag::integer(&["count"], "how many messages to wait for"),
            Flag::switch(&["stdin"], "send each line of standard input as a message"),
        ])
        .needs(2, "require service and endpoint")
        .run(call::stream),
    Command::new("stats", "Query the stats of a service")
        .usage("SERVICE")
        .needs(1, "require service name")
        .run(call::stats),
    Command::new("health", "Check the health of a service, or serve it for others to ask")
        .usage("[SERVICE]")
        .flags(&[
            Flag::text(&["address"], "ADDRESS", "node to ask; without a service, where /health is served")
                .variable("MICRO_HEALTH_ADDRESS"),
            Flag::text(&["check_service"], "NAME", "service that /health asks").variable("MICRO_HEALTH_CHECK_SERVICE"),
            Flag::text(&["check_address"], "ADDRESS", "address of the node that /health asks")
                .variable("MICRO_HEALTH_CHECK_ADDRESS"),
            Flag::text(&["check_http"], "URL", "URL that /health asks, for a service that speaks HTTP only"),
        ])
        .run(call::health),
    Command::new("logs", "Get logs for a service")
        .aliases(&["log"])
        .usage("SERVICE")
        .flags(LOGS)
        .needs(1, "Service name is required")
        .run(call::logs),
    Command::new("trace", "Get tracing info from a service")
        .usage("SERVICE")
        .wants(1, "Require service name")
        .run(call::trace),
    Command::new("cli", "Run the interactive CLI").run(call::interactive),
];
