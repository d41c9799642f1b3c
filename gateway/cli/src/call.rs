//! Commands that ask services: `call`, `stream`, `publish`, `health`, `stats`, `trace`, `logs`, and the prompt for them.
//!
//! Each has a body that returns its text, so that the prompt and the command line say the same. The texts are those of
//! Micro v2 where standard output is read by programs; errors go to standard error.

mod body;
mod debug;
mod health;
mod interactive;
mod json;
mod logs;
mod publish;
mod sidecar;
mod stats;
mod stream;
mod text;
mod trace;
mod unary;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::session::Failure;

pub(crate) use health::health;
pub(crate) use interactive::interactive;
pub(crate) use logs::logs;
pub(crate) use publish::{broker, publish};
pub(crate) use stats::stats;
pub(crate) use stream::stream;
pub(crate) use trace::trace;
pub(crate) use unary::{call, network_call};

/// Makes metadata of `key=value`; what has no `=` is passed over, as in Micro v2, and the last of equal keys counts.
fn metadata(pairs: &[String]) -> Result<HeaderMap, Failure> {
    let mut metadata = HeaderMap::new();
    for (key, value) in pairs.iter().filter_map(|pair| pair.split_once('=')) {
        let name = HeaderName::try_from(key).map_err(|_| Failure(format!("metadata key {key:?} is no header name")))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| Failure(format!("the value of metadata {key} has control characters")))?;
        metadata.insert(name, value);
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::metadata;

    #[test]
    fn metadata_is_split_at_the_first_equals_sign() {
        let pairs = ["a=1".to_owned(), "x_y-z=1=2".to_owned(), "nothing".to_owned(), "A=3".to_owned()];
        let metadata = metadata(&pairs).unwrap();
        assert_eq!(
            (metadata.len(), &metadata["a"], &metadata["x_y-z"]),
            (2, &"3".parse().unwrap(), &"1=2".parse().unwrap())
        );
        assert!(super::metadata(&["a b=1".to_owned()]).is_err());
    }
}
