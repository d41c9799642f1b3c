//! Which types may be written as one scalar, and for which of their keys it stands.

/// `(type, key)`: where the type is expected, a scalar is the value of that key, all others have their defaults.
/// Reading and JSON Schema both go by this table. The name of a [`super::Handler`] is a short form by itself.
pub(crate) const SHORT_FORMS: [(&str, &str); 8] = [
    ("AccessLog", "format"),
    ("Admin", "address"),
    ("Broker", "kind"),
    ("Endpoint", "address"),
    ("Log", "level"),
    ("Registry", "kind"),
    ("Retry", "attempts"),
    ("ValueMatch", "exact"),
];

/// Returns the key for which a scalar stands, if the type has a short form.
pub(crate) fn short_form(type_name: &str) -> Option<&'static str> {
    SHORT_FORMS.iter().find(|(name, _)| *name == type_name).map(|(_, key)| *key)
}
