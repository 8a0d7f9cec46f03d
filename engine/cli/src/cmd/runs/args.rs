//! Flags of `flowright runs` and `flowright flows`.

use std::{convert::Infallible, path::PathBuf};

use base::Secret;
use clap::{Args, Subcommand};

use crate::args::Shown;

/// Never refused: a refusal would print it.
#[expect(clippy::unnecessary_wraps, reason = "as a parser of values has to be")]
fn secret(text: &str) -> Result<Secret<String>, Infallible> {
    Ok(Secret::new(text.to_owned()))
}

/// The service that is asked.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The address of the running service.
    #[arg(long, global = true, value_name = "URL", env = "FLOWRIGHT_URL")]
    #[arg(default_value = "http://127.0.0.1:8080")]
    pub url: String,

    /// The token to ask it with, if it wants to know who asks; made by `flowright tokens create`.
    /// Better given in the variable than as a flag.
    #[arg(long, global = true, value_name = "TOKEN", env = "FLOWRIGHT_TOKEN")]
    #[arg(hide_env_values = true, value_parser = secret)]
    pub token: Option<Secret<String>>,

    /// How the answer is shown.
    #[arg(long, global = true, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flowright runs list --flow co-sell/partner-center-to-dynamics --status Failed --since 2h
  flowright runs list --where status=Failed,error=NotFound,since=1d
  flowright runs show 08584...                   every action with what went in and came out
  flowright runs logs 08584... --follow          what happens, as it happens
  flowright runs export 08584... --as-test -o flows/orders/tests/bad-day.test.yaml
  flowright runs retry 08584...                  again from the actions that failed
  flowright runs retry 08584... --from \"Create the record\" --latest
  flowright runs retry --flow orders --since 1d  all failed runs of the last day; asks before it does
  flowright runs cancel --key 42 --yes
  flowright runs pause --flow orders --reason \"the CRM is being updated\"
  flowright runs resume --flow orders --yes

Exit codes: 0 all is well, 1 the run did not end as Succeeded or something was refused, 2 the command
could not be carried out: no service answers, no such run, or a flag is wrong.")]
pub(crate) struct RunsArgs {
    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(subcommand)]
    pub command: RunsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first.
    List(ListArgs),
    /// Show one run with every action.
    Show(ShowArgs),
    /// Tell what has happened to a run, event by event.
    Logs(LogsArgs),
    /// Write down a run with its journal, or make a test of it.
    Export(ExportArgs),
    /// Wait for the end of a run; the exit code is by how it ended.
    Wait(WaitArgs),
    /// Stop runs.
    Cancel(ReasonArgs),
    /// Have runs pause: what they have begun is finished, and no further action begins.
    Pause(ReasonArgs),
    /// Let paused runs go on where they are.
    Resume(ReasonArgs),
    /// Start runs again from the beginning: their events come once more.
    Resubmit(ResubmitArgs),
    /// Delete all ended runs of a key, with everything that is known of them.
    Purge(PurgeArgs),
    /// Do runs again from the actions that failed, or from another one; what came before is taken over.
    Retry(RetryArgs),
}

/// Which runs are meant.
#[derive(Debug, Default, Args)]
pub(crate) struct FilterArgs {
    /// Runs of this flow.
    #[arg(long)]
    pub flow: Option<String>,

    /// Runs of this trigger.
    #[arg(long)]
    pub trigger: Option<String>,

    /// `Running`, `Paused`, `Succeeded`, `Failed`, `TimedOut`, `Cancelled` or `Skipped`; several with
    /// commas.
    #[arg(long)]
    pub status: Option<String>,

    /// Runs of this ordering key.
    #[arg(long)]
    pub key: Option<String>,

    /// Runs in which an action failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,

    /// Runs that this run has called.
    #[arg(long, value_name = "RUN")]
    pub parent: Option<String>,

    /// Runs that do this run again.
    #[arg(long, value_name = "RUN")]
    pub resubmit_of: Option<String>,

    /// Runs that were admitted since: `2h`, `3d`, or `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Runs that were admitted before.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// The same in one: `flow=…,status=Failed,error=…,since=2h,key=…`.
    #[arg(long = "where", value_name = "NAME=VALUE,…")]
    pub conditions: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub filter: FilterArgs,

    /// How many runs are shown at most.
    #[arg(short = 'n', long, default_value_t = 30)]
    pub limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run.
    pub run: String,

    /// Show the inputs and outputs of every action, not only of those that failed.
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The run.
    pub run: String,

    /// Go on until the run ends.
    #[arg(short, long)]
    pub follow: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "With --as-test it is a file of tests for `flowright test`: the event, the answers of services, how the run and
its actions ended, and what was called. Passwords, tokens and the like are replaced, secure values are
hidden as they are everywhere; names and addresses of people stay. Look through it before you share it."
)]
pub(crate) struct ExportArgs {
    /// The run.
    pub run: String,

    /// A test that gives the flow the same event and the same answers.
    #[arg(long)]
    pub as_test: bool,

    /// The file to write; standard output if not given.
    #[arg(short = 'o', long = "to", value_name = "FILE")]
    pub to: Option<PathBuf>,

    /// Overwrite a file that is there.
    #[arg(long, requires = "to")]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The run.
    pub run: String,

    /// Give up after this time: `30s`, `5m`.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
}

/// Which runs something is done with, and whether it was thought about.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// The runs; without any, all that the filter lets through.
    pub runs: Vec<String>,

    #[command(flatten)]
    pub filter: FilterArgs,

    /// Do it without asking.
    #[arg(short, long)]
    pub yes: bool,

    /// Only tell what would be done.
    #[arg(long, conflicts_with = "yes")]
    pub preview: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "For a person's wish to be forgotten. What the runs called goes, too; open runs stay: cancel them first. If
events of deleted runs are delivered again, they start runs. Copies of the database keep what they have."
)]
pub(crate) struct PurgeArgs {
    /// The ordering key, as `runs list` shows it.
    #[arg(long)]
    pub key: String,

    /// Do it without asking.
    #[arg(short, long)]
    pub yes: bool,

    /// Only tell what would be done.
    #[arg(long, conflicts_with = "yes")]
    pub preview: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReasonArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// Why; it stands in the journal of the run.
    #[arg(long)]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ResubmitArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// By the present version of the flow with the present parameters, not by those of then.
    #[arg(long)]
    pub latest: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub target: TargetArgs,

    /// The action to begin with; the ones that made the run fail if not given. Of an action in a loop
    /// the whole loop runs again.
    #[arg(long, value_name = "ACTION")]
    pub from: Option<String>,

    /// By the present version of the flow with the present parameters, not by those of then.
    #[arg(long)]
    pub latest: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "A flow that is off takes no new events: requests to it are refused, its schedules and polls pause,
and what it has subscribed to is cancelled. Runs that have begun go on. It stays off over restarts."
)]
pub(crate) struct FlowsArgs {
    #[command(flatten)]
    pub service: ServiceArgs,

    #[command(subcommand)]
    pub command: FlowsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FlowsCommand {
    /// List the deployed flows.
    List,
    /// Turn a flow on.
    On {
        /// Its name.
        flow: String,
    },
    /// Turn a flow off.
    Off {
        /// Its name.
        flow: String,
    },
}
