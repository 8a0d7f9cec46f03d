//! One command a file.

#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod lint;
pub(crate) mod packages;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod triggers;
