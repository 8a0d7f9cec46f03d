//! `flowright connectors`: the connectors at hand, what they can do, and doing it.

pub(crate) mod args;
mod call;
mod check;
mod describe;
mod describe_program;
mod list;
pub(crate) mod new;
mod schema;
mod through;

use anyhow::{Context as _, anyhow};
use base::suggest;
use connector::Connector;
use worker::Project;

use self::args::{ConnectorsArgs, ConnectorsCommand, SchemaCommand};
use crate::{
    Outcome,
    args::Shown,
    choice::{self, meant},
    cmd::serve::project_root,
};

pub(crate) async fn run(args: &ConnectorsArgs) -> anyhow::Result<Outcome> {
    let root = || project_root(args.project.as_deref());
    let load = |environment: Option<&str>| {
        Project::load(&root()?, environment).context("the project cannot be read")
    };
    match &args.command {
        ConnectorsCommand::List => Ok(list::run(&load(None)?, args.output)),
        ConnectorsCommand::Describe(it) if it.ask.save => {
            let as_json = args.output == Shown::Json;
            Box::pin(describe_program::save(&root()?, (&it.name, &it.ask), as_json)).await
        }
        ConnectorsCommand::Describe(it) => describe::run(&load(None)?, &it.name, args.output),
        ConnectorsCommand::New(it) => new::run(&load(None)?, it),
        ConnectorsCommand::Call(it) => {
            let project = load(it.through.environment.as_deref())?;
            Box::pin(call::run(&project, it, args.output)).await
        }
        ConnectorsCommand::Schema(it) => {
            let SchemaCommand::Pull(it) = &it.command;
            let project = load(it.through.environment.as_deref())?;
            Box::pin(schema::pull(&project, it, args.output)).await
        }
        ConnectorsCommand::Check(check) => check::run(check, args.output),
    }
}

/// The connector of `connector` or `connector.Part`, and the part.
fn find<'a, 'n>(
    project: &'a Project,
    name: &'n str,
) -> anyhow::Result<(&'a Connector, Option<&'n str>)> {
    let (connector, part) = match name.split_once('.') {
        Some((connector, part)) => (connector, Some(part)),
        None => (name, None),
    };
    Ok((choice::connector(project, connector)?, part))
}

/// That a connector has no operation of that name.
fn no_operation(connector: &Connector, name: &str) -> anyhow::Error {
    let known = connector.operations.values().filter(|it| !it.internal);
    let known = known.map(|it| it.id.as_str()).chain(connector.triggers.keys().map(String::as_str));
    let near = meant(suggest::closest(name, known));
    anyhow!("`{}` has no operation `{name}`{near}", connector.name)
}
