//! Findings as text for programs and terminals.

mod concise;
mod fingerprint;
mod github;
mod gitlab;
mod json;
mod junit;
mod rdjson;
mod sarif;

pub use concise::{concise, printable};
pub use fingerprint::fingerprints;
pub use github::github;
pub use gitlab::gitlab;
pub use json::{json, jsonl, objects};
pub use junit::junit;
pub use rdjson::rdjson;
pub use sarif::sarif;
