//! Flags of `flowright connectors`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::describe_program::AskArgs;
use crate::args::Shown;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  flowright connectors list
  flowright connectors describe dynamics-365.ListRecords
  flowright connectors check connectors/published
  flowright connectors call dynamics-365.ListRecords --with entityName=accounts --with '$top=3'
  flowright connectors schema pull dynamics-365 opportunities accounts
  flowright connectors new shop --base-url https://api.shop.example/v1

Exit codes: 0 all is well, 1 the answer is no: the service refused a call or a schema, 2 the command
could not be carried out: no such connector, operation or connection, or a flag is wrong.")]
pub(crate) struct ConnectorsArgs {
    /// How the answer is shown.
    #[arg(long, global = true, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,

    /// The project's folder; the one around the present folder if not given.
    #[arg(long, global = true, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,

    #[command(subcommand)]
    pub command: ConnectorsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorsCommand {
    /// Print the connectors of the project.
    List,
    /// Print what a connector has, or the inputs and outputs of one of its operations or triggers.
    Describe(DescribeArgs),
    /// Read published definitions and tell what of them can be called here.
    Check(CheckArgs),
    /// Call an operation once and print the answer.
    Call(CallArgs),
    /// Write a connector file to begin with.
    New(NewArgs),
    /// Schemas that only the service knows.
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    /// A connector, or `connector.Operation`, or `connector.Trigger`.
    pub name: String,

    #[command(flatten)]
    pub ask: AskArgs,
}

/// Through which connection a service is asked.
#[derive(Debug, Args)]
pub(crate) struct ThroughArgs {
    /// The connection of the environment; its only one to the connector if not given.
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,

    /// The environment that has the connection.
    #[arg(long, visible_alias = "env", env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// `connector.Operation`.
    pub name: String,

    /// An input, `name=value`, with names as flows write them, such as `item/name`; may be given several
    /// times. What the operation takes as text is text, everything else is JSON.
    #[arg(long = "with", value_name = "NAME=VALUE")]
    pub with: Vec<String>,

    /// The inputs as an object: JSON or YAML; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    pub with_json: Option<PathBuf>,

    /// Read further pages until there are so many items.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub items: usize,

    /// Do not ask before a call that changes something.
    #[arg(short, long)]
    pub yes: bool,

    #[command(flatten)]
    pub through: ThroughArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Its name: small letters, digits and hyphens.
    pub name: String,

    /// The address that its paths begin with.
    #[arg(long, value_name = "URL", default_value = "https://api.example.com")]
    pub base_url: String,

    /// Overwrite files that are there.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    pub command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Ask the service for schemas and write what it says to `schemas/<connector>/<name>.json`, which
    /// `lint` reads.
    Pull(PullArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// A connector, or `connector.Schema` for one of its schemas.
    pub name: String,

    /// What the schemas are wanted for, such as tables; those that the project's flows name if none is
    /// given.
    pub of: Vec<String>,

    #[command(flatten)]
    pub through: ThroughArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Definitions, and folders with definitions in them and below.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}
