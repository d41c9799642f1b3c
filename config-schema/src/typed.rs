//! Tree to typed document: one call of serde for each map entry and list item, so that every error is collected.
//!
//! serde stops at its first error. Here an error is noted with the span of the value that caused it, the value is
//! put aside, and the item is read again without it, until nothing new turns up. Keys that a type does not know are
//! noted on the way and skipped; the bounds of numbers and lists come from the JSON Schema of the type.

mod access;
mod cursor;
mod document;
mod failure;
mod finding;
mod reader;

pub(crate) use document::read_document;
pub(crate) use reader::Reader;
