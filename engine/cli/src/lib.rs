//! What commands do that needs no terminal, so that tests can call it.

pub mod batch;
pub mod difference;
pub mod document;
pub mod environment_file;
pub mod graph;
pub mod input;
mod lent;
pub mod once;
pub mod scaffold;
pub mod summary;
pub mod testing;
