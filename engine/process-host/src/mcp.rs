//! How MCP servers are talked to that are started here: with a handshake, or without.

use std::time::Instant;

use base::Failure;
use connector::{
    Connection,
    program::{self, mcp},
};
use serde_json::{Map, Value, json};

use crate::{
    peer::{Answer, Peer},
    running::{Running, Trouble, first},
};

/// Pages of a list of tools.
const PAGES_MAX: usize = 1_000;

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The protocol of connector programs.
    Flowright,
    /// MCP after a handshake.
    Mcp,
    /// MCP in which every question says who asks: the version of whoever asks.
    Stateless(String),
}

impl Dialect {
    /// Parameters with what the dialect wants besides.
    pub(crate) fn params(&self, params: Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::Flowright | Self::Mcp => params,
            Self::Stateless(version) => mcp::stateless(params, version),
        }
    }
}

/// Agrees with a server on a version.
pub(crate) async fn agree(
    peer: &Peer,
    connection: &Connection,
    version: &str,
    until: Instant,
) -> Result<(Dialect, Value), Failure> {
    let Value::Object(params) = mcp::initialize(version) else {
        return Err(program::broken("the handshake cannot be made"));
    };
    match first(peer, connection, ("initialize", params), until).await? {
        Answer::Result(result) => {
            mcp::chosen(&result)?;
            peer.tell(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
            Ok((Dialect::Mcp, result.get("serverInfo").cloned().unwrap_or_default()))
        }
        Answer::Error(error) if mcp::knows_no_handshake(&error) || mcp::is_modern(&error) => {
            let dialect = Dialect::Stateless(version.to_owned());
            let params = dialect.params(Map::new());
            match first(peer, connection, ("server/discover", params), until).await? {
                Answer::Result(result) => {
                    Ok((dialect, result.get("serverInfo").cloned().unwrap_or_default()))
                }
                Answer::Error(error) => Err(program::failure(connection, &error)),
            }
        }
        Answer::Error(error) => Err(program::failure(connection, &error)),
    }
}

/// The tools of a server, all pages of them, as a description.
pub(crate) async fn describe(running: &Running, connection: &Connection) -> Result<Value, Trouble> {
    let (mut tools, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_MAX {
        let mut params = Map::new();
        params.extend(cursor.take().map(|it| ("cursor".to_owned(), it.into())));
        let mut page = running.ask(connection, "tools/list", params).await?;
        match page.get_mut("tools").map(Value::take) {
            Some(Value::Array(more)) => tools.extend(more),
            Some(_) | None => {
                return Err(Trouble::Failed(program::broken("`tools/list` gave no list")));
            }
        }
        if mcp::TOOLS_MAX < tools.len() {
            break;
        }
        cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(mcp::description(&running.about, tools));
        }
    }
    let message = format!("an MCP server has at most {} tools here", mcp::TOOLS_MAX);
    Err(Trouble::Failed(Failure::new("LimitExceeded", message)))
}
