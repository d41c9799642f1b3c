//! Where commands go: environments.

use super::{Command, planned::not_built};

pub(super) const COMMANDS: &[Command] = &[Command::new("env", "Get/set micro cli environment")
    .commands(&[
        Command::new("get", "Print the name of the environment that is selected").run(not_built),
        Command::new("set", "Select an environment").usage("NAME").run(not_built),
        Command::new("add", "Add an environment, or change its address").usage("NAME [ADDRESS]").run(not_built),
        Command::new("del", "Delete an environment").usage("NAME").run(not_built),
    ])
    .run(not_built)];
