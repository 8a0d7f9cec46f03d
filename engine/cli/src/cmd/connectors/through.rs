//! The connection that a command asks a service through.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::anyhow;
use base::Timestamp;
use connector::{Call, Connection, Connector};
use http_client::Client;
use serde_json::Value;
use worker::{Clock as _, Project, SystemClock, new_key};

use super::args::ThroughArgs;
use crate::{network, programs, secrets::ProcessSecrets};

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

fn connection(
    project: &Project,
    connector: &Connector,
    name: Option<&str>,
) -> anyhow::Result<Arc<Connection>> {
    let secrets = ProcessSecrets { root: project.root.clone() };
    let all = project.connections(&secrets);
    let refused = |failure: base::Failure| anyhow!("{}", failure.message);
    if let Some(name) = name {
        let entry = all.0.get(name).ok_or_else(|| {
            let near = base::suggest::closest(name, all.0.keys().map(String::as_str));
            anyhow!("the environment has no connection `{name}`{}", super::meant(near))
        })?;
        let connection = entry.connection.as_ref().map_err(|it| refused(it.clone()))?;
        anyhow::ensure!(
            connection.connector.name == connector.name,
            "connection `{name}` is to `{}`, not to `{}`",
            connection.connector.name,
            connector.name
        );
        return Ok(Arc::clone(connection));
    }
    let named = all.of_connector(&connector.name);
    let wants_nothing = connector.connection.params.iter().all(|it| !it.required);
    match named {
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
