//! The document: what a gateway is told, from text to proven types.
//!
//! One story, told by [`fn@load`]: texts (preset, files, variables, flags) become one tree in which every value knows
//! where it came from; trees are merged; typed values are read from the tree, one item after the other; checks look
//! at what only the whole can tell. All findings are collected into one [`Report`] that points at the text; nothing
//! stops at the first. What the document *means* is compiled elsewhere, with findings of the same kind.
//!
//! There is no I/O here but [`read_files`], and nothing that waits.
//!
//! ```
//! use config_schema::{Code, Layers, load};
//!
//! let text = "version: micro/v1\nlisteners: { edge: { address: \":8080\", routes: publik } }\n\
//!             routes: { public: [{ match: { path: /** }, handler: respond }] }\n";
//! let report = load(&Layers::text("gateway.yaml", text)).unwrap_err();
//! assert_eq!(report.diagnostics[0].code, Code::UnknownReference);
//! assert!(report.render(false).contains("gateway.yaml:2:48"));
//! ```

mod check;
mod diagnostic;
mod digest;
pub mod document;
mod effective;
mod fuzzing;
mod input;
mod load;
mod path;
mod preset;
mod schema;
mod secrets;
pub mod settings;
mod source;
mod suggest;
mod tree;
mod typed;
pub mod value;

pub use diagnostic::{Code, Diagnostic, Fix, Label, Report, Severity};
pub use document::Document;
pub use effective::{Effective, EffectiveValue};
pub use fuzzing::{Work, check_bytes};
pub use input::{Input, read_files};
pub use load::{Layers, Loaded, load};
pub use path::{DocumentPath, DocumentPathError, Segment};
pub use preset::Preset;
pub use schema::{SCHEMA_ID, json_schema};
pub use source::{Origin, Position, Source, SourceId, SourceKind, SourceMap, Span};
pub use tree::{ALIAS_NODES_MAX, DEPTH_MAX, EXPANSION_BYTES_MAX, FILE_BYTES_MAX, NODES_MAX};
