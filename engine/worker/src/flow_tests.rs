//! The tests of a flow on disk: `tests/*.test.yaml` in its folder.

use std::path::{Path, PathBuf};

use base::{Diagnostic, Source, limits::WDL_BYTES_MAX};

use crate::project::{LoadError, entries, source};

/// The folder of a flow's tests.
pub const FOLDER: &str = "tests";
/// How a file of tests ends.
pub const SUFFIX: &str = ".test.yaml";

/// What is wrong with the tests of the flow in a folder.
pub(crate) fn read(root: &Path, home: &Path) -> Result<Vec<(Source, Vec<Diagnostic>)>, LoadError> {
    let folder = home.join(FOLDER);
    let files = if folder.is_dir() { entries(&folder)? } else { Vec::new() };
    let is_test = |it: &&PathBuf| it.to_str().is_some_and(|it| it.ends_with(SUFFIX));
    let files = files.iter().filter(is_test).filter(|it| it.is_file() && !it.is_symlink());
    let read = |path: &PathBuf| {
        let source = source(root, path, WDL_BYTES_MAX)?;
        let (_, found) = flow::test_file::read(&source);
        Ok((source, found))
    };
    files.map(read).collect()
}
