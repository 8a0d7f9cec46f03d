//! What commands do that needs no terminal, so that tests can call it.

pub mod batch;
pub mod document;
pub mod environment_file;
mod lent;
pub mod once;
pub mod summary;
pub mod testing;
