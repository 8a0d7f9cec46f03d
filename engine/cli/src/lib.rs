//! What commands do that needs no terminal, so that tests can call it.

pub mod batch;
pub mod document;
mod lent;
pub mod summary;
