//! Flow packages that an import writes: never over others, and never what cannot be read again.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base::{Severity, Source};
use flow::{
    Flow,
    export::{self, Form},
    fidelity::Report,
};

/// Where packages are written.
pub(crate) struct Packages<'a> {
    folder: &'a Path,
    force: bool,
    /// The line that tells editors of a schema.
    head: String,
    /// Folders of this import: two flows of one name do not meet.
    taken: BTreeSet<String>,
}

/// What became of a definition.
pub(crate) enum Written {
    /// It is in this file.
    To(PathBuf),
    /// It is nowhere, and why.
    Not(String),
}

impl<'a> Packages<'a> {
    pub(crate) fn new(folder: &'a Path, force: bool, schema: Option<&str>) -> Self {
        let line = |schema: &str| format!("# yaml-language-server: $schema={schema}\n");
        let head = schema.map(line).unwrap_or_default();
        Self { folder, force, head, taken: BTreeSet::new() }
    }

    /// Writes the package of a definition.
    pub(crate) fn write(&mut self, report: &Report) -> anyhow::Result<Written> {
        if report.has_errors {
            return Ok(Written::Not("it has errors".to_owned()));
        }
        let path = self.folder.join(self.name(&report.name)).join("flow.yaml");
        let text = self.head.clone() + &export::yaml(&report.flow);
        if let Some(fault) = fault(&report.flow, &path, &text) {
            return Ok(Written::Not(fault));
        }
        Ok(if put(&path, &text, self.force)? {
            Written::To(path)
        } else {
            Written::Not(format!("`{}` is there already; --force overwrites it", path.display()))
        })
    }

    /// A folder of its own, called as the flow is.
    fn name(&mut self, display: &str) -> String {
        let mut slug = String::new();
        for c in display.chars() {
            if c.is_alphanumeric() {
                slug.extend(c.to_lowercase());
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug: String = slug.trim_matches('-').chars().take(SLUG_CHARS_MAX).collect();
        let slug = if slug.is_empty() { "flow".to_owned() } else { slug };
        let mut name = slug.clone();
        let mut nth = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{slug}-{nth}");
            nth += 1;
        }
        name
    }
}

/// Characters of a folder's name.
const SLUG_CHARS_MAX: usize = 80;

/// Why a text would not be read as the flow that it was written from.
fn fault(flow: &Flow, path: &Path, text: &str) -> Option<String> {
    let source = Source::new(&path.display().to_string(), text);
    let (again, found) = flow::read(&source);
    if let Some(first) = found.iter().find(|it| it.severity == Severity::Error) {
        let at = source.location(first.span.start);
        let (line, column) = (at.line, at.column);
        return Some(format!(
            "{}:{line}:{column} would be wrong: {}",
            source.name(),
            first.message
        ));
    }
    let same = export::wdl(flow, Form::Solution).0 == export::wdl(&again, Form::Solution).0;
    (!same).then(|| "its file would be read as another flow".to_owned())
}

/// Writes a file, with the folders around it; whether that was possible without overwriting one.
pub(crate) fn put(path: &Path, text: &str, force: bool) -> anyhow::Result<bool> {
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let cannot = || format!("cannot write `{}`", path.display());
    let mut options = OpenOptions::new();
    options.write(true);
    let options =
        if force { options.create(true).truncate(true) } else { options.create_new(true) };
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).with_context(cannot)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(cannot),
    }
}
