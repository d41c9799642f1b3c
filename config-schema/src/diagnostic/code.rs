//! The kinds of findings. Codes are stable: people search for them, tools filter by them.

use std::fmt;

macro_rules! codes {
    (@help) => { None };
    (@help $help:literal) => { Some($help) };
    ($($(#[$doc:meta])* $code:ident = $text:literal $(, help = $help:literal)?;)*) => {
        /// Which kind of finding. Written as its kebab-case name, as in `error[unknown-key]`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All codes, in the order in which the checks run.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// Returns the name as it is printed.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }

            /// Returns what to do about any finding of this kind, where one sentence fits all.
            pub const fn help(self) -> Option<&'static str> {
                match self {
                    $(Self::$code => codes!(@help $($help)?),)*
                }
            }
        }
    };
}

codes! {
    // Reading files.
    /// A file that cannot be read, or a directory without documents.
    UnreadableFile = "unreadable-file";
    /// A file over the limit of bytes or values.
    TooLarge = "too-large";
    /// Bytes that are no UTF-8.
    InvalidUtf8 = "invalid-utf8", help = "save the file as UTF-8";
    /// A control character, such as NUL.
    ControlCharacter = "control-character", help = "only tabs and line breaks may stand in a document; write others as escapes in double quotes";
    // YAML.
    /// Text that is no YAML.
    Syntax = "syntax";
    /// A brace without quotes where YAML takes it for a map.
    UnquotedBrace = "unquoted-brace";
    /// Nesting over the limit.
    TooDeep = "too-deep";
    /// Aliases or variables that blow the document up.
    ExpansionLimit = "expansion-limit";
    /// An alias to nothing, or to what it stands in.
    BadAlias = "bad-alias";
    /// A tag that is none of YAML's core schema.
    UnknownTag = "unknown-tag", help = "leave the tag out; the type of a value follows from its key";
    /// A key that is no text.
    BadKey = "bad-key";
    /// A key that stands twice in one map.
    DuplicateKey = "duplicate-key";
    /// A file without content.
    EmptyDocument = "empty-document";
    /// A file with several documents.
    SeveralDocuments = "several-documents", help = "put each document into a file of its own and give them in order: `--config a.yaml --config b.yaml`";
    // Variables in scalars.
    /// A `${VAR}` without a value and without a default.
    UnsetVariable = "unset-variable";
    /// A `${` that is no variable.
    BadExpansion = "bad-expansion", help = "write `${NAME}` or `${NAME:-default}`, and `$${` for a literal `${`";
    // Types.
    /// No `version`.
    MissingVersion = "missing-version";
    /// A `version` that is not known.
    UnknownVersion = "unknown-version";
    /// A key that is not known in its place.
    UnknownKey = "unknown-key";
    /// A key that must be there.
    MissingKey = "missing-key";
    /// A value of another type than expected.
    WrongType = "wrong-type";
    /// A word that is none of those that may stand there.
    UnknownValue = "unknown-value";
    /// A number out of its range.
    BadNumber = "bad-number";
    /// A list with too few items.
    EmptyList = "empty-list";
    /// A text that is no duration.
    BadDuration = "bad-duration";
    /// A text that is no size.
    BadSize = "bad-size";
    /// A text that is no rate.
    BadRate = "bad-rate";
    /// A text that is no percentage.
    BadPercent = "bad-percent";
    /// A text that is no address.
    BadAddress = "bad-address";
    /// A text that is no network.
    BadNetwork = "bad-network";
    /// A text that is no regular expression.
    BadRegex = "bad-regex";
    /// A text that is no name.
    BadName = "bad-name";
    /// A text that is no host.
    BadHost = "bad-host";
    /// A text that is no absolute path.
    BadPath = "bad-path";
    /// A text that is no method.
    BadMethod = "bad-method";
    /// A text that is no header name or value.
    BadHeader = "bad-header";
    /// A number that is no status.
    BadStatus = "bad-status";
    /// A text that is no origin.
    BadOrigin = "bad-origin";
    /// A text that is no redirect target.
    BadRedirect = "bad-redirect";
    /// A text that is no request line.
    BadRequest = "bad-request";
    /// A text that is no secret.
    BadSecret = "bad-secret";
    // What is known and cannot be had.
    /// A part that is known and not built yet.
    NotBuiltYet = "not-built-yet";
    /// A variable or flag that is known, not built yet, and ignored.
    Ignored = "ignored";
    /// A variable or flag without a place in this document.
    NoPlace = "no-place";
    /// A key that only a built-in preset may use.
    PresetOnly = "preset-only";
    // Between values.
    /// A name that nothing has.
    UnknownReference = "unknown-reference";
    /// A name that two routes of one table have.
    DuplicateName = "duplicate-name";
    /// Two listeners on one address.
    SameAddress = "same-address";
    /// A match without conditions.
    EmptyMatch = "empty-match", help = "to match every request write `path: /**`";
    /// A key that the handler of the route does not use.
    UnusedKey = "unused-key";
    /// A bound of nothing, which refuses everything.
    ZeroLimit = "zero-limit";
    /// A header that only the gateway itself may write.
    ReservedHeader = "reserved-header";
    /// CORS that browsers refuse, or that opens too much.
    BadCors = "bad-cors";
    /// An admin listener that others can reach without a token.
    OpenAdmin = "open-admin";
    /// A resource that nothing uses.
    Unused = "unused";
    // Found where the document is compiled or applied, by other crates.
    /// A path that is no template of spec/gateway 5.5.
    BadTemplate = "bad-template";
    /// A route that no request can take.
    UnreachableRoute = "unreachable-route";
    /// An address that cannot be bound.
    BindFailed = "bind-failed";
    /// A file or variable that a secret or a log names and that cannot be used.
    Unavailable = "unavailable";
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
