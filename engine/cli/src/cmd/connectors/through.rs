//! The connection that a command asks a service through.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::anyhow;
use base::Timestamp;
use connector::{Call, Connection, Connector};
use http_client::Client;
use serde_json::Value;
use worker::{Clock as _, Project, SystemClock, new_key};

use super::args::ThroughArgs;
use crate::{choice, network, programs, secrets::ProcessSecrets};

/// A connection with what is needed to use it.
pub(super) struct Through {
    pub(super) client: Client,
    pub(super) connection: Arc<Connection>,
    pub(super) now: Timestamp,
    key: String,
}

impl Through {
    pub(super) fn open(
        project: &Project,
        connector: &Connector,
        args: &ThroughArgs,
    ) -> anyhow::Result<Self> {
        let key = new_key().expose().clone();
        let connection = connection(project, connector, args.connection.as_deref())?;
        let client = network::client(&project.root, &programs::host())?;
        Ok(Self { client, connection, now: SystemClock::default().now(), key })
    }

    /// A call that no other one is taken for.
    pub(super) fn call<'a>(&'a self, inputs: &'a Value) -> Call<'a> {
        let now = self.now;
        let seed = now.ticks().unsigned_abs();
        Call { inputs, idempotency_key: &self.key, now, seed, link: None, callback_url: None }
    }
}

/// The connection of that name, which has to be one to the connector.
pub(super) fn named(
    project: &Project,
    connector: &Connector,
    name: &str,
) -> anyhow::Result<Arc<Connection>> {
    let connection = choice::connection(project, name)?;
    let (is, wanted) = (&connection.connector.name, &connector.name);
    anyhow::ensure!(is == wanted, "connection `{name}` is to `{is}`, not to `{wanted}`");
    Ok(connection)
}

fn connection(
    project: &Project,
    connector: &Connector,
    name: Option<&str>,
) -> anyhow::Result<Arc<Connection>> {
    if let Some(name) = name {
        return named(project, connector, name);
    }
    let all = project.connections(&ProcessSecrets { root: project.root.clone() });
    let refused = |failure: base::Failure| anyhow!("{}", failure.message);
    let only = all.of_connector(&connector.name);
    let wants_nothing = connector.connection.params.iter().all(|it| !it.required);
    match only {
        Ok(connection) => Ok(Arc::clone(connection)),
        // A public service needs no connection of the operator's.
        Err(failure) if wants_nothing && failure.code == "ConnectionNotFound" => {
            let of = Arc::new(connector.clone());
            let (connection, problems) = Connection::new(&connector.name, of, BTreeMap::new());
            problems.into_iter().next().map_or(Ok(Arc::new(connection)), |it| Err(refused(it)))
        }
        Err(failure) => Err(refused(failure)),
    }
}
