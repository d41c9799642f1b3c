//! The names of kinds that flags and variables may have: what nobody knows is refused in the words of Micro v2, what
//! comes later or is not offered where the command needs it (design 14).

use mesh_registry::{Kind, UnknownKind};

use crate::arguments::Invocation;
use crate::exit::Exit;

/// Why a command is not run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) exit: Exit,
}

/// A flag with what is said of a name that nobody knows, and the names that are known, built or not.
type Named = (&'static str, &'static str, &'static [&'static str]);

/// In the order in which Micro v2 starts them; registries come between the two.
const FIRST: &[Named] = &[
    ("store", "Unsupported store: {}", &["memory", "file", "service", "cockroach", "cloudflare", "postgres", "redis"]),
    ("runtime", "Unsupported runtime: {}", &["local", "service", "kubernetes"]),
    ("tracer", "Unsupported tracer: {}", &["memory"]),
    ("auth", "Unsupported auth: {}", &["noop", "jwt", "service"]),
];
const LAST: &[Named] = &[
    ("profile", "Unsupported profile: {}", &["http", "pprof"]),
    ("broker", "Broker {} not found", &["http", "memory", "nats", "service", "kafka", "rabbitmq", "redis", "stan"]),
    ("selector", "Selector {} not found", &["registry", "random", "roundrobin", "cache", "dns", "static", "router"]),
    ("transport", "Transport {} not found", &["http", "memory", "grpc", "nats", "rabbitmq", "quic"]),
];

/// The transports that carry requests.
const TRANSPORTS: &[&str] = &["http", "grpc", "memory"];
/// The commands that send requests to services.
const CALLING: &[&str] = &["call", "query", "stream", "health", "stats", "trace", "logs", "cli"];

/// Checks the kinds that a command is told to use.
///
/// # Errors
/// The first name that is unknown, or that the command needs and that is not there.
pub(crate) fn check(invocation: &Invocation) -> Result<(), Refusal> {
    FIRST.iter().try_for_each(|named| known(invocation, named))?;
    registry(invocation)?;
    LAST.iter().try_for_each(|named| known(invocation, named))?;
    transport(invocation)?;
    plugins(invocation)
}

fn known(invocation: &Invocation, (flag, text, names): &Named) -> Result<(), Refusal> {
    match invocation.setting(flag).filter(|name| !names.contains(name)) {
        Some(name) => Err(Refusal { text: text.replace("{}", name), exit: Exit::Failed }),
        None => Ok(()),
    }
}

fn registry(invocation: &Invocation) -> Result<(), Refusal> {
    match invocation.setting("registry").map(str::parse::<Kind>) {
        Some(Err(UnknownKind::Unknown(name))) => {
            Err(Refusal { text: format!("Registry {name} not found"), exit: Exit::Failed })
        }
        Some(Err(error @ UnknownKind::NotBuilt(_))) => Err(Refusal { text: error.to_string(), exit: Exit::Invalid }),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn transport(invocation: &Invocation) -> Result<(), Refusal> {
    let name = invocation.setting("transport").filter(|name| !TRANSPORTS.contains(name));
    match name.filter(|_| CALLING.contains(&invocation.top())) {
        Some(name) => Err(Refusal {
            text: format!("requests do not travel over {name} here: leave --transport out, they go to nodes directly"),
            exit: Exit::Invalid,
        }),
        None => Ok(()),
    }
}

/// A plugin is named by its type and name, or by its file.
fn plugins(invocation: &Invocation) -> Result<(), Refusal> {
    match invocation.setting("plugin") {
        Some(name) if !name.contains('/') => {
            Err(Refusal { text: format!("Unknown plugin {name}"), exit: Exit::Failed })
        }
        Some(name) => Err(Refusal { text: format!("not built yet: plugin {name}"), exit: Exit::Invalid }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::arguments::parse;

    fn refused(line: &str) -> Option<(String, Exit)> {
        let invocation = parse(line.split(' ').map(OsString::from), Vec::new()).unwrap();
        check(&invocation).err().map(|Refusal { text, exit }| (text, exit))
    }

    #[track_caller]
    fn check_refused(line: &str, text: &str, exit: Exit) {
        assert_eq!(refused(line), Some((text.to_owned(), exit)), "{line}");
    }

    #[test]
    fn what_nobody_knows_is_refused_in_the_words_of_micro_v2() {
        for (flag, text) in [
            ("registry", "Registry foo not found"),
            ("broker", "Broker foo not found"),
            ("selector", "Selector foo not found"),
            ("transport", "Transport foo not found"),
            ("store", "Unsupported store: foo"),
            ("runtime", "Unsupported runtime: foo"),
            ("auth", "Unsupported auth: foo"),
            ("tracer", "Unsupported tracer: foo"),
            ("profile", "Unsupported profile: foo"),
            ("plugin", "Unknown plugin foo"),
        ] {
            check_refused(&format!("list services --{flag} foo"), text, Exit::Failed);
        }
        assert_eq!(refused("--client foo --server foo list services"), None);
    }

    #[test]
    fn what_comes_later_is_refused_where_it_is_needed() {
        check_refused("--registry=consul list services", "not built yet: registry consul", Exit::Invalid);
        assert_eq!(refused("--broker=kafka --transport=nats list services"), None);
        let text = "requests do not travel over nats here: leave --transport out, they go to nodes directly";
        check_refused("--transport=nats call a b", text, Exit::Invalid);
    }
}
