//! What is known of Micro v2 and not built yet. A command says first what is wrong with its words, as it did there
//! ([`Needs`](super::Needs), and the functions here), and then that it is not built.

use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::complain;

/// Says that the command is not built yet.
pub(super) fn not_built(invocation: &Invocation) -> Exit {
    complain(&format!("not built yet: {}\n", invocation.name()));
    Exit::Failed
}

/// `micro file upload`. The file is opened before the server is asked.
pub(super) fn file_upload(invocation: &Invocation) -> Exit {
    let local = invocation.words().get(1).map_or("", String::as_str);
    match std::fs::File::open(local) {
        Ok(_) => not_built(invocation),
        Err(error) => {
            complain(&format!("open {local}: {}\n", crate::output::as_go(&error)));
            Exit::Failed
        }
    }
}

/// `micro plugin build`.
pub(super) fn plugin_build(invocation: &Invocation) -> Exit {
    for (flag, otherwise) in [("name", "specify --name of plugin"), ("type", "specify --type of plugin")] {
        if invocation.values.text(flag).is_none() {
            complain(&format!("{otherwise}\n"));
            return Exit::Failed;
        }
    }
    not_built(invocation)
}
