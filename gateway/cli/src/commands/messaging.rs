//! Publishing and subscribing.

use super::{Command, Flag, Words, flags::SERVER_ADDRESS, planned::not_built};
use crate::call;

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
        .words(Words::Between(1, 1))
        .run(not_built),
    Command::new("broker", "Run the message broker").flags(&[SERVER_ADDRESS]).run(not_built),
];
