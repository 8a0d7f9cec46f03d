//! `flowright schema`: JSON Schemas of the project's files, for editors.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use lsp::schema::{self, Known};
use serde_json::Value;
use worker::Project;

use crate::{
    Outcome, choice,
    cmd::packages::put,
    print::{self, note},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The schema of flow files has the operations of the project's connectors, by the names that its flows
give to connections, with their inputs.
  flowright schema flow > flow.schema.json      one schema
  flowright schema --output .flowright/schemas  all of them"
)]
pub(crate) struct SchemaArgs {
    /// Which files the schema is of.
    #[arg(value_enum)]
    pub of: Option<SchemaOf>,

    /// Write `<name>.schema.json` files into this folder; all of them if none is named.
    #[arg(short, long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// The files that there are schemas of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// `flow.yaml`.
    Flow,
    /// `*.mapping.yaml`.
    Mapping,
    /// `connector.yaml`.
    Connector,
    /// `environments/*.yaml`.
    Environment,
    /// `flowright.yaml`.
    Project,
    /// `tests/*.test.yaml`.
    Test,
}

impl SchemaOf {
    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("flow", Self::Flow),
        ("mapping", Self::Mapping),
        ("connector", Self::Connector),
        ("environment", Self::Environment),
        ("project", Self::Project),
        ("test", Self::Test),
    ];
}

pub(crate) fn run(args: &SchemaArgs) -> anyhow::Result<Outcome> {
    let project = choice::project(None)?;
    let known = known(&project)?;
    let Some(folder) = &args.output else {
        let Some(of) = args.of else {
            bail!("say which schema, as in `flowright schema flow`, or `--output FOLDER` for all")
        };
        print::json(&made(of, &project, &known));
        return Ok(Outcome::Good);
    };
    for (name, of) in SchemaOf::ALL {
        if args.of.is_none_or(|it| it == of) {
            let path = folder.join(format!("{name}.schema.json"));
            let text = serde_json::to_string_pretty(&made(of, &project, &known))? + "\n";
            put(&path, &text, true)?;
            print::line(path.display());
        }
    }
    note("see docs/editors for how an editor is told of them");
    Ok(Outcome::Good)
}

fn made(of: SchemaOf, project: &Project, known: &Known) -> Value {
    let catalog = &project.catalog;
    match of {
        SchemaOf::Flow => schema::flow(catalog, known),
        SchemaOf::Mapping => schema::mapping(catalog, &known.connectors()),
        SchemaOf::Connector => schema::connector(),
        SchemaOf::Environment => schema::environment(catalog, known),
        SchemaOf::Project => schema::project(known),
        SchemaOf::Test => schema::test(known),
    }
}

/// The names of the environments that the project has.
fn environments(project: &Project) -> anyhow::Result<BTreeSet<String>> {
    let folder = project.root.join(&project.settings.environments.path);
    if !folder.is_dir() {
        return Ok(BTreeSet::new());
    }
    let cannot = || format!("cannot read `{}`", folder.display());
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let is_file = path.extension().is_some_and(|it| it == "yaml");
        names.extend(
            path.file_stem().filter(|_| is_file).and_then(|it| it.to_str()).map(str::to_owned),
        );
    }
    Ok(names)
}

/// What a project knows that the formats of its files do not.
pub(crate) fn known(project: &Project) -> anyhow::Result<Known> {
    let mut known = Known::default();
    for file in &project.flows {
        known.add(&file.name, &file.package.flow);
        known.mappings.extend(file.package.mappings.keys().cloned());
    }
    known.environments = environments(project)?;
    if let Some((_, it)) = &project.environment {
        known.add_environment(it);
    }
    Ok(known)
}
