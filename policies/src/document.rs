//! From the document's policy set to the compiled one. All findings are collected, each with the path of its value.

use config_schema::DocumentPath;
use config_schema::document::{self, PolicySet, RetryOn};
use config_schema::value::{HeaderName as HeaderText, HeaderValue as ValueText, WebOrigin};
use http::header::{HeaderName, HeaderValue};

use crate::{Cors, Edits, Headers, Limits, Origins, Policies, Reserved, Retry, Timeout};

/// The `Access-Control-Allow-Headers` of v2 (spec/gateway 3.4), in its letter case.
const V2_HEADERS: &str = "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization";

/// A value of a policy set that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct PolicyError {
    /// The path of the value.
    pub path: DocumentPath,
    /// What is wrong with it and what to write instead.
    pub message: String,
}

impl Policies {
    /// Compiles the policy set that stands at `path` in the document.
    ///
    /// # Errors
    /// Returns all findings: a timeout of no time, a header that no policy may change or that is both set and removed,
    /// `cors` with the origin `*` and credentials, or without an origin.
    pub fn from_document(path: &DocumentPath, set: &PolicySet) -> Result<Self, Vec<PolicyError>> {
        let mut findings = Findings { path, errors: Vec::new() };
        let policies = Self {
            timeout: set.timeout.and_then(|total| findings.timeout(total.into())),
            limits: set.limits.and_then(|limits| limits.body).map(|body| Limits::body(body.0)),
            cors: set.cors.as_ref().and_then(|cors| findings.cors(cors)),
            headers: set.headers.as_ref().map(|headers| findings.headers(headers)),
            retry: set.retry.as_ref().map(retry),
        };
        if findings.errors.is_empty() { Ok(policies) } else { Err(findings.errors) }
    }
}

struct Findings<'p> {
    path: &'p DocumentPath,
    errors: Vec<PolicyError>,
}

impl Findings<'_> {
    fn add(&mut self, path: DocumentPath, message: impl Into<String>) {
        self.errors.push(PolicyError { path, message: message.into() });
    }

    fn timeout(&mut self, total: std::time::Duration) -> Option<Timeout> {
        let timeout = Timeout::new(total);
        if timeout.is_none() {
            self.add(self.path.clone().key("timeout"), "a timeout of 0 refuses every request; leave it out for none");
        }
        timeout
    }

    fn cors(&mut self, cors: &document::Cors) -> Option<Cors> {
        let origins = self.origins(cors)?;
        let mut headers = join(cors.headers.iter().map(HeaderText::as_str));
        if headers.eq_ignore_ascii_case(V2_HEADERS) {
            V2_HEADERS.clone_into(&mut headers);
        }
        let expose = join(cors.expose.iter().map(HeaderText::as_str));
        let value = |text: &str| HeaderValue::from_str(text).expect("tokens, digits, commas and spaces");
        Some(Cors {
            origins,
            methods: value(&join(cors.methods.iter().map(config_schema::value::Method::as_str))),
            headers: value(&headers),
            expose: (!expose.is_empty()).then(|| value(&expose)),
            max_age: cors.max_age.map(|age| HeaderValue::from(age.0.as_secs())),
        })
    }

    fn origins(&mut self, cors: &document::Cors) -> Option<Origins> {
        let path = self.path.clone().key("cors");
        if cors.reflect {
            return Some(Origins::Reflect);
        }
        if cors.origins.is_empty() {
            self.add(path.key("origins"), "no origin is listed; name those that may call, or leave `cors` out");
            return None;
        }
        let exact = |origin: &WebOrigin| match origin {
            WebOrigin::Exact(origin) => Some(origin.as_str().into()),
            WebOrigin::Any => None,
        };
        match cors.origins.iter().map(exact).collect::<Option<Vec<_>>>() {
            Some(origins) => Some(Origins::Listed { origins, credentials: cors.credentials }),
            None if cors.credentials => {
                let message = "browsers refuse credentials together with the origin `*`; list the origins by name";
                self.add(path.key("credentials"), message);
                None
            }
            None => Some(Origins::Any),
        }
    }

    fn headers(&mut self, headers: &document::HeaderPolicy) -> Headers {
        let path = self.path.clone().key("headers");
        Headers {
            request: self.edits(&path.clone().key("request"), &headers.request),
            response: self.edits(&path.key("response"), &headers.response),
        }
    }

    fn edits(&mut self, path: &DocumentPath, written: &document::HeaderEdits) -> Edits {
        let mut edits = Edits::default();
        let (set, add) = (path.clone().key("set"), path.clone().key("add"));
        for (index, name) in written.remove.iter().enumerate() {
            let at = path.clone().key("remove").index(index);
            if written.set.contains_key(name) {
                self.add(at.clone(), format!("{name} is set, too; one of the two is meant"));
            }
            self.edit(at, name, |name| edits.remove(name));
        }
        for (name, value) in &written.set {
            let at = set.clone().key(name.as_str());
            let value = self.value(&at, value);
            self.edit(at, name, |name| edits.set(name, value));
        }
        for (name, value) in &written.add {
            let at = add.clone().key(name.as_str());
            let value = self.value(&at, value);
            self.edit(at, name, |name| edits.add(name, value));
        }
        edits
    }

    fn edit(&mut self, at: DocumentPath, name: &HeaderText, edit: impl FnOnce(HeaderName) -> Result<(), Reserved>) {
        match HeaderName::from_bytes(name.as_str().as_bytes()) {
            Ok(name) => {
                if let Err(error) = edit(name) {
                    self.add(at, error.to_string());
                }
            }
            Err(error) => self.add(at, error.to_string()),
        }
    }

    fn value(&mut self, at: &DocumentPath, text: &ValueText) -> HeaderValue {
        HeaderValue::from_bytes(text.as_str().as_bytes()).unwrap_or_else(|error| {
            self.add(at.clone(), error.to_string());
            HeaderValue::from_static("")
        })
    }
}

