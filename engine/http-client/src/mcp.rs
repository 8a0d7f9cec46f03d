//! MCP servers that are asked over the network: one request, one answer, with or without a session.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use base::{ErrorClass, Failure, HttpResponse, Outcome, Timestamp};
use connector::{
    Call, Connection, Operation,
    program::{self, Meta, Wanted, mcp},
    response,
};
use serde_json::{Map, Value, json};

use crate::{
    client::Client,
    invoke::{InvokeOptions, Trouble},
};

/// What we call ourselves.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Pages of a list of tools.
const PAGES_MAX: usize = 1_000;

/// How servers have agreed to be asked, by connection.
#[derive(Default)]
pub(crate) struct Sessions {
    slots: Mutex<BTreeMap<String, Slot>>,
    next_id: AtomicU64,
}

type Slot = Arc<tokio::sync::Mutex<Option<Session>>>;

/// How a server has agreed to be asked.
#[derive(Clone, Debug, PartialEq)]
struct Session {
    version: &'static str,
    /// Its own name for the session, if it keeps one.
    id: Option<String>,
    /// What the server says of itself.
    server: Value,
}

/// One message of ours.
struct Sent<'a> {
    method: &'a str,
    params: Map<String, Value>,
    /// Further headers.
    headers: Vec<(String, String)>,
}

/// What a call is made with.
#[derive(Clone, Copy)]
struct Asking<'a> {
    connection: &'a Connection,
    call: &'a Call<'a>,
    options: InvokeOptions<'a>,
}

/// What came back.
enum Answer {
    Result(Value),
    Error(Value),
    /// A response that is no message.
    Other(HttpResponse),
}

