//! A value that never prints: tokens and passwords.

use std::{fmt, str::FromStr};

use super::{ParseError, text_value};

/// A secret: `file:/run/secrets/token`, `env:ADMIN_TOKEN`, or the text itself.
///
/// Neither `Debug` nor `Display` nor serialisation shows a literal; the place of a reference is shown, it is no
/// secret. The effective document, diagnostics and snippets of the source hold `***` in its place.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(SecretSource);

/// Where a [`Secret`] comes from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// The first line of a file, read when the document is applied.
    File(String),
    /// An environment variable, read when the document is applied.
    Variable(String),
    /// The text in the document.
    Literal(String),
}

text_value!(Secret, BadSecret, "a secret", "`file:PATH`, `env:NAME` or the text itself", "^.+$");

impl Secret {
    /// Returns where the secret comes from. What this returns must not be printed.
    pub const fn source(&self) -> &SecretSource {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let source = match text.split_once(':') {
            Some(("file", "")) => return Err(ParseError::new("the path after `file:` is missing")),
            Some(("env", "")) => return Err(ParseError::new("the name after `env:` is missing")),
            Some(("file", path)) => SecretSource::File(path.to_owned()),
            Some(("env", name)) => SecretSource::Variable(name.to_owned()),
            _ if text.is_empty() => return Err(ParseError::new("it is empty")),
            _ => SecretSource::Literal(text.to_owned()),
        };
        Ok(Self(source))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "file:{path}"),
            Self::Variable(name) => write!(out, "env:{name}"),
            Self::Literal(_) => out.write_str("***"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secret({})", self.0)
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert_eq!(
            format!("{secret} {secret:?} {:?} {}", secret.source(), serde_json::to_string(&secret).unwrap()),
            "*** Secret(***) *** \"***\""
        );
        assert_eq!("file:/run/t".parse::<Secret>().unwrap().to_string(), "file:/run/t");
        assert_eq!("env:T".parse::<Secret>().unwrap().source(), &SecretSource::Variable("T".to_owned()));
        assert_eq!("".parse::<Secret>().unwrap_err().to_string(), "it is empty");
        assert_eq!("env:".parse::<Secret>().unwrap_err().to_string(), "the name after `env:` is missing");
    }
}
