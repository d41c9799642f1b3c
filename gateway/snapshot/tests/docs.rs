//! The manual is checked: its documents compile and do what their tests say, its lists are those of the code, its links
//! lead somewhere.
//!
//! A block marked `yaml` with a top-level `version` is a whole document. Others are pieces of one and only have to be YAML.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config_schema::document::{Expect, TestCase};
use config_schema::value::Status;
use config_schema::{Layers, load};
use gateway_exchange::{Cause, Head};
use gateway_snapshot::{Compiled, Explanation, Given, Listener, compile, explain};
use policies::{PolicyKind, REQUEST_ORDER, RESPONSE_ORDER};

/// A block of code in a page.
struct Block {
    page: String,
    line: usize,
    language: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns all pages: those of `docs/`, and the README.
fn pages() -> Vec<(String, String)> {
    let mut pages = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "md") {
                pages.push(entry);
            }
        }
    }
    pages.sort();
    let name = |page: &Path| page.strip_prefix(root()).unwrap().display().to_string();
    pages.iter().map(|page| (name(page), fs::read_to_string(page).unwrap())).collect()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside;
            if inside {
                let language = language.trim().to_owned();
                blocks.push(Block { page: page.to_owned(), line: number + 1, language, text: String::new() });
            }
        } else if let Some(block) = blocks.last_mut().filter(|_| inside) {
            writeln!(block.text, "{line}").unwrap();
        }
    }
    assert!(!inside, "{page}: a block is not closed");
    blocks
}

fn yaml_blocks() -> Vec<Block> {
    let all = pages().into_iter().flat_map(|(page, text)| blocks(&page, &text));
    all.filter(|block| block.language == "yaml").collect()
}

impl Block {
    fn is_document(&self) -> bool {
        self.text.lines().any(|line| line.starts_with("version:"))
    }

    /// Loads and compiles it. A finding stands at its line of the page.
    fn compile(&self) -> Compiled {
        let text = "\n".repeat(self.line - 1) + &self.text;
        let layers = Layers { variables: variables(), ..Layers::text(self.page.clone(), text) };
        let loaded = load(&layers).unwrap_or_else(|report| panic!("{report}"));
        let compiled = compile(Arc::new(loaded)).unwrap_or_else(|report| panic!("{report}"));
        assert!(compiled.warnings.is_empty(), "{}", compiled.warnings);
        compiled
    }
}

/// What the examples take from the environment.
fn variables() -> std::collections::BTreeMap<String, String> {
    [("REGION", "eu")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[test]
fn every_document_compiles() {
    let blocks = yaml_blocks();
    let documents: Vec<_> = blocks.iter().filter(|block| block.is_document()).collect();
    assert!(documents.len() >= 15, "{} documents", documents.len());
    for document in documents {
        document.compile();
    }
}

#[test]
fn every_piece_is_yaml() {
    for block in yaml_blocks().iter().filter(|block| !block.is_document()) {
        let piece: Result<serde_yaml::Value, _> = serde_yaml::from_str(&block.text);
        assert!(piece.is_ok_and(|piece| !piece.is_null()), "{}:{}", block.page, block.line);
    }
}

#[test]
fn documents_do_what_their_tests_say() {
    let mut count = 0;
    for block in yaml_blocks().iter().filter(|block| block.is_document()) {
        let compiled = block.compile();
        for test in &compiled.loaded.document.tests {
            check(&compiled, test, &format!("{}:{}: {}", block.page, block.line, test.request));
            count += 1;
        }
    }
    assert!(count >= 30, "{count} tests");
}

fn check(compiled: &Compiled, test: &TestCase, place: &str) {
    let headers: Vec<_> = test.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let head = Head::parse(&test.request.to_string(), &headers).unwrap();
    let names = test.given.as_ref();
    let given = names.map_or(Given::All, |names| Given::Names(names.iter().map(ToString::to_string).collect()));
    let explained = explain(&compiled.snapshot, listener(compiled, test), &given, &head);
    let Expect { listener: _, table: _, route, handler, service, method, status } = &test.expect;
    let text = |value: &Option<String>, found: Option<&str>| {
        assert!(value.is_none() || value.as_deref() == found, "{place}: {explained:#?}");
    };
    text(route, explained.route.as_deref());
    text(handler, chosen(&explained));
    text(&service.as_ref().map(ToString::to_string), explained.service.as_deref());
    text(method, explained.method.as_deref());
    let status = status.map(Status::code);
    assert!(status.is_none() || status == explained.status, "{place}: {explained:#?}");
}

fn listener<'c>(compiled: &'c Compiled, test: &TestCase) -> &'c Listener {
    let port = test.request.url.parse::<http::Uri>().unwrap().port_u16().unwrap_or(80);
    let by_name = test.listener.as_ref().and_then(|name| compiled.snapshot.listeners.get(name.as_str()));
    let only = compiled.snapshot.listeners.values().next();
    by_name.or_else(|| compiled.snapshot.listener_at(port, None)).or(only).unwrap()
}

/// `meta` is answered by the handler it chooses.
fn chosen(explained: &Explanation) -> Option<&str> {
    explained.handler.map(|handler| if handler == "meta" { "rpc" } else { handler })
}

#[test]
fn the_list_of_errors_is_that_of_the_code() {
    let page = page("docs/errors.md");
    for cause in Cause::ALL {
        let row = format!("| `{}` | {} | `{}` |", cause.name(), cause.status().as_u16(), cause.proxy_status());
        assert!(page.contains(&row), "docs/errors.md lacks: {row}");
    }
    let status = |line: &str| line.split('|').nth(2).and_then(|cell| cell.trim().parse::<u16>().ok());
    let rows = page.lines().filter(|line| status(line).is_some()).count();
    assert_eq!(rows, Cause::ALL.len(), "docs/errors.md lists what there is not");
}

#[test]
fn every_handler_and_policy_has_a_page() {
    for handler in ["meta", "rpc", "proxy", "respond", "redirect", "rpc-endpoint"] {
        assert!(page(&format!("docs/handlers/{handler}.md")).contains("```yaml\nversion: micro/v1\n"), "{handler}");
    }
    for policy in REQUEST_ORDER.iter().chain(RESPONSE_ORDER).map(|kind| kind.name()) {
        assert!(page(&format!("docs/policies/{policy}.md")).contains("```yaml\nversion: micro/v1\n"), "{policy}");
    }
}

#[test]
fn the_order_of_policies_is_that_of_the_code() {
    let order = |kinds: &[PolicyKind]| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" → ");
    let page = page("docs/policies/README.md");
    for kinds in [REQUEST_ORDER, RESPONSE_ORDER] {
        assert!(page.contains(&order(kinds)), "docs/policies/README.md lacks: {}", order(kinds));
    }
}

#[test]
fn every_link_leads_somewhere() {
    for (name, text) in pages() {
        let folder = root().join(&name).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { root().join(&name) } else { folder.join(path) };
            assert!(target.exists(), "{name}: {link} leads nowhere");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                assert!(anchors(&text).any(|own| own == anchor), "{name}: {link} leads to no heading");
            }
        }
    }
}

/// Returns the headings of a page as links name them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings =
        text.lines().filter_map(|line| line.strip_prefix('#')).map(|rest| rest.trim_start_matches('#').trim());
    headings.map(|heading| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    })
}
