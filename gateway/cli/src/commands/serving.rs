//! What serves a document: gateway, API gateway, dashboard, demo, and the server of all services.

use super::{Command, Flag, flags::SERVER_ADDRESS, planned::not_built};
use crate::serve;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("server", "Run the micro server")
        .flags(&[
            SERVER_ADDRESS,
            Flag::text(&["profile"], "NAME", "profile of the services").variable("MICRO_RUNTIME_PROFILE"),
            Flag::switch(&["peer"], "join the network"),
        ])
        .run(serve::run),
    Command::ours("gateway", "Run a gateway with the listeners and routes of a document").run(serve::run),
    Command::new("api", "Run the API gateway").run(serve::run),
    Command::ours("demo", "Run a gateway, a registry and a greeter to try them with").run(serve::run),
    Command::new("web", "Run the web dashboard")
        .flags(&[
            Flag::text(&["address"], "ADDRESS", "address to listen on").variable("MICRO_WEB_ADDRESS"),
            Flag::text(&["namespace"], "NAME", "namespace of web services").variable("MICRO_WEB_NAMESPACE"),
            Flag::text(&["resolver"], "NAME", "how a request becomes a service").variable("MICRO_WEB_RESOLVER"),
            Flag::text(&["auth_login_url"], "URL", "where people sign in").variable("MICRO_AUTH_LOGIN_URL"),
        ])
        .run(not_built),
    Command::new("bot", "Run the chatops bot")
        .flags(&[
            Flag::text(&["inputs"], "NAMES", "inputs to load, separated by commas").variable("MICRO_BOT_INPUTS"),
            Flag::text(&["namespace"], "NAME", "namespace of commands that are services")
                .variable("MICRO_BOT_NAMESPACE"),
            Flag::text(&["discord_token"], "TOKEN", "token of the Discord bot").variable("MICRO_DISCORD_TOKEN"),
            Flag::text(&["discord_whitelist"], "IDS", "Discord users that are heard, separated by commas")
                .variable("MICRO_DISCORD_WHITELIST"),
            Flag::text(&["discord_prefix"], "TEXT", "what a command begins with")
                .variable("MICRO_DISCORD_PREFIX")
                .default("Micro "),
            Flag::switch(&["slack_debug"], "log what Slack sends").variable("MICRO_SLACK_DEBUG"),
            Flag::text(&["slack_token"], "TOKEN", "token of the Slack bot").variable("MICRO_SLACK_TOKEN"),
            Flag::switch(&["telegram_debug"], "log what Telegram sends").variable("MICRO_TELEGRAM_DEBUG"),
            Flag::text(&["telegram_token"], "TOKEN", "token of the Telegram bot").variable("MICRO_TELEGRAM_TOKEN"),
            Flag::text(&["telegram_whitelist"], "NAMES", "Telegram users that are heard, separated by commas")
                .variable("MICRO_TELEGRAM_WHITELIST"),
        ])
        .run(not_built),
    Command::new("debug", "Run the micro debug service")
        .flags(&[
            SERVER_ADDRESS,
            Flag::integer(&["window"], "how many records of a service are kept")
                .variable("MICRO_DEBUG_WINDOW")
                .default("60"),
        ])
        .run(not_built),
];
