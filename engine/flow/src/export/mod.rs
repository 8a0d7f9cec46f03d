//! Flows as text: flow files that people would have written, and definitions of the cloud's.

mod order;
mod values;
mod wdl;
mod yaml;

pub(crate) mod besides;

pub use wdl::{Form, wdl};
pub use yaml::yaml;
