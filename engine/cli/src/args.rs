//! Every command and flag.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    cmd::{
        connections::args::ConnectionsArgs,
        connectors::args::ConnectorsArgs,
        doctor::DoctorArgs,
        graph::{CompletionsArgs, DiffArgs, GraphArgs},
        init::args::InitArgs,
        lint::args::{ExplainArgs, LintArgs},
        new::args::NewArgs,
        runs::args::{FlowsArgs, RunsArgs},
        test::args::TestArgs,
        tokens::TokensArgs,
    },
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
    Lsp,
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
    /// Watch the co-sell synchronisation run against emulators of Partner Center and Dynamics 365.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without paths the files of the project are laid out: flows, mappings, environments, connectors,
tests and the project's own file.

Exit codes: 0 all is well, 1 a file would be changed (with --check or --diff), or one cannot be
formatted, 2 the command could not be carried out."
)]
pub(crate) struct FmtArgs {
    /// Files or folders; `-` formats standard input to standard output.
    pub paths: Vec<PathBuf>,

    /// Change nothing; print the files that would be changed.
    #[arg(long)]
    pub check: bool,

    /// Change nothing; print what would be changed.
    #[arg(long)]
    pub diff: bool,

    /// The name of what is read from standard input, which says what it is.
    #[arg(long, value_name = "FILE")]
    pub stdin_filename: Option<PathBuf>,
}

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
    after_help = "What is not given stands in the file of --config, else under `serve` in flowright.yaml, else it has its
usual value. A flag wins over its variable, a variable over the files.

Examples:
  flowright serve                                      for this machine only, without sign-in
  flowright tokens create me --role admin              a token, before others are let in
  flowright serve --listen 0.0.0.0:8443 --auth required --tls-certificate chain.pem --tls-key key.pem
  flowright serve --hooks-listen 0.0.0.0:8081          triggers for everybody, the API for this machine

Exit codes: 0 it was told to stop, 2 it could not start, or another process has taken its place."
)]
pub(crate) struct ServeArgs {
    /// Where to listen (127.0.0.1:8080). Others than this machine need --auth required.
    #[arg(long, value_name = "ADDRESS", env = "FLOWRIGHT_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// Where to listen for requests to triggers, apart from the API and the pages.
    #[arg(long, value_name = "ADDRESS", env = "FLOWRIGHT_HOOKS_LISTEN")]
    pub hooks_listen: Option<SocketAddr>,

    /// The address by which services reach this one, such as `https://flows.example.com`; what flows
    /// give out as `listCallbackUrl()` begins with it. The address listened on if not given.
    #[arg(long, value_name = "URL", env = "FLOWRIGHT_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Whether people and programs have to say who they are.
    #[arg(long, value_enum, env = "FLOWRIGHT_AUTH")]
    pub auth: Option<AuthMode>,

    /// The certificate chain to serve with, PEM; it is read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "FLOWRIGHT_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate", env = "FLOWRIGHT_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Let flows be saved through the API.
    #[arg(long)]
    pub edit: bool,

    /// A file with what else would stand under `serve` in flowright.yaml; it wins over that.
    #[arg(long, value_name = "FILE", env = "FLOWRIGHT_CONFIG")]
    pub config: Option<PathBuf>,

    /// The database: a file, or `postgres://user:password@host:port/name`
    /// (.flowright/flowright.db). A password is better given in the variable.
    #[arg(long, env = "FLOWRIGHT_DATABASE", hide_env_values = true)]
    pub database: Option<Database>,

    /// What this process is called among those that share a database server. It comes in the place
    /// of one that is called the same. The machine's name with the number of the process if not
    /// given.
    #[arg(long, value_name = "NAME", env = "FLOWRIGHT_NODE")]
    pub node: Option<String>,

    /// The project's folder; the one around the present folder if not given.
    #[arg(long, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,

    /// The environment that gives parameters and connections.
    #[arg(long, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,
}

/// Whether it is asked who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthMode {
    /// Everybody on this machine may do everything.
    None,
    /// By a token, or at the identity provider.
    Required,
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

/// The CRMs that the demo has a story for.
#[cfg(feature = "demo")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoCrm {
    /// Dynamics 365.
    Dynamics,
    /// Salesforce.
    Salesforce,
    /// First the one, then the other.
    Both,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Whose story is told.
    #[arg(long, value_enum, default_value_t = DemoCrm::Dynamics)]
    pub crm: DemoCrm,

    /// Leave everything running at the end, with the addresses printed.
    #[arg(long)]
    pub keep: bool,

    /// The project's folder with the co-sell flows; the one around the present folder if not given.
    #[arg(long, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,
}
