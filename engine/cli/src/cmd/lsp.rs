//! `flowright lsp`: a language server over standard input and output.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use base::limits::WDL_BYTES_MAX;
use lint::{
    baseline::Baseline,
    config::{self, Config},
};
use lsp::{FlowFile, Host};
use worker::Project;

use super::{
    lint::{ignored::Ignored, now},
    schema::known,
};
use crate::Outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct LspArgs {
    /// The environment to check against; the project's own choice if not given.
    #[arg(long, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,
}

pub(crate) fn run(args: &LspArgs) -> anyhow::Result<Outcome> {
    let mut disk = Disk { environment: args.environment.clone(), ignored: BTreeMap::new() };
    lsp::serve(&mut disk).map_err(|error| anyhow!("{error}"))?;
    Ok(Outcome::Good)
}

/// Projects as they are on the disk.
struct Disk {
    environment: Option<String>,
    /// What their repositories leave out.
    ignored: BTreeMap<PathBuf, Ignored>,
}

impl Host for Disk {
    fn load(&mut self, file: &Path) -> Result<lsp::Project, String> {
        let folder = file.parent().unwrap_or(file);
        let root = Project::find(folder).unwrap_or_else(|| folder.to_path_buf());
        let environment = self.environment.as_deref();
        let project = Project::load(&root, environment).map_err(|error| error.to_string())?;
        let known = known(&project).map_err(|error| error.to_string())?;
        let said = project.settings.lint.as_ref();
        let config = said.map(|it| config::read(it).0).unwrap_or_default();
        let (baseline, remarks) = match baseline(&root, &config) {
            Ok(baseline) => (baseline, Vec::new()),
            Err(remark) => (Baseline::default(), vec![remark]),
        };
        let flows = project.flows.into_iter().map(|it| FlowFile::new(it.name, it.package));
        self.ignored.insert(root.clone(), Ignored::new(&root));
        Ok(lsp::Project {
            root,
            flows: flows.collect(),
            catalog: project.catalog,
            environment: project.environment.map(|(_, it)| it),
            others: project.diagnostics,
            known,
            settings: config.settings.at(now()),
            exclude: config.exclude,
            baseline,
            remarks,
            ..lsp::Project::default()
        })
    }

    fn is_checked(&mut self, root: &Path, name: &str) -> bool {
        let ignored = self.ignored.get_mut(root);
        !ignored.is_some_and(|it| it.has(&root.join(name)))
    }
}

/// The findings that a project knows already.
fn baseline(root: &Path, config: &Config) -> Result<Baseline, String> {
    let Some(name) = &config.baseline else { return Ok(Baseline::default()) };
    let file = root.join(name);
    let cannot = |reason: &dyn std::fmt::Display| {
        format!("cannot read the baseline `{}`: {reason}", file.display())
    };
    let is_large = std::fs::metadata(&file)
        .is_ok_and(|it| u64::try_from(WDL_BYTES_MAX).is_ok_and(|most| most < it.len()));
    if is_large {
        return Err(cannot(&"it is too large"));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| cannot(&error))?;
    Baseline::read(&text).map_err(|error| cannot(&error))
}
