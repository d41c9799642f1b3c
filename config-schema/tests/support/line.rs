//! What the flags of a command line set, as the command line takes them.

use config_schema::Preset;
use config_schema::settings::{FlagWord, Scope, Setting};

/// Takes the flags of words that are flags and commands alone.
pub(super) fn settings(words: Vec<String>, preset: Option<Preset>) -> Vec<Setting> {
    let mut scope = Scope::BeforeCommand;
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match FlagWord::of(&word) {
            Some(flag) => settings.extend(flag.setting(scope, &mut words).unwrap()),
            None => scope = preset.map_or(Scope::AfterCommand, Scope::Preset),
        }
    }
    settings
}
