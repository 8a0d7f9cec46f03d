//! What the worker reads, as bytes.

mod archive;
mod lanes;
