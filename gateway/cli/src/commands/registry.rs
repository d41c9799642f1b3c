//! What the registry holds, and the registry itself.

use super::{Command, Words, planned};
use crate::{network, registered, serve};

const LIST: Command = Command::new("list", "List items in registry or network").commands(&[
    LIST_SERVICES,
    Command::new("nodes", "List nodes in the network").run(network::nodes),
    Command::new("routes", "List network routes").run(network::routes),
]);

const LIST_SERVICES: Command = Command::new("services", "List services in registry").run(registered::list_services);

const GET: Command =
    Command::new("get", "Get item from registry").commands(&[Command::new("service", "Get service from registry")
        .usage("NAME")
        .needs(1, "service required")
        .run(registered::get_service)]);

const REGISTER: Command = Command::new("register", "Register an item in the registry").commands(&[Command::new(
    "service",
    "Register a service with JSON definition",
)
.usage("JSON...")
.needs(1, "require service definition")
.run(registered::register_service)]);

const DEREGISTER: Command = Command::new("deregister", "Deregister an item in the registry").commands(&[Command::new(
    "service",
    "Deregister a service with JSON definition",
)
.usage("JSON...")
.needs(1, "require service definition")
.run(registered::deregister_service)]);

pub(super) const COMMANDS: &[Command] = &[
    LIST,
    Command { name: "services", about: "As `list services`", ..LIST_SERVICES },
    GET,
    REGISTER,
    DEREGISTER,
    Command::new("registry", "Run the service registry")
        .commands(&[LIST, GET, REGISTER, DEREGISTER])
        .words(Words::Commands)
        .run(serve::run),
    Command::new("file", "Move files between your local machine and the server").commands(&[Command::new(
        "upload",
        "Upload a file",
    )
    .usage("REMOTE LOCAL")
    .needs(2, "Required filename to upload")
    .run(planned::file_upload)]),
];
