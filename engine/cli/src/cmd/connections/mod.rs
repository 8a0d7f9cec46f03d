//! `flowright connections`: what an environment connects to, and who flows are there.

mod add;
pub(crate) mod args;
mod ask;
mod list;
mod login;
mod rotate;
mod test;

use std::path::PathBuf;

use worker::Project;

use self::args::{ConnectionsArgs, ConnectionsCommand, PlaceArgs};
use crate::{Outcome, cmd::serve::project_root};

pub(crate) async fn run(args: &ConnectionsArgs) -> anyhow::Result<Outcome> {
    let ConnectionsArgs { place, command } = args;
    match command {
        ConnectionsCommand::List => list::run(place).await,
        ConnectionsCommand::Add(args) => add::run(place, args),
        ConnectionsCommand::Test(args) => test::run(place, &args.name).await,
        ConnectionsCommand::Login(args) => login::run(place, args).await,
        ConnectionsCommand::Rotate(args) => rotate::run(place, args),
    }
}

/// A project with the environment that is meant.
fn load(place: &PlaceArgs) -> anyhow::Result<(PathBuf, Project)> {
    let root = project_root(place.project.as_deref())?;
    let project = Project::load(&root, place.environment.as_deref())?;
    anyhow::ensure!(
        project.environment.is_some(),
        "the project chooses no environment; name one with `--environment`"
    );
    Ok((root, project))
}
