//! Where commands go: environments.

use super::Command;
use crate::environments;

pub(super) const COMMANDS: &[Command] = &[Command::new("env", "Get/set micro cli environment")
    .commands(&[
        Command::new("get", "Print the name of the environment that is selected").run(environments::get),
        Command::new("set", "Select an environment").usage("NAME").needs(1, "name required").run(environments::set),
        Command::new("add", "Add an environment, or change its address")
            .usage("NAME [ADDRESS]")
            .needs(1, "name required")
            .run(environments::add),
        Command::new("del", "Delete an environment").usage("NAME").needs(1, "name required").run(environments::delete),
    ])
    .run(environments::list)];
