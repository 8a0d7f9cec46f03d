//! `flowright tokens`: what programs and people show to be let into a service.

use std::path::PathBuf;

use base::Duration;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use server::{
    Role,
    access::tokens::{NewToken, Token, TokenFile, USUAL},
};
use worker::{Clock as _, SystemClock};

use crate::{
    Outcome,
    args::Shown,
    cmd::{runs::table, serve::project_root},
    config,
    database::Database,
    print::{self, Tone, line, note, tone},
};

/// Who has made a token that was made here.
pub(crate) const HERE: &str = "command line";

#[derive(Debug, Args)]
#[command(
    after_help = "Tokens are kept beside the database, as digests: the value is shown once. A running service knows new and
revoked ones at once.

Examples:
  flowright tokens create ada --role admin
  flowright tokens create prometheus --role viewer --only metrics --expires P365D
  FLOWRIGHT_TOKEN=flowright_... flowright runs list
  flowright tokens revoke prometheus

Exit codes: 0 all is well, 2 the command could not be carried out."
)]
pub(crate) struct TokensArgs {
    #[command(subcommand)]
    command: TokensCommand,

    /// The database of the service, which the tokens are kept beside.
    #[arg(long, global = true, env = "FLOWRIGHT_DATABASE", hide_env_values = true)]
    database: Option<Database>,

    /// The project's folder; the one around the present folder if not given.
    #[arg(long, global = true, env = "FLOWRIGHT_PROJECT")]
    project: Option<PathBuf>,

    /// How the answer is written.
    #[arg(long, global = true, value_enum, default_value_t = Shown::Text)]
    output: Shown,
}

#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// Make a token and print its value.
    Create(CreateArgs),
    /// List the tokens; never their values.
    List,
    /// Make a token void at once.
    Revoke {
        /// Its id, or its name.
        token: String,
    },
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// Who or what it is for.
    name: String,

    /// What its owner may do.
    #[arg(long, value_enum)]
    role: RoleArg,

    /// The parts of the API that it is for, with commas: flows, runs, triggers, metrics, ...; all if
    /// not given.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    only: Option<Vec<String>>,

    /// How long it is good, such as `P30D`; 90 days if not given, 366 at most.
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    /// Reads everything that is no secret.
    Viewer,
    /// Fires triggers, stops and repeats runs, turns flows on and off, too.
    Operator,
    /// Saves flows, too.
    Editor,
    /// Says who may do what, and sees who did, too.
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Operator => Self::Operator,
            RoleArg::Editor => Self::Editor,
            RoleArg::Admin => Self::Admin,
        }
    }
}

pub(crate) fn run(args: &TokensArgs) -> anyhow::Result<Outcome> {
    let root = project_root(args.project.as_deref())?;
    let database = config::database_of(args.database.as_ref(), &root)?;
    let file = TokenFile::new(&database.state_folder(&root)?);
    let now = SystemClock::default().now();
    match &args.command {
        TokensCommand::Create(create) => {
            let lasts = match &create.expires {
                None => USUAL,
                Some(text) => Duration::parse_iso(text).ok_or_else(|| {
                    anyhow::anyhow!("`--expires {text}` is no duration: write it as in `P30D`")
                })?,
            };
            let wanted = NewToken {
                name: create.name.clone(),
                role: create.role.into(),
                only: create.only.clone(),
                lasts,
                by: HERE.to_owned(),
            };
            let (token, value) = file.create(wanted, now)?;
            if args.output == Shown::Json {
                let mut shown = token.to_json();
                shown["token"] = value.expose().as_str().into();
                line(shown);
            } else {
                let (name, role) = (print::safe(&token.name), token.role);
                let until = token.expires;
                note(tone(
                    Tone::Good,
                    format!("`{name}` is `{role}` until {until}; its token is:"),
                ));
                line(value.expose());
                note("it is not shown again; give it to commands in FLOWRIGHT_TOKEN");
            }
        }
        TokensCommand::List => list(&file.list()?, args.output, now),
        TokensCommand::Revoke { token } => {
            let token = file.revoke(token, HERE, now)?;
            if args.output == Shown::Json {
                line(token.to_json());
            } else {
                note(format!("the token `{}` is void", print::safe(&token.name)));
            }
        }
    }
    Ok(Outcome::Good)
}

fn list(tokens: &[Token], output: Shown, now: base::Timestamp) {
    if output == Shown::Json {
        return line(json!(tokens.iter().map(Token::to_json).collect::<Vec<_>>()));
    }
    if tokens.is_empty() {
        return note("there are no tokens; make one with `flowright tokens create`");
    }
    let rows = tokens.iter().map(|it| {
        let (state, color) = match it.revoked {
            Some(at) => (format!("revoked {at}"), Tone::Bad),
            None if it.is_good(now) => (format!("until {}", it.expires), Tone::Good),
            None => (format!("expired {}", it.expires), Tone::Bad),
        };
        let only = it.only.as_ref().map_or_else(|| "all".to_owned(), |it| it.join(","));
        vec![
            (it.id.clone(), Some(Tone::Faint)),
            (it.name.clone(), Some(Tone::Strong)),
            (it.role.to_string(), Some(Tone::Accent)),
            (only, None),
            (state, Some(color)),
        ]
    });
    table::print(&["ID", "NAME", "ROLE", "ONLY", "STATE"], &rows.collect::<Vec<_>>());
}