impl Client {
    pub(crate) async fn ask_mcp(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<Outcome, Trouble> {
        let asking = Asking { connection, call, options };
        let limit = connection.connector.program.as_ref().map(|it| it.limits.call);
        let deadline_ms = limit.and_then(|it| u64::try_from(it.to_std().as_millis()).ok());
        let wanted = Wanted { items_min: options.items_min, attempt: options.attempt };
        let meta = Meta { wanted, deadline_ms: deadline_ms.unwrap_or_default() };
        let question = program::ask(connection, operation, call, meta)?;
        let mut headers = mcp::param_headers(operation, call);
        headers.push(("Mcp-Name".to_owned(), mcp::header_value(&operation.path)));
        let sent = Sent { method: &question.method, params: question.params, headers };
        match self.ask_in_session(asking, sent).await? {
            Answer::Result(result) => Ok(program::read(connection, operation, call, result)),
            Answer::Error(error) => Ok(Outcome::failed(program::failure(connection, &error))),
            Answer::Other(response) => Ok(unexpected(asking, operation, &response)),
        }
    }

    pub(crate) async fn describe_mcp(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Value, Trouble> {
        let call = Call {
            inputs: &Value::Null,
            idempotency_key: "",
            now,
            seed: 0,
            link: None,
            callback_url: None,
        };
        let asking = Asking { connection, call: &call, options: InvokeOptions::default() };
        let (mut tools, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let mut params = Map::new();
            params.extend(cursor.take().map(|it| ("cursor".to_owned(), it.into())));
            let sent = Sent { method: "tools/list", params, headers: Vec::new() };
            let mut page = self.result(asking, sent).await?;
            match page.get_mut("tools").map(Value::take) {
                Some(Value::Array(more)) => tools.extend(more),
                Some(_) | None => return Err(program::broken("`tools/list` gave no list").into()),
            }
            if mcp::TOOLS_MAX < tools.len() {
                break;
            }
            cursor = page.get("nextCursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                let session = self.session(asking).await?;
                return Ok(mcp::description(&session.server, tools));
            }
        }
        let message = format!("an MCP server has at most {} tools here", mcp::TOOLS_MAX);
        Err(Failure::new("LimitExceeded", message).into())
    }

    async fn result(&self, asking: Asking<'_>, sent: Sent<'_>) -> Result<Value, Trouble> {
        match self.ask_in_session(asking, sent).await? {
            Answer::Result(result) => Ok(result),
            Answer::Error(error) => Err(program::failure(asking.connection, &error).into()),
            Answer::Other(response) => Err(refused(asking, &response).into()),
        }
    }

    /// Asks; a session that the server has forgotten is begun anew once.
    async fn ask_in_session(&self, asking: Asking<'_>, sent: Sent<'_>) -> Result<Answer, Trouble> {
        let session = self.session(asking).await?;
        let (status, answer) = self.message(asking, &session, &sent).await?;
        // Nothing was done in a session that is not known.
        if status != 404 || session.id.is_none() {
            return Ok(answer);
        }
        let slot = self.slot(asking.connection);
        let mut kept = slot.lock().await;
        if kept.as_ref() == Some(&session) {
            *kept = None;
        }
        drop(kept);
        let session = self.session(asking).await?;
        Ok(self.message(asking, &session, &sent).await?.1)
    }

    fn slot(&self, connection: &Connection) -> Slot {
        let sessions = &self.inner.sessions;
        let mut slots = sessions.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(connection.name.clone()).or_default())
    }

    /// How the server is asked: as agreed before, or as is agreed now.
    async fn session(&self, asking: Asking<'_>) -> Result<Session, Trouble> {
        let slot = self.slot(asking.connection);
        let mut kept = slot.lock().await;
        if let Some(session) = &*kept {
            return Ok(session.clone());
        }
        let session = self.agree(asking).await?;
        *kept = Some(session.clone());
        Ok(session)
    }

    async fn agree(&self, asking: Asking<'_>) -> Result<Session, Trouble> {
        let Value::Object(params) = mcp::initialize(VERSION) else { return Ok(stateless()) };
        let id = self.next_id();
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": "initialize", "params": params });
        let response = self.post(asking, &message, Vec::new()).await?;
        match mcp::message(&response, id) {
            Some(answer) if answer.get("result").is_some() => {
                let result = answer.get("result").unwrap_or(&Value::Null);
                let session = Session {
                    version: mcp::chosen(result)?,
                    id: response.header("mcp-session-id").map(str::to_owned),
                    server: result.get("serverInfo").cloned().unwrap_or_default(),
                };
                let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
                let response = self.post(asking, &ready, session_headers(&session)).await?;
                if 400 <= response.status {
                    return Err(refused(asking, &response).into());
                }
                Ok(session)
            }
            Some(answer) => {
                let error = answer.get("error").unwrap_or(&Value::Null);
                if mcp::knows_no_handshake(error) || mcp::is_modern(error) {
                    return Ok(stateless());
                }
                Err(program::failure(asking.connection, error).into())
            }
            None => Err(refused(asking, &response).into()),
        }
    }

    fn next_id(&self) -> u64 {
        self.inner.sessions.next_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn message(
        &self,
        asking: Asking<'_>,
        session: &Session,
        sent: &Sent<'_>,
    ) -> Result<(u16, Answer), Trouble> {
        let id = self.next_id();
        let mut headers = session_headers(session);
        let mut params = sent.params.clone();
        if session.version == mcp::STATELESS {
            params = mcp::stateless(params, VERSION);
            headers.push(("Mcp-Method".to_owned(), sent.method.to_owned()));
            headers.extend(sent.headers.iter().cloned());
        }
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": sent.method, "params": params });
        let response = self.post(asking, &message, headers).await?;
        let answer = match mcp::message(&response, id) {
            Some(mut answer) => match answer.get_mut("result").map(Value::take) {
                Some(result) => Answer::Result(result),
                None => Answer::Error(answer.get_mut("error").map(Value::take).unwrap_or_default()),
            },
            None => Answer::Other(response.clone()),
        };
        Ok((response.status, answer))
    }

    async fn post(
        &self,
        Asking { connection, call, options }: Asking<'_>,
        message: &Value,
        headers: Vec<(String, String)>,
    ) -> Result<HttpResponse, Trouble> {
        let mut all = vec![("Accept".to_owned(), "application/json, text/event-stream".to_owned())];
        all.extend(headers);
        let (operation, inputs) = mcp::post(message, &all);
        let call = Call { inputs: &inputs, callback_url: None, ..*call };
        Ok(self.exchange((connection, &operation), &call, options).await?.response)
    }
}

fn stateless() -> Session {
    Session { version: mcp::STATELESS, id: None, server: Value::Null }
}

fn session_headers(session: &Session) -> Vec<(String, String)> {
    let version = ("MCP-Protocol-Version".to_owned(), session.version.to_owned());
    let id = session.id.iter().map(|id| ("Mcp-Session-Id".to_owned(), id.clone()));
    std::iter::once(version).chain(id).collect()
}

/// A response that is no message, as the connector's rules about errors see it.
fn unexpected(asking: Asking<'_>, operation: &Operation, response: &HttpResponse) -> Outcome {
    if response.status < 400 {
        return Outcome::failed(refused(asking, response));
    }
    response::read(asking.connection, operation, asking.call, response)
}

fn refused(asking: Asking<'_>, response: &HttpResponse) -> Failure {
    let class = match response.status {
        0..400 => ErrorClass::Permanent,
        status => ErrorClass::of_status(status),
    };
    let message = format!(
        "the MCP server of `{}` answered {} and no message of the protocol",
        asking.connection.name, response.status
    );
    Failure::of_class(class, base::http::status_name(response.status), message)
}
