//! Records and dynamic configuration.

use super::{Command, Flag, Words, flags, planned::not_built};
use crate::{offline, remote};

const DATABASE: Flag = Flag::text(&["database", "d"], "NAME", "database").default("micro");
const TABLE: Flag = Flag::text(&["table", "t"], "NAME", "table").default("micro");
const PREFIX: Flag = Flag::switch(&["prefix", "p"], "every key that begins so");
const STORE: Flag = Flag::text(&["store"], "NAME", "service that is asked").default("go.micro.store");

// What a copy of a store names.
const COPY_NODES: Flag =
    Flag::text(&["nodes"], "ADDRESSES", "addresses of the store, separated by commas").variable("MICRO_STORE_NODES");
const COPY_DATABASE: Flag = Flag::text(&["database"], "NAME", "database").variable("MICRO_STORE_DATABASE");
const COPY_TABLE: Flag = Flag::text(&["table"], "NAME", "table").variable("MICRO_STORE_TABLE");

const CONFIG_SHOW: Command =
    Command::ours("show", "Show the effective document; secrets are masked")
        .flags(&[
            Flag::switch(&["effective"], "with every default, not only what somebody said"),
            Flag::switch(&["origin"], "with the origin of each value"),
            flags::ADMIN_TOKEN,
            flags::PRESET,
        ])
        .more("With --admin ADDRESS, it is the document of the process at this admin address.")
        .run(|invocation| {
            if remote::is_asked(invocation) {
                remote::config_show(invocation)
            } else {
                offline::config_show(invocation)
            }
        });

pub(super) const COMMANDS: &[Command] = &[
    Command::new("store", "Run the micro store service")
        .flags(&[flags::SERVER_ADDRESS])
        .commands(&[
            Command::new("read", "read a record from the store")
                .needs(1, "Key arg is required")
                .usage("KEY")
                .flags(&[
                    DATABASE,
                    TABLE,
                    PREFIX,
                    Flag::switch(&["verbose", "v"], "with the details of the record"),
                    Flag::text(&["output"], "FORMAT", "table or json").default("table"),
                ])
                .run(not_built),
            Command::new("list", "list all keys from a store")
                .flags(&[
                    Flag::text(&["output"], "FORMAT", "text or json"),
                    DATABASE,
                    TABLE,
                    PREFIX,
                    Flag::integer(&["limit", "l"], "how many keys"),
                    Flag::integer(&["offset", "o"], "how many keys to leave out first"),
                ])
                .run(not_built),
            Command::new("write", "write a record to the store")
                .needs(2, "Key and Value args are required")
                .usage("KEY VALUE")
                .flags(&[Flag::text(&["expiry", "e"], "TIME", "how long the record lives"), DATABASE, TABLE])
                .run(not_built),
            Command::new("delete", "delete a key from the store")
                .needs(1, "key is required")
                .usage("KEY")
                .flags(&[
                    Flag::text(&["database"], "NAME", "database").default("micro"),
                    Flag::text(&["table"], "NAME", "table").default("micro"),
                ])
                .run(not_built),
            Command::new("databases", "List all databases known to the store service").flags(&[STORE]).run(not_built),
            Command::new("tables", "List all tables in the specified database known to the store service")
                .flags(&[STORE, DATABASE])
                .run(not_built),
            Command::new("snapshot", "Back up a store")
                .flags(&[
                    Flag::text(&["destination"], "URL", "where the copy goes")
                        .variable("MICRO_SNAPSHOT_DESTINATION")
                        .default("file:///tmp/store-snapshot"),
                    COPY_NODES,
                    COPY_DATABASE,
                    COPY_TABLE,
                ])
                .run(not_built),
            Command::new("sync", "Copy all records of one store into another store")
                .flags(&[
                    Flag::text(&["from-backend"], "NAME", "kind of the first store").variable("MICRO_STORE_FROM"),
                    Flag::text(&["from-nodes"], "ADDRESSES", "its addresses").variable("MICRO_STORE_FROM_NODES"),
                    Flag::text(&["from-database"], "NAME", "its database").variable("MICRO_STORE_FROM_DATABASE"),
                    Flag::text(&["from-table"], "NAME", "its table").variable("MICRO_STORE_FROM_TABLE"),
                    Flag::text(&["to-backend"], "NAME", "kind of the second store").variable("MICRO_STORE_TO"),
                    Flag::text(&["to-nodes"], "ADDRESSES", "its addresses").variable("MICRO_STORE_TO_NODES"),
                    Flag::text(&["to-database"], "NAME", "its database").variable("MICRO_STORE_TO_DATABASE"),
                    Flag::text(&["to-table"], "NAME", "its table").variable("MICRO_STORE_TO_TABLE"),
                ])
                .run(not_built),
            Command::new("restore", "restore a store snapshot")
                .flags(&[
                    Flag::text(&["source"], "URL", "where the copy is").default("file:///tmp/store-snapshot"),
                    COPY_NODES,
                    COPY_DATABASE,
                    COPY_TABLE,
                ])
                .run(not_built),
        ])
        .words(Words::Commands)
        .run(not_built),
    Command::new("config", "Manage configuration values; show the document of a gateway")
        .flags(&[
            Flag::text(&["namespace"], "NAME", "namespace of the values").variable("MICRO_CONFIG_NAMESPACE"),
            Flag::text(&["watch_topic"], "NAME", "topic on which changes are published")
                .variable("MICRO_CONFIG_WATCH_TOPIC"),
        ])
        .commands(&[
            Command::new("get", "Get a value; micro config get key")
                .usage("KEY")
                .needs(1, "Required usage: micro config get key")
                .run(not_built),
            Command::new("set", "Set a key-val; micro config set key val")
                .usage("KEY VALUE")
                .needs(2, "Required usage: micro config set key val")
                .run(not_built),
            Command::new("del", "Delete a value; micro config del key")
                .usage("KEY")
                .needs(1, "Required usage: micro config get key")
                .run(not_built),
            CONFIG_SHOW,
        ])
        .words(Words::Commands)
        .run(not_built),
];
