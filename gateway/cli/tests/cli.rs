//! The binary as its users see it: words, documents, processes, signals. Every port is 0.

#![expect(clippy::unwrap_used, reason = "what helps tests ends them like a test would")]

#[path = "cli/support.rs"]
mod support;

#[path = "cli/admin.rs"]
mod admin;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/examples.rs"]
mod examples;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/lifecycle.rs"]
mod lifecycle;
#[path = "cli/reload.rs"]
mod reload;
#[path = "cli/service.rs"]
mod service;
#[path = "cli/words.rs"]
mod words;
