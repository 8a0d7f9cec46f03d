//! Which flow, action, connector or connection is meant by a name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use base::suggest;
use connector::{Connection, Connector};
use flow::{ActionId, ActionKind, package::WHICH};
use worker::{Deployed, Project, project::FlowFile};

use crate::secrets::ProcessSecrets;

/// A flow, and those that stand beside it, which it may call.
pub(crate) struct Chosen {
    pub(crate) file: FlowFile,
    pub(crate) siblings: Vec<FlowFile>,
}

/// The project around the present folder; without one, what is in that folder.
pub(crate) fn project(environment: Option<&str>) -> anyhow::Result<Project> {
    let here = std::env::current_dir()?;
    let root = Project::find(&here).unwrap_or(here);
    Ok(Project::load(&root, environment)?)
}

/// Names that a message lists.
const NAMES_MAX: usize = 20;

/// A flow by its name in the project, else by its path and, if there are several, its name there.
pub(crate) fn find(
    project: &Project,
    wanted: &str,
    workflow: Option<&str>,
) -> anyhow::Result<Chosen> {
    let name = wanted.trim_end_matches('/');
    let by_name = |it: &&FlowFile| it.name == name || it.package.flow.name == wanted;
    if let (Some(found), None) = (project.flows.iter().find(by_name), workflow) {
        return Ok(Chosen { file: found.clone(), siblings: Vec::new() });
    }
    let (path, which) = if Path::new(wanted).exists() {
        (Path::new(wanted), None)
    } else {
        let parts = wanted.rsplit_once(WHICH).filter(|(path, _)| Path::new(path).exists());
        let Some((path, which)) = parts else { return Err(no_flow(project, wanted, name)) };
        (Path::new(path), Some(which))
    };
    let found = project.open(path)?;
    let (file, mut siblings) = choose(found, workflow.or(which), path)?;
    let calls = file.package.flow.actions.iter();
    let calls = calls.filter(|it| matches!(it.kind, ActionKind::Workflow(_))).count();
    if let (true, Some(home)) = (0 < calls && siblings.is_empty(), home(path)) {
        siblings = project.open(&home)?;
    }
    Ok(Chosen { file, siblings })
}

fn no_flow(project: &Project, wanted: &str, name: &str) -> anyhow::Error {
    let names = project.flows.iter().map(|it| it.name.as_str());
    let near = suggest::closest(name, names);
    let near = meant(near);
    anyhow::anyhow!("there is no flow `{wanted}` in this project, nor such a file{near}")
}

/// The only flow, or the one of that name or id.
fn choose(
    mut found: Vec<FlowFile>,
    which: Option<&str>,
    path: &Path,
) -> anyhow::Result<(FlowFile, Vec<FlowFile>)> {
    let names = || {
        let names: Vec<&str> = found.iter().take(NAMES_MAX).map(|it| it.name.as_str()).collect();
        let more = if NAMES_MAX < found.len() { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    };
    let path = path.display();
    let at = match which {
        None if found.len() == 1 => 0,
        None => bail!(
            "`{path}` holds {} flows; choose one with `--workflow NAME` or `{path}{WHICH}NAME`: {}",
            found.len(),
            names()
        ),
        Some(which) => {
            let same = |it: &&str| it.eq_ignore_ascii_case(which);
            let exact = found.iter().position(|it| it.name == which);
            let near = |it: &FlowFile| {
                same(&it.name.as_str()) || it.id.as_deref().is_some_and(|id| same(&id))
            };
            let at = exact.or_else(|| found.iter().position(near));
            at.with_context(|| {
                let near = suggest::closest(which, found.iter().map(|it| it.name.as_str()));
                let near = meant(near);
                format!("`{path}` holds no flow `{which}`{near}; it holds: {}", names())
            })?
        }
    };
    let file = found.remove(at);
    Ok((file, found))
}

/// The folder of the project or solution of the cloud's that a file lies in.
fn home(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let above = folder.parent()?;
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    let is_solution = folder.file_name().is_some_and(|it| it == "Workflows");
    (is_solution || above.join("host.json").is_file()).then(|| above.to_path_buf())
}

/// An action by its name.
pub(crate) fn action(flow: &Deployed, name: &str) -> anyhow::Result<ActionId> {
    let flow = &flow.plan.flow;
    flow.find(name).with_context(|| {
        let names = flow.actions.iter().map(|it| it.display.as_str());
        let near = suggest::closest(name, names);
        let near = meant(near);
        format!("the flow has no action `{name}`{near}")
    })
}

/// The connector of that name in the project.
pub(crate) fn connector<'a>(
    project: &'a Project,
    name: &str,
) -> anyhow::Result<&'a Arc<Connector>> {
    project.catalog.find(name).with_context(|| {
        let near = meant(project.catalog.closest(name));
        format!("the project has no connector `{name}`{near}")
    })
}

/// The connection of that name in the project's environment, which has to be usable.
pub(crate) fn connection(project: &Project, name: &str) -> anyhow::Result<Arc<Connection>> {
    let secrets = ProcessSecrets { root: project.root.clone() };
    let mut connections = project.connections(&secrets).0;
    let Some(entry) = connections.remove(name) else {
        let near = meant(suggest::closest(name, connections.keys().map(String::as_str)));
        bail!("the environment has no connection `{name}`{near}");
    };
    entry.connection.map_err(|failure| anyhow::anyhow!("{}", failure.message))
}

/// What a message says further of the name that was probably meant.
pub(crate) fn meant(near: Option<&str>) -> String {
    near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default()
}
