//! The body of the fuzz target, a plain function: tests replay its corpus, crashes included.

use crate::{
    DocumentPath, Layers, Preset, load,
    source::{SourceKind, SourceMap},
    tree::{self, Node},
};

/// What reading some bytes took: counted, so that a test can bound it without a clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Events of the YAML parser.
    pub events: usize,
    /// Values in the tree, aliases spread out.
    pub nodes: usize,
}

/// Does with a file of these bytes all that `micro check` and `micro config show` do; never panics, whatever the bytes.
pub fn check_bytes(bytes: &[u8]) -> Work {
    for preset in [None, Some(Preset::Api)] {
        let layers = Layers { preset, ..Layers::text("fuzz.yaml", bytes) };
        match load(&layers) {
            Ok(loaded) => {
                loaded.effective().to_yaml_with_origin();
                loaded.warnings.render(true);
                loaded.span_of(&DocumentPath::root().key("listeners"));
            }
            Err(report) => {
                report.render(false);
                report.to_json();
            }
        }
    }
    std::str::from_utf8(bytes).map(work).unwrap_or_default()
}

fn work(text: &str) -> Work {
    let id = SourceMap::default().add(SourceKind::File(String::new()), String::new());
    let parsed = tree::parse(text, id);
    Work { events: parsed.events, nodes: parsed.tree.as_ref().map_or(0, count) }
}

fn count(tree: &Node) -> usize {
    let mut nodes = 0;
    tree.walk(&mut Vec::new(), &mut |_, _| nodes += 1);
    nodes
}
