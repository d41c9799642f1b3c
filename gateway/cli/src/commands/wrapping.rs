//! Services made of other programs, and new ones.

use super::{Command, Flag, Words, planned, planned::not_built};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("service", "Run a micro service")
        .usage("[--] [COMMAND [ARGUMENT...]]")
        .flags(&[
            Flag::text(&["name"], "NAME", "name of the service").variable("MICRO_SERVICE_NAME").default("service"),
            Flag::text(&["address"], "ADDRESS", "address of the service").variable("MICRO_SERVICE_ADDRESS"),
            Flag::text(
                &["endpoint"],
                "URL",
                "where the program answers: http://, grpc://, mucp://, file:// or exec://",
            )
            .variable("MICRO_SERVICE_ENDPOINT"),
            Flag::text(&["metadata"], "KEY=VALUE", "metadata that is registered; may be repeated")
                .variable("MICRO_SERVICE_METADATA")
                .many(),
            Flag::one_of(&["restart"], &["on-failure", "never"], "when the command is started again")
                .variable("MICRO_SERVICE_RESTART")
                .default("on-failure"),
        ])
        .words(Words::Verbatim)
        .run(crate::wrap::run),
    Command::new("new", "Create a service template")
        .usage("NAME")
        .needs(1, "specify service name")
        .flags(&[
            Flag::text(&["namespace"], "NAME", "first part of the name").default("go.micro"),
            Flag::text(&["type"], "NAME", "service, api, web or function").default("service"),
            Flag::text(&["fqdn"], "NAME", "whole name (default: namespace, type and alias)"),
            Flag::text(&["alias"], "NAME", "last part of the name (default: the folder)"),
            Flag::text(&["plugin"], "NAME=NAME", "plugins that are used, such as registry=etcd:broker=nats").many(),
            Flag::switch(&["gopath"], "put it under $GOPATH"),
        ])
        .run(not_built),
    Command::new("plugin", "Plugin commands").commands(&[Command::new("build", "Build a micro plugin")
        .flags(&[
            Flag::text(&["name"], "NAME", "name of the plugin"),
            Flag::text(&["type"], "NAME", "type of the plugin"),
            Flag::text(&["path"], "PATH", "import path of the plugin"),
            Flag::text(&["func"], "NAME", "function that makes it"),
            Flag::text(&["output", "o"], "FILE", "file that is written"),
        ])
        .run(planned::plugin_build)]),
];
