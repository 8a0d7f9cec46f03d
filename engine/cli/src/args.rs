//! Every command and flag.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

#[cfg(feature = "demo")]
use crate::cmd::demo::DemoArgs;
use crate::{
    cmd::{
        connections::args::ConnectionsArgs,
        connectors::args::ConnectorsArgs,
        doctor::DoctorArgs,
        fmt::FmtArgs,
        graph::{CompletionsArgs, DiffArgs, GraphArgs},
        init::args::InitArgs,
        lint::args::{ExplainArgs, LintArgs},
        lsp::LspArgs,
        new::args::NewArgs,
        runs::args::{FlowsArgs, RunsArgs},
        schema::SchemaArgs,
        test::args::TestArgs,
        tokens::TokensArgs,
    },
    config::ServeArgs,
    database::Database,
};

/// Runs Power-Automate-style flows that are plain YAML files.
#[derive(Debug, Parser)]
#[command(name = "flowright", version, about, max_term_width = 100)]
#[command(after_help = "Examples:
  flowright init my-flows                          begin a project; `init co-sell` with the co-sell flows
  flowright lint                                   check every flow, mapping and connector of the project
  flowright run flows/my-flow --event event.json   run a flow once, here, and show every action
  flowright test                                   run the tests of every flow of the project
  flowright import --check exported/               tell how flows of the cloud would run here
  flowright import exported/ -o flows              turn them into flow files
  flowright export flows/my-flow                   write a flow as a definition of the cloud's
  flowright serve                                  run the engine as a service
  flowright runs list --status Failed              what went wrong in the running service
  flowright eval \"@addDays(utcNow(), 3)\"           compute one expression
  flowright demo                                   watch the co-sell synchronisation against emulators

Exit codes: 0 all is well, 1 findings or a failed run, 2 the command could not be carried out.")]
pub(crate) struct Args {
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "FLOWRIGHT_COLOR")]
    pub color: Color,

    /// Say more about what the engine does; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// How log lines and notes are written to standard error.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = LogFormat::Text,
        env = "FLOWRIGHT_LOG_FORMAT"
    )]
    pub log_format: LogFormat,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, notes included, for programs that collect logs.
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check flows, mappings, connectors and environments without running anything.
    Lint(LintArgs),
    /// Tell what a rule of lint finds, why that is wrong, and what is right.
    Explain(ExplainArgs),
    /// Run one flow once, in this process, and show every action.
    Run(RunArgs),
    /// Run the tests of flows: no service is called, and pauses take no time.
    Test(TestArgs),
    /// Begin a project: a small one, or the co-sell packages.
    Init(InitArgs),
    /// Begin a flow, a connector or a test in the project.
    New(NewArgs),
    /// Draw a flow.
    Graph(GraphArgs),
    /// Tell what differs between two flows in what they mean.
    Diff(DiffArgs),
    /// Print the script with which a shell completes commands and flags.
    Completions(CompletionsArgs),
    /// Turn definitions of Power Automate and Logic Apps into flow files, or tell how they run here.
    Import(ImportArgs),
    /// Write a flow as a definition of Power Automate and Logic Apps.
    Export(ExportArgs),
    /// Compute one expression or template, or many of them line by line.
    Eval(EvalArgs),
    /// Serve an editor: findings while typing, completion, definitions, renaming.
    Lsp(LspArgs),
    /// Lay out files in one style; what they mean and their comments stay.
    Fmt(FmtArgs),
    /// Write JSON Schemas of the project's files, from which editors complete and check them.
    Schema(SchemaArgs),
    /// Run the engine as a service: triggers over HTTP, runs that survive a crash.
    Serve(ServeArgs),
    /// Show the processes that share a database, and what each takes care of.
    Nodes(NodesArgs),
    /// See what a running service has done, and do it again.
    Runs(RunsArgs),
    /// See the flows of a running service; turn them on and off.
    Flows(FlowsArgs),
    /// See the connectors at hand and what they can do.
    Connectors(ConnectorsArgs),
    /// Set up the connections of an environment, log in and see whether they work.
    Connections(ConnectionsArgs),
    /// Copy the runs into a file, while the service runs.
    Backup(BackupArgs),
    /// Put a copy of the runs back, while no service runs.
    Restore(RestoreArgs),
    /// Show the addresses of triggers, or make their signatures void.
    Triggers(TriggersArgs),
    /// Make tokens for people and programs that ask a service, see and revoke them.
    Tokens(TokensArgs),
    /// Look whether a service can be run here: files, database, keys, connections, clock, disk.
    Doctor(DoctorArgs),
    /// Watch the co-sell synchronisation run against emulators of Partner Center and a CRM.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The event file holds the trigger's body, or its outputs: `{headers, body}`, `{outputs: {…}}`.
