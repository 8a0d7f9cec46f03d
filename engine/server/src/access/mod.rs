//! Who asks, and what they may do: roles, tokens, sessions.

mod guard;
mod login;
mod rate;
mod session;
pub mod tokens;

use std::{fmt, net::IpAddr, sync::Arc};

use base::{Duration, quota::Rate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use guard::{guard, sender};
pub use login::{Oidc, RoleRule};
pub(crate) use login::{callback, login};
pub(crate) use rate::Limiter;
pub(crate) use session::{create as create_session, end as end_session, show as show_session};

use self::{login::OidcClient, tokens::TokenFile};

/// What somebody may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything that is no secret.
    Viewer,
    /// Fires triggers, stops and repeats runs, turns flows on and off.
    Operator,
    /// Changes flows.
    Editor,
    /// Says who may do what, and sees who did.
    Admin,
}

impl Role {
    /// All, the smallest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Editor, Self::Admin];

    /// As configuration and answers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Not at all: everybody on this machine is trusted.
    Local,
    /// By a token.
    Token,
    /// At an identity provider.
    Oidc,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Token => "token",
            Self::Oidc => "oidc",
        }
    }
}

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    /// Of the token or at the identity provider.
    pub name: String,
    pub kind: Kind,
    pub role: Role,
    /// The parts of the API that they are let into; none for all.
    pub only: Option<Vec<String>>,
    /// The token that they came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl User {
    /// Whoever uses this machine.
    fn local() -> Self {
        let (name, only) = ("local".to_owned(), None);
        Self { name, kind: Kind::Local, role: Role::Admin, only, token: None }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "kind": self.kind.name(),
            "role": self.role.name(),
            "only": self.only,
        })
    }
}

/// From which address a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source(pub IpAddr);

/// Who is let in.
#[derive(Default)]
pub struct Access {
    /// The tokens; none if nobody is asked who they are.
    pub tokens: Option<Arc<TokenFile>>,
    /// The identity provider that people sign in at.
    pub oidc: Option<Oidc>,
    /// How long a session lasts.
    pub session: Option<Duration>,
    /// Requests of one address to the API; none for as many as there are.
    pub api_rate: Option<Rate>,
    /// Requests of one address to triggers; none for as many as there are.
    pub hooks_rate: Option<Rate>,
    /// Proxies whose word is taken for where a request has come from.
    pub proxies: Vec<IpAddr>,
}

/// How long a session lasts that nobody has said anything about: a day's work.
const SESSION: Duration = Duration::seconds(8 * 3600);
/// Wrong tokens of one address: enough for typing errors, too few for guessing.
const WRONG: Rate = Rate { calls: 20, per: Duration::seconds(60) };

impl Access {
    /// Whether anybody may do everything.
    pub const fn is_open(&self) -> bool {
        self.tokens.is_none() && self.oidc.is_none()
    }
}

/// The same as the routes use it.
pub(crate) struct Gate {
    tokens: Option<Arc<TokenFile>>,
    oidc: Option<OidcClient>,
    session: Duration,
    api: Option<Limiter>,
    hooks: Option<Limiter>,
    wrong: Limiter,
    proxies: Vec<IpAddr>,
    ended: session::Ended,
}

impl Gate {
    pub(crate) fn new(access: Access) -> Self {
        let Access { tokens, oidc, session, api_rate, hooks_rate, proxies } = access;
        Self {
            tokens,
            oidc: oidc.map(OidcClient::new),
            session: session.unwrap_or(SESSION),
            api: api_rate.map(Limiter::new),
            hooks: hooks_rate.map(Limiter::new),
            wrong: Limiter::new(WRONG),
            proxies,
            ended: session::Ended::default(),
        }
    }

    /// Whether anybody may do everything.
    pub(crate) const fn is_open(&self) -> bool {
        self.tokens.is_none() && self.oidc.is_none()
    }

    pub(crate) fn tokens(&self) -> Option<&Arc<TokenFile>> {
        self.tokens.as_ref()
    }
}
