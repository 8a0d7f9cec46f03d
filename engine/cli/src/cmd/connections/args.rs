//! Flags of `flowright connections`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::Shown;

#[derive(Debug, Args)]
#[command(
    after_help = "Secrets are never arguments. They are asked for at the terminal, or read from standard input as lines
`name=value`, and kept encrypted in `.flowright/secrets`; the environment file then names them, as in
`${secret:crm.clientSecret}`. The key is `FLOWRIGHT_SECRET_KEY`, or `.flowright/secret.key`, which is
made on first use.

Examples:
  flowright connections add crm --connector dynamics-365 --set orgUrl=https://contoso.crm.dynamics.com
  printf 'clientSecret=%s\\n' \"$SECRET\" | flowright connections add crm --connector dynamics-365 --set ...
  flowright connections list
  flowright connections test crm
  flowright connections login mail
  flowright connections rotate crm clientSecret   another secret in the place of the old one
  flowright connections rotate --key              everything sealed with another key

Exit codes: 0 all is well, 1 a connection cannot be used or does not work, 2 the command could not be
carried out."
)]
pub(crate) struct ConnectionsArgs {
    #[command(flatten)]
    pub place: PlaceArgs,

    #[command(subcommand)]
    pub command: ConnectionsCommand,
}

/// Which environment is meant.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The project's folder; the one around the present folder if not given.
    #[arg(long, global = true, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,

    /// The environment; the project's own choice if not given.
    #[arg(long, global = true, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,

    /// How the answer is shown.
    #[arg(long, global = true, value_enum, default_value_t = Shown::Text)]
    pub output: Shown,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// List the connections and whether they can be used.
    List,
    /// Write a connection into the environment file.
    Add(AddArgs),
    /// Call a service to see whether a connection works.
    Test(NameArgs),
    /// Agree that flows act for somebody: in a browser, or with a code on another device.
    Login(LoginArgs),
    /// Put another secret in the place of one, or seal everything with another key.
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The connection's name in the environment.
    pub name: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The name that flows use.
    pub name: String,

    /// The connector; the one of the connection's own name if not given.
    #[arg(long)]
    pub connector: Option<String>,

    /// Which of the connector's ways to prove who asks, if it has several.
    #[arg(long, value_name = "WAY")]
    pub auth: Option<String>,

    /// A parameter's value; of a secret only `${env:NAME}`, `${file:path}` or `${secret:name}`.
    #[arg(long = "set", value_name = "PARAMETER=VALUE")]
    pub set: Vec<String>,

    /// Put it in the place of a connection of that name.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The connection's name in the environment.
    pub name: String,

    /// Where the browser comes back to, as it is registered with the service: an address of this
    /// machine such as `http://localhost:8400/callback`, without a port on a free one;
    /// `http://127.0.0.1/callback` if not given.
    #[arg(long, value_name = "ADDRESS")]
    pub redirect: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["name", "key"])))]
pub(crate) struct RotateArgs {
    /// The connection whose secret is replaced.
    #[arg(requires = "param")]
    pub name: Option<String>,

    /// The parameter that holds it.
    pub param: Option<String>,

    /// Seal everything with another key: a new one in `.flowright/secret.key`, or the first one of
    /// `FLOWRIGHT_SECRET_KEY`, which may hold the old one after a comma.
    #[arg(long, conflicts_with = "param")]
    pub key: bool,
}