The mocks file holds replies by action name or `connection.Operation`; with it nothing is called
and pauses take no time:
  Get the referral: { statusCode: 200, body: { id: \"1\" } }
  crm.CreateRecord: [{ statusCode: 503 }, { statusCode: 201, body: {} }]
Of an action that waits to be called back, the last reply is the call; with `callBack: false` nobody
calls.

Definitions may be bare, `workflow.json` with the files that belong to it, solution flows, deployment
templates, and the folders and archives of all these.

Exit codes: 0 the run ended as Succeeded (or no condition of the trigger held), 1 it did not, the
trigger failed or the flow has errors, 2 there was no run: no such flow, trigger or action, or an
event, mocks or parameters that cannot be read. With `--output json` each prints one JSON object."
)]
pub(crate) struct RunArgs {
    /// A flow's name in the project, its folder, or a file of definitions: JSON or zip; of several
    /// one is chosen by `FILE#NAME`.
    pub flow: String,

    /// The flow's name, if the file or folder holds several.
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,

    /// The event: JSON or YAML; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,

    /// An input of a manual trigger, `name=value`; may be given several times.
    #[arg(long = "input", value_name = "NAME=VALUE", conflicts_with = "event")]
    pub inputs: Vec<String>,

    /// Replies for everything that would be called: JSON or YAML.
    #[arg(long, value_name = "FILE")]
    pub mocks: Option<PathBuf>,

    /// The trigger, if the flow has several.
    #[arg(long)]
    pub trigger: Option<String>,

    /// The environment that gives parameters and connections.
    #[arg(long, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,

    /// A parameter's value, `name=value`; wins over the environment; may be given several times.
    #[arg(long = "set", value_name = "PARAMETER=VALUE")]
    pub set: Vec<String>,

    /// Stop when this action has ended; the exit code is then by its status.
    #[arg(long, value_name = "ACTION")]
    pub until: Option<String>,

    /// How the run is shown.
    #[arg(long, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,

    /// The older way to say `--output json`.
    #[arg(long, hide = true)]
    pub json: bool,
}

impl RunArgs {
    pub(crate) fn as_json(&self) -> bool {
        self.json || self.output == Shown::Json
    }
}

/// For whom a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// For people.
    Text,
    /// One JSON object, for programs.
    Json,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Files may be solution flows, `workflow.json` of Logic Apps Standard, bare definitions, and deployment
templates with any number of workflows. Of folders, every `*.json` is read.

With -o each definition becomes a package, FOLDER/<name>/flow.yaml. Nothing of it is lost: what a flow
has no words for stands under `cloud` and is written back by `flowright export`. Every file is read
again before it is written, and must be the same flow. Definitions with errors are not written.

Each definition is one of:
  exact               it runs as in the cloud
  notes               it runs; what is different or left out is named
  needs a connection  it runs once its connections are set up
  unsupported         an action or trigger of it is of a type that does not run here
Apart from that it may have errors, for which the cloud would not save it either.

Files may be solution flows, `workflow.json` of Logic Apps Standard, bare definitions, deployment
templates with any number of workflows, and archives (`*.zip`) of solutions and packages. Of folders,
every `*.json` and `*.zip` is read.
Examples:
  flowright import --check solution/Workflows      what would run, and what is missing
  flowright import solution/Workflows -o flows     write them into this project
  flowright lint flows                             then see what is left to do

Exit codes: 0 every file could be read (and every definition written), 1 some could not,
2 the command could not be carried out."
)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["check", "to"])))]
pub(crate) struct ImportArgs {
    /// Files and folders.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,

    /// Only report; nothing is written.
    #[arg(long)]
    pub check: bool,

    /// Write a flow package for each definition into this folder.
    #[arg(short = 'o', long = "to", value_name = "FOLDER")]
    pub to: Option<PathBuf>,

    /// Overwrite flow files that are there.
    #[arg(long, conflicts_with = "check")]
    pub force: bool,

    /// Begin each file with a line that names this JSON Schema to editors: an address, or a path
    /// from the flow file.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "check")]
    pub schema: Option<String>,

    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,
}

/// What a definition is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wrapping {
    /// Nothing: `{$schema, triggers, actions, …}`, as in a deployment template.
    Definition,
    /// `workflow.json` of Logic Apps Standard: `{definition, kind}`.
    Workflow,
    /// A flow of a Power Automate solution: `{properties: {definition, connectionReferences}}`.
    Solution,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "What the cloud has no counterpart of (`map`, `compare`, `dedupe`, `verify`, …) is told with its place,
and nothing is written, unless --partial asks for the rest. JSONPath and Handlebars become expressions.
Connections keep their names; the cloud's own connectors must stand behind them there.

Examples:
  flowright export co-sell/register-webhooks
  flowright export flows/my-flow --format solution -o Workflows/MyFlow.json

Exit codes: 0 it is written, 1 the flow has errors or parts without a counterpart,
2 the command could not be carried out."
)]
pub(crate) struct ExportArgs {
    /// A flow's name in the project, its folder, or a file.
    pub flow: String,

