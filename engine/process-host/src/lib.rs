//! Starts the programs behind connectors, speaks with them, and sees to it that they behave; asks `git` about
//! a project's commits. The only crate that starts programs.

pub mod git;
mod group;
mod host;
mod lines;
mod mcp;
mod peer;
mod running;
mod slot;
mod spawn;
mod talk;

#[cfg(test)]
mod tests;

pub use host::{Host, Options};
