//! What is checked together, and what comes out.

use base::{Diagnostic, Source};
use connector::Catalog;
use flow::{Environment, Flow, Mapping, Package};

/// Everything that one check looks at.
#[derive(Clone, Copy, Debug)]
pub struct Project<'a> {
    /// The flows.
    pub flows: &'a [FlowFile<'a>],
    /// The connectors at hand.
    pub catalog: &'a Catalog,
    /// The environment that the flows are to run in, if it is chosen.
    pub environment: Option<&'a Environment>,
}

/// One flow with the files beside it.
#[derive(Clone, Copy, Debug)]
pub struct FlowFile<'a> {
    /// Its folder, from the folder of flows on: other flows may call it by that, or by its last part.
    pub name: &'a str,
    /// What was read there, and what the readers found.
    pub package: &'a Package,
}

/// One mapping file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MappingFile<'a> {
    pub(crate) source: &'a Source,
    pub(crate) found: &'a [Diagnostic],
    pub(crate) mapping: Option<&'a Mapping>,
}

impl<'a> FlowFile<'a> {
    pub(crate) const fn flow(&self) -> &'a Flow {
        &self.package.flow
    }

    /// The text of the flow and what its reader found: the first of the package's files.
    pub(crate) fn text(&self) -> Option<(&'a Source, &'a [Diagnostic])> {
        self.package.diagnostics.first().map(|(source, found)| (source, found.as_slice()))
    }

    /// The files of the mappings; a mapping is called as its file is.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = MappingFile<'a>> {
        let mappings = &self.package.mappings;
        self.package.diagnostics.iter().skip(1).map(move |(source, found)| {
            let file = source.name().rsplit(['/', '\\']).next().unwrap_or_default();
            let mapping = mappings.get(file.strip_suffix(".mapping.yaml").unwrap_or(file));
            MappingFile { source, found, mapping }
        })
    }
}

/// What is wrong with one file, in the order of its lines.
#[derive(Clone, Debug)]
pub struct FileFindings {
    /// The file.
    pub source: Source,
    /// The findings.
    pub found: Vec<Diagnostic>,
}
