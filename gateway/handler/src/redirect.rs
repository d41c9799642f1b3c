//! Handler `redirect`: sends the client elsewhere.

use gateway_exchange::{Cause, Head, ProxyError, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

/// One piece of a `Location`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// This text.
    Text(String),
    /// The request's host, without port.
    Host,
    /// The request's path, cleaned.
    Path,
    /// The request's query with its question mark, if there is one.
    Query,
}

/// Where to send the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redirect {
    /// The value of `Location`.
    pub to: Vec<Piece>,
    /// 301, 302, 303, 307 or 308; 308 keeps the method.
    pub status: StatusCode,
}

impl Redirect {
    /// Makes the answer.
    ///
    /// # Errors
    /// Fails when the request's path cannot stand in a header field.
    pub fn handle(&self, head: &Head) -> Result<Response, ProxyError> {
        let target = head.target();
        let mut location = String::new();
        for piece in &self.to {
            match piece {
                Piece::Text(text) => location.push_str(text),
                Piece::Host => location.push_str(head.host().name()),
                Piece::Path => location.push_str(target.path()),
                Piece::Query => location.extend(target.query().into_iter().flat_map(|query| ["?", query])),
            }
        }
        let value = HeaderValue::try_from(location)
            .map_err(|_| ProxyError::new(Cause::BadRequest, "the path cannot be redirected"))?;
        let mut response = Response::empty(self.status);
        response.headers.insert(LOCATION, value);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let check = |to: &[Piece], url: &str, expected: &str| {
            let head = Head::parse(&format!("GET {url}"), &[]).unwrap();
            let redirect = Redirect { to: to.to_vec(), status: StatusCode::PERMANENT_REDIRECT };
            assert_eq!(redirect.handle(&head).unwrap().headers[LOCATION], expected);
        };
        let secure = [Piece::Text("https://".to_owned()), Piece::Host, Piece::Path, Piece::Query];
        check(&secure, "http://H.test:80/a//b?x=1", "https://h.test/a/b?x=1");
        check(&secure, "http://h/a", "https://h/a");
        check(&[Piece::Text("/new".to_owned())], "http://h/old?x", "/new");
    }
}
