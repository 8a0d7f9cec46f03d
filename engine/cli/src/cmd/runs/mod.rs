//! `flowright runs`: what a running service has done, and doing it again.

pub(crate) mod args;
mod change;
pub(crate) mod client;
mod export;
mod filter;
mod list;
mod logs;
mod purge;
mod show;
pub(crate) mod table;

use serde_json::{Map, Value};

use self::{
    args::{RunsArgs, RunsCommand},
    change::Change,
    client::Service,
};
use crate::Outcome;

pub(crate) async fn run(args: &RunsArgs) -> anyhow::Result<Outcome> {
    let service = Service::new(&args.service)?;
    let output = args.service.output;
    let change = |verb, members: Vec<(&str, Option<Value>)>, target| {
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Change { verb, members: given.collect::<Map<_, _>>(), target, output }
    };
    let text = |it: &Option<String>| it.clone().map(Value::from);
    match &args.command {
        RunsCommand::List(args) => list::run(&service, args, output).await,
        RunsCommand::Show(args) => show::run(&service, args, output).await,
        RunsCommand::Logs(args) => logs::logs(&service, args, output).await,
        RunsCommand::Export(args) => export::run(&service, args).await,
        RunsCommand::Wait(args) => logs::wait(&service, args, output).await,
        RunsCommand::Cancel(args) => {
            let members = vec![("reason", text(&args.reason))];
            change("cancel", members, &args.target).carry_out(&service).await
        }
        RunsCommand::Pause(args) => {
            let members = vec![("reason", text(&args.reason))];
            change("pause", members, &args.target).carry_out(&service).await
        }
        RunsCommand::Resume(args) => {
            let members = vec![("reason", text(&args.reason))];
            change("resume", members, &args.target).carry_out(&service).await
        }
        RunsCommand::Purge(args) => purge::run(&service, args, output).await,
        RunsCommand::Resubmit(args) => {
            let members = vec![("latest", Some(args.latest.into()))];
            change("resubmit", members, &args.target).carry_out(&service).await
        }
        RunsCommand::Retry(args) => {
            let members = vec![("from", text(&args.from)), ("latest", Some(args.latest.into()))];
            change("retry", members, &args.target).carry_out(&service).await
        }
    }
}
