//! Flags that several commands share.

use config_schema::Preset;

use super::Flag;

/// The names of the presets that a command which does not serve may name.
const PRESETS: &[&str] = &{
    let mut names = [""; Preset::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Preset::ALL[at].name();
        at += 1;
    }
    names
};

/// What every command takes. `--output` is checked by the command: some know more forms than these two.
pub(super) const GLOBAL: &[Flag] = &[
    Flag::text(&["output", "o"], "FORMAT", "text or json (default: text)"),
    Flag::switch(&["help", "h"], "show this help"),
    Flag::switch(&["version"], "print the version"),
];

/// The address on which a service of the toolkit is served.
pub(super) const SERVER_ADDRESS: Flag =
    Flag::text(&["address"], "ADDRESS", "address on which it is served").variable("MICRO_SERVER_ADDRESS");

/// Names the command whose built-in document lies below the files.
pub(super) const PRESET: Flag = Flag::one_of(
    &["preset"],
    PRESETS,
    "the command whose built-in document lies below the files; its flags count here, too (default: gateway)",
);

/// The token of the admin listener.
pub(super) const ADMIN_TOKEN: Flag =
    Flag::secret(&["admin_token"], "token of the admin listener, as file:PATH, env:NAME or text");