    /// The file to write; standard output if not given.
    #[arg(short = 'o', long = "to", value_name = "FILE")]
    pub to: Option<PathBuf>,

    /// What the definition is wrapped in.
    #[arg(long, value_enum, default_value_t = Wrapping::Definition)]
    pub format: Wrapping,

    /// Write what can be written although something is missing then.
    #[arg(long)]
    pub partial: bool,

    /// Overwrite a file that is there.
    #[arg(long, requires = "to")]
    pub force: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "EXPRESSION is a string as it stands in a flow: `@addDays(utcNow(), 3)`, `Hello @{item()}`,
`$.actions.X.body`, `Hello {{item}}`. What reads as a call of a function, such as
`addDays(utcNow(), 3)`, needs no `@`. Texts are printed as they are, everything else as JSON.

The context file is an object, each member optional:
  parameters: { env: test }            variables: { count: 5 }
  trigger: { outputs: { headers: {}, body: {} } }
  actions: { Get_item: { status: Succeeded, outputs: { statusCode: 200, body: {} } } }
  results: { Scope: [] }               workflow: { name: flow, run: { name: id } }
  item: {}                             items: { For_each: {} }
  iteration_indexes: { Until: 0 }      now: \"2026-01-31T12:00:00Z\"

With --batch, each line of standard input is a JSON object `{id, expression, context}` or
`{id, template, context}`: an expression has no leading `@`, a template is a whole string, an object
or a list, in Power Automate's notation unless `dialect` is `flowright`. Each line is answered by
`{id, value}` or `{id, error: {code, message}}`; a line that cannot be read by
`{line, error: {code, message}}`.

Exit codes: 0 there is a value, 1 the evaluation failed (of a batch: lines could not be read),
2 the command could not be carried out."
)]
pub(crate) struct EvalArgs {
    /// What to compute.
    #[arg(required_unless_present = "batch", allow_hyphen_values = true)]
    pub expression: Option<String>,

    /// What `variables('x')`, `body('X')` and the like give: JSON or YAML; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub context: Option<PathBuf>,

    /// Show the value of every part.
    #[arg(long)]
    pub explain: bool,

    /// Print JSON always, also texts and errors.
    #[arg(long)]
    pub json: bool,

    /// Read expressions with their contexts from standard input, one JSON object a line.
    #[arg(long, conflicts_with_all = ["expression", "context", "explain", "json"])]
    pub batch: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Only processes of the last hour are shown. A database in a file has one process and no list.

Exit codes: 0 the list is printed, 2 the database cannot be read."
)]
pub(crate) struct NodesArgs {
    /// The database, as `serve` has it: `postgres://user:password@host:port/name`.
    #[arg(long, env = "FLOWRIGHT_DATABASE", hide_env_values = true)]
    pub database: Option<Database>,

    /// How the list is written.
    #[arg(long, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TriggersArgs {
    #[command(subcommand)]
    pub command: TriggersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TriggersCommand {
    /// Print every trigger with the address that requests are sent to, if it has one.
    List(TriggersListArgs),
    /// Sign addresses with a new key from the next start of the service on. Addresses of the key
    /// before stay good until the next rotation.
    #[command(name = "rotate-key")]
    RotateKey(RotateKeyArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TriggersListArgs {
    /// The address that services know this one by: `serve --public-url`, or what it listens on.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    #[arg(env = "FLOWRIGHT_PUBLIC_URL")]
    pub public_url: String,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub place: KeyPlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RotateKeyArgs {
    /// Make every address of before void: the key was seen by somebody who should not have it.
    #[arg(long)]
    pub revoke: bool,

    #[command(flatten)]
    pub place: KeyPlaceArgs,
}

/// Where the key of addresses is.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyPlaceArgs {
    /// The database of the service, which the key is kept beside.
    #[arg(long, env = "FLOWRIGHT_DATABASE", hide_env_values = true)]
    pub database: Option<Database>,

    /// The project's folder; the one around the present folder if not given.
    #[arg(long, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,

    /// The environment that gives parameters and connections.
    #[arg(long, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,
}

/// Where the runs are.
#[derive(Debug, clap::Args)]
pub(crate) struct WhereArgs {
    /// The database, as `serve` is told.
    #[arg(long, env = "FLOWRIGHT_DATABASE", hide_env_values = true)]
    pub database: Option<Database>,

    /// The project's folder; the one around the present folder if not given.
    #[arg(long, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every run is in the copy that was acknowledged before. The copy is checked, and readable by its owner
only. Of a PostgreSQL database, the command is told that its own tools take."
)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not be there.
    pub file: PathBuf,

    #[command(flatten)]
    pub place: WhereArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The copy.
    pub file: PathBuf,

    /// Put it in the place of a database that is there.
    #[arg(long)]
    pub force: bool,

    #[command(flatten)]
    pub place: WhereArgs,
}
