//! What the tests share: cases on disk and their readable trace, and a whole service in this process.

pub(crate) mod case;
pub(crate) mod chromium;
pub(crate) mod clock;
pub(crate) mod editor;
pub(crate) mod git;
pub(crate) mod programs;
pub(crate) mod recorder;
pub(crate) mod responder;
pub(crate) mod service;
pub(crate) mod through;
pub(crate) mod trace;
pub(crate) mod troubled;
pub(crate) mod zip;

pub(crate) use case::Case;

/// All runs that have not ended.
pub(crate) fn open_only() -> journal::RunFilter {
    journal::RunFilter { open: true, ..journal::RunFilter::default() }
}
