//! `flowright new`: something of a project to begin with.

pub(crate) mod args;

use std::path::Path;

use anyhow::{Context as _, ensure};
use cli::scaffold;
use worker::Project;

use self::args::{NewArgs, NewFlowArgs, NewTestArgs, NewWhat};
use crate::{
    Outcome,
    choice::{self, Chosen},
    cmd::{connectors, packages::put},
    print::{self, Tone, note, tone},
};

pub(crate) fn run(args: &NewArgs) -> anyhow::Result<Outcome> {
    let project = choice::project(None)?;
    match &args.what {
        NewWhat::Flow(args) => flow(&project, args),
        NewWhat::Connector(args) => connectors::new::run(&project, args),
        NewWhat::Test(args) => test(&project, args),
    }
}

/// What folders and files may be called everywhere.
fn is_name(name: &str) -> bool {
    let is_part = |it: &str| {
        !it.is_empty()
            && it.chars().all(|it| it.is_alphanumeric() || "-_.".contains(it))
            && !it.starts_with('.')
    };
    name.split('/').all(is_part)
}

/// A path from here, if it is below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

fn flow(project: &Project, args: &NewFlowArgs) -> anyhow::Result<Outcome> {
    let name = args.name.trim_end_matches('/');
    ensure!(
        is_name(name),
        "`{name}` is no name: take letters, digits and `-`, with `/` between folders"
    );
    let folder = project.settings.flows.first().context("the project has no folder of flows")?;
    let folder = project.root.join(&folder.path).join(name);
    for (file, text) in scaffold::flow(name) {
        let path = folder.join(file);
        ensure!(put(&path, &text, false)?, "`{}` is there already", path.display());
        print::line(shown(&path));
    }
    note(tone(Tone::Good, format!("next: `flowright test {name}`")));
    Ok(Outcome::Good)
}

fn test(project: &Project, args: &NewTestArgs) -> anyhow::Result<Outcome> {
    let name = args.name.as_str();
    ensure!(is_name(name) && !name.contains('/'), "`{name}` is no name of a file");
    let Chosen { file, .. } = choice::find(project, &args.flow, None)?;
    let source = file.files.first().context("the flow has no file")?;
    let path = project.root.join(source.name());
    let folder = path.parent().context("the flow has no folder")?.join("tests");
    let is_own = path.file_name().is_some_and(|it| it == "flow.yaml");
    let text = scaffold::test(&file.package.flow, (!is_own).then_some(file.name.as_str()));
    let path = folder.join(format!("{name}.test.yaml"));
    ensure!(put(&path, &text, false)?, "`{}` is there already", path.display());
    print::line(shown(&path));
    note(tone(Tone::Good, "next: put in what it is about, then `flowright test --update`"));
    Ok(Outcome::Good)
}
