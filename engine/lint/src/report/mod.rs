//! Findings as text for programs and terminals.

mod concise;
mod json;

pub use concise::concise;
pub use json::json;
