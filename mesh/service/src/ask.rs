//! What a call asks of a program, whatever kind of program it is.

use http::Method;
use mesh_rpc::metadata::{Metadata, is_forwarded};
use mesh_rpc::{Call, Codec, RpcError, Status, method};
use percent_encoding::percent_decode_str;

/// The metadata that name what is meant, where the path of a call cannot.
const ENDPOINT: &str = "Micro-Endpoint";
const METHOD: &str = "Micro-Method";

/// What a call asks for. One call may carry many messages: each is asked for anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) target: Target,
    /// The HTTP method that metadata ask for.
    pub(crate) verb: Option<Method>,
    /// How the messages are written.
    pub(crate) codec: Codec,
    /// What travels with the call, and may travel on: names and values.
    pub(crate) metadata: Vec<(String, String)>,
}

/// What of a program is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The program itself: the endpoint `.`.
    Base,
    /// A path of it: an endpoint that begins with a slash.
    Path(Path),
    /// A method such as `Say.Hello`.
    Method(String),
}

/// A path, with its escapes, and a query. It has no `..` in it, however that is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// With the leading slash.
    pub(crate) text: String,
    /// Without the question mark.
    pub(crate) query: Option<String>,
}

impl Ask {
    /// Reads the call of a service of that name.
    ///
    /// # Errors
    /// When the codec is not spoken, or the path leaves where it is meant to stay.
    pub(crate) fn of(service: &str, call: &Call) -> Result<Ask, Status> {
        let (codec, metadata) = (call.codec()?, call.metadata());
        let named = metadata.get(ENDPOINT).filter(|endpoint| *endpoint == "." || endpoint.starts_with('/'));
        let target = match named {
            Some(".") => Target::Base,
            Some(path) => Target::Path(Path::parse(service, path)?),
            None => Target::of_path(service, call.path())?,
        };
        let verb = metadata.get(METHOD).and_then(verb);
        Ok(Ask { target, verb, codec, metadata: passed_on(metadata) })
    }
}

impl Target {
    /// Reads the `:path` of a call.
    ///
    /// go-micro's clients write `/SERVICE.Say/Hello` for the method `Say.Hello`, `/SERVICE./` for the endpoint `.`, and
    /// an endpoint that begins with a slash as it is. So only what has the name of this service in it is a method.
    fn of_path(service: &str, path: &str) -> Result<Target, RpcError> {
        let own =
            path.strip_prefix('/').and_then(|rest| rest.strip_prefix(service)).and_then(|rest| rest.strip_prefix('.'));
        match (own, method::split(path)) {
            (Some("/"), _) => Ok(Target::Base),
            (Some(_), Ok(method)) => Ok(Target::Method(format!("{}.{}", method.handler, method.method))),
            _ => Path::parse(service, path).map(Target::Path),
        }
    }
}

impl Path {
    /// Reads a path with a query.
    ///
    /// # Errors
    /// 403 when a segment, once decoded, is `..` or hides a slash: whoever reads it next could take it for another
    /// path; 400 when it holds a NUL or is no path.
    pub(crate) fn parse(id: &str, text: &str) -> Result<Path, RpcError> {
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (text, None),
        };
        let path = Path { text: path.to_owned(), query };
        if !path.text.starts_with('/') {
            return Err(RpcError::bad_request(id.to_owned(), format!("{text:?} is no path: it begins with a slash")));
        }
        for segment in path.text.split('/') {
            let decoded: Vec<u8> = percent_decode_str(segment).collect();
            if decoded == b".." || decoded.contains(&b'/') || decoded.contains(&b'\\') {
                let detail = format!("the path {text:?} is refused: it would leave what is served");
                return Err(RpcError::forbidden(id.to_owned(), detail));
            }
            if decoded.contains(&0) {
                return Err(RpcError::bad_request(id.to_owned(), format!("the path {text:?} holds a NUL")));
            }
        }
        Ok(path)
    }

    /// Returns the segments, decoded, without those that lead nowhere: empty ones and `.`.
    ///
    /// # Errors
    /// 400 when one is not UTF-8.
    pub(crate) fn segments(&self, id: &str) -> Result<Vec<String>, RpcError> {
        let decode = |segment: &str| {
            let text = percent_decode_str(segment).decode_utf8().map(String::from);
            text.map_err(|_| RpcError::bad_request(id.to_owned(), format!("{segment:?} in the path is not UTF-8")))
        };
        let leads = |segment: &String| !segment.is_empty() && segment != ".";
        let decoded: Vec<String> = self.text.split('/').map(decode).collect::<Result<_, _>>()?;
        Ok(decoded.into_iter().filter(leads).collect())
    }
}

/// The methods of HTTP that metadata may ask for. go-micro's own clients write the endpoint there, which is none.
fn verb(text: &str) -> Option<Method> {
    const VERBS: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH];
    VERBS.into_iter().find(|verb| verb.as_str() == text)
}

fn passed_on(metadata: &Metadata) -> Vec<(String, String)> {
    let goes = |name: &str| is_forwarded(name, true) && !name.eq_ignore_ascii_case("remote");
    metadata.iter().filter(|(name, _)| goes(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Path, Target, verb};

    fn path(text: &str) -> Target {
        Target::Path(Path::parse("web", text).expect("is a path"))
    }

    #[test]
    fn only_a_path_with_the_name_of_the_service_is_a_method() {
        let check = |text: &str, expected: Target| {
            assert_eq!(Target::of_path("web", text).expect("is a target"), expected, "{text}");
        };
        check("/web./", Target::Base);
        check("/web.Foo/Bar", Target::Method("Foo.Bar".to_owned()));
        check("/", path("/"));
        check("/Foo/Bar", path("/Foo/Bar"));
        check("/other.Foo/Bar", path("/other.Foo/Bar"));
        check("/web.Foo/Bar/baz", path("/web.Foo/Bar/baz"));
        check("/webs.Foo/Bar", path("/webs.Foo/Bar"));
        check("/a%20b?x=/../y", path("/a%20b?x=/../y"));
        assert_eq!(Target::of_path("a.b", "/a.b.Foo/Bar").expect("is one"), Target::Method("Foo.Bar".to_owned()));
    }

    #[test]
    fn a_path_that_leaves_is_refused_however_it_is_written() {
        let check = |text: &str, code: i32| {
            assert_eq!(Path::parse("web", text).expect_err(text).code, code, "{text}");
        };
        for text in
            ["/../etc/passwd", "/a/..", "/..", "/%2e%2e/x", "/%2E./x", "/a%2fb", "/a%2F..%2fb", "/a%5cb", "/a\\..\\b"]
        {
            check(text, 403);
        }
        check("/a%00", 400);
        check("a", 400);
        for text in ["/...", "/..a", "/a..", "/%252e%252e/x", "//a"] {
            assert!(Path::parse("web", text).is_ok(), "{text}");
        }
    }

    #[test]
    fn segments_are_decoded_once() {
        let path = Path::parse("web", "//a%20b//./%252e%252e/").expect("is a path");
        assert_eq!(path.segments("web").expect("are text"), ["a b", "%2e%2e"]);
        assert_eq!(Path::parse("web", "/%ff").expect("is a path").segments("web").expect_err("is no text").code, 400);
    }

    #[test]
    fn the_endpoint_in_the_place_of_a_verb_is_none() {
        assert_eq!(verb("PUT"), Some(http::Method::PUT));
        assert!([verb("put"), verb("Say.Hello"), verb("CONNECT"), verb("")].iter().all(Option::is_none));
    }
}
