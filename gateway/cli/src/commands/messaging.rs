//! Publishing and subscribing.

use super::{Command, Flag, Words};
use crate::{call, serve, subscribe};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("publish", "Publish a message to a topic")
        .usage("TOPIC JSON")
        .flags(&[
            Flag::text(&["metadata"], "KEY=VALUE", "metadata that is sent; may be repeated")
                .variable("MICRO_METADATA")
                .many(),
            Flag::switch(&["stdin"], "read the message from standard input; so does @-, and @FILE a file"),
        ])
        .needs(1, r#"require topic and message e.g micro publish event '{"hello": "world"}'"#)
        .run(call::publish),
    Command::ours("subscribe", "Print what is published on a topic")
        .usage("TOPIC")
        .flags(&[Flag::text(&["queue"], "NAME", "share the messages with other subscribers of this queue")])
        .words(Words::Between(1, 1))
        .run(subscribe::run),
    Command::new("broker", "Run the message broker").run(serve::run),
];