fn retry(retry: &document::Retry) -> Retry {
    let has = |wanted| retry.on.contains(&wanted);
    Retry {
        attempts: retry.attempts,
        on_connect: has(RetryOn::Connect),
        on_reset: has(RetryOn::Reset),
        on_unavailable: has(RetryOn::Unavailable),
    }
}

fn join<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn path() -> DocumentPath {
        DocumentPath::root().key("policies").key("p")
    }

    fn compile(set: &PolicySet) -> Result<Policies, Vec<String>> {
        let errors = |errors: Vec<PolicyError>| errors.iter().map(ToString::to_string).collect();
        Policies::from_document(&path(), set).map_err(errors)
    }

    fn cors(origins: &[&str]) -> document::Cors {
        document::Cors {
            origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
            ..document::Cors::default()
        }
    }

    #[test]
    fn a_whole_set_is_compiled() {
        let mut headers = document::HeaderPolicy::default();
        headers.request.set.insert("X-Tier".parse().unwrap(), "gold".parse().unwrap());
        headers.response.add.insert("x-note".parse().unwrap(), "höflich".parse().unwrap());
        headers.response.remove.push("server".parse().unwrap());
        let set = PolicySet {
            timeout: Some("5s".parse().unwrap()),
            limits: Some(document::PolicyLimits { body: Some("1MiB".parse().unwrap()) }),
            cors: Some(document::Cors { max_age: Some("10m".parse().unwrap()), ..cors(&["https://A.test"]) }),
            headers: Some(headers),
            retry: Some(document::Retry { attempts: 2, on: vec![RetryOn::Connect, RetryOn::Unavailable] }),
            ..PolicySet::default()
        };
        let policies = compile(&set).unwrap();
        assert_eq!(policies.timeout, Timeout::new(Duration::from_secs(5)));
        assert_eq!(policies.limits, Some(Limits::body(1 << 20)));
        assert_eq!(
            policies.cors,
            Some(Cors {
                origins: Origins::Listed { origins: vec!["https://a.test".into()], credentials: false },
                methods: HeaderValue::from_static("POST, PATCH, GET, OPTIONS, PUT, DELETE"),
                headers: HeaderValue::from_static(V2_HEADERS),
                expose: None,
                max_age: Some(HeaderValue::from_static("600")),
            })
        );
        let mut expected = Headers::default();
        expected.request.set(HeaderName::from_static("x-tier"), HeaderValue::from_static("gold")).unwrap();
        let note = HeaderValue::from_bytes("höflich".as_bytes()).unwrap();
        expected.response.add(HeaderName::from_static("x-note"), note).unwrap();
        expected.response.remove(http::header::SERVER).unwrap();
        assert_eq!(policies.headers, Some(expected));
        let retry = Retry { attempts: 2, on_connect: true, on_reset: false, on_unavailable: true };
        assert_eq!(policies.retry, Some(retry));
        assert_eq!(compile(&PolicySet::default()), Ok(Policies::default()));
    }

    #[test]
    fn the_defaults_of_the_document_are_ours() {
        let set = PolicySet { retry: Some(document::Retry::default()), ..PolicySet::default() };
        assert_eq!(compile(&set).unwrap().retry, Some(Retry::DEFAULT));
    }

    #[test]
    fn origins_choose_the_mode() {
        let check = |cors: document::Cors, expected: Origins| {
            let set = PolicySet { cors: Some(cors), ..PolicySet::default() };
            assert_eq!(compile(&set).unwrap().cors.unwrap().origins, expected);
        };
        check(document::Cors { reflect: true, ..cors(&[]) }, Origins::Reflect);
        check(cors(&["https://a.test", "*"]), Origins::Any);
        let origins = vec!["https://a.test".into(), "http://b.test:81".into()];
        let listed = Origins::Listed { origins, credentials: true };
        check(document::Cors { credentials: true, ..cors(&["https://a.test", "http://b.test:81"]) }, listed);
    }

    #[test]
    fn all_findings_are_reported_with_their_paths() {
        let mut headers = document::HeaderPolicy::default();
        headers.request.set.insert("Connection".parse().unwrap(), "close".parse().unwrap());
        headers.request.add.insert("host".parse().unwrap(), "x".parse().unwrap());
        headers.response.set.insert("x-a".parse().unwrap(), "x".parse().unwrap());
        headers.response.remove = vec!["content-length".parse().unwrap(), "x-a".parse().unwrap()];
        let set = PolicySet {
            timeout: Some("0s".parse().unwrap()),
            cors: Some(document::Cors { credentials: true, ..cors(&["*"]) }),
            headers: Some(headers),
            ..PolicySet::default()
        };
        let errors = compile(&set).unwrap_err();
        let expected = [
            "policies.p.timeout: a timeout of 0 refuses",
            "policies.p.cors.credentials: browsers refuse credentials",
            "policies.p.headers.request.set.connection: the header connection cannot be changed",
            "policies.p.headers.request.add.host: the header host cannot be changed",
            "policies.p.headers.response.remove[0]: the header content-length cannot be changed",
            "policies.p.headers.response.remove[1]: x-a is set, too",
        ];
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.starts_with(expected), "{error}");
        }
        let set = PolicySet { cors: Some(cors(&[])), ..PolicySet::default() };
        assert!(compile(&set).unwrap_err()[0].starts_with("policies.p.cors.origins: no origin is listed"));
    }
}
