//! `flowright lsp`: a language server over standard input and output.

use std::path::Path;

use anyhow::anyhow;
use lsp::{FlowFile, Host};
use worker::Project;

use super::schema::known;
use crate::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    lsp::serve(&mut Disk).map_err(|error| anyhow!("{error}"))?;
    Ok(Outcome::Good)
}

/// Projects as they are on the disk.
struct Disk;

impl Host for Disk {
    fn load(&mut self, file: &Path) -> Result<lsp::Project, String> {
        let folder = file.parent().unwrap_or(file);
        let root = Project::find(folder).unwrap_or_else(|| folder.to_path_buf());
        let project = Project::load(&root, None).map_err(|error| error.to_string())?;
        let known = known(&project).map_err(|error| error.to_string())?;
        let said = project.settings.lint.as_ref();
        let settings = said.map(|it| lint::config::read(it).0.settings).unwrap_or_default();
        let flows = project.flows.into_iter().map(|it| FlowFile::new(it.name, it.package));
        Ok(lsp::Project {
            root,
            flows: flows.collect(),
            catalog: project.catalog,
            environment: project.environment.map(|(_, it)| it),
            others: project.diagnostics,
            known,
            settings,
        })
    }
}
