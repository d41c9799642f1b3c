//! What runs services.

use super::{Command, Flag, flags::SERVER_ADDRESS, planned::not_built};

/// What is said where no source is named, by all three.
const SOURCE: &str = "Run a service: micro run [source]";

const URL: Flag = Flag::text(&["source"], "URL", "where the source is");
const COMMAND: Flag = Flag::text(&["command"], "TEXT", "command to run").many();
const ARGS: Flag = Flag::text(&["args"], "TEXT", "arguments of the command").many();
const TYPE: Flag = Flag::text(&["type"], "NAME", "type of the service");
const IMAGE: Flag = Flag::text(&["image"], "NAME", "image to run");
const ENV_VARS: Flag = Flag::text(&["env_vars"], "NAME=VALUE", "variables of the service; may be repeated").many();
const SERVER: Flag = Flag::switch(&["server"], "as --env server");
const PLATFORM: Flag = Flag::switch(&["platform"], "as --env platform");
const WATCH: Flag = Flag::switch(&["watch"], "build and run it again when the source changes");

const FLAGS: &[Flag] = &[URL, COMMAND, ARGS, TYPE, IMAGE, ENV_VARS];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("run", "Run a service: micro run [source]")
        .usage("SOURCE")
        .flags(&[URL, COMMAND, ARGS, TYPE, IMAGE, ENV_VARS, SERVER, PLATFORM, WATCH])
        .needs(1, SOURCE)
        .run(not_built),
    Command::new("update", "Update a service: micro update [source]")
        .usage("SOURCE")
        .flags(FLAGS)
        .needs(1, SOURCE)
        .run(not_built),
    Command::new("kill", "Kill a service: micro kill [source]")
        .usage("SOURCE")
        .flags(FLAGS)
        .needs(1, SOURCE)
        .run(not_built),
    Command::new("status", "List runtime objects")
        .aliases(&["ps"])
        .flags(&[URL, COMMAND, ARGS, TYPE, IMAGE, ENV_VARS, PLATFORM])
        .run(not_built),
    Command::new("runtime", "Run the micro runtime")
        .flags(&[
            SERVER_ADDRESS,
            Flag::text(&["profile"], "NAME", "profile of the services").variable("MICRO_RUNTIME_PROFILE"),
            Flag::text(&["source"], "URL", "where sources are").variable("MICRO_RUNTIME_SOURCE"),
            Flag::integer(&["retries"], "how often a service is started again").variable("MICRO_RUNTIME_RETRIES"),
        ])
        .run(not_built),
    Command::new("init", "Run the micro operator").run(not_built),
];
