//! Whether connections can be used: what is known of them, and what their services say when asked.

use base::{Failure, Timestamp};
use connector::{Call, Connection, auth};
use http_client::{Client, InvokeOptions};
use serde_json::{Value, json};

use crate::live::Entry;

/// What is known of a connection without asking its service: `{name, connector, auth, grant,
/// loggedIn, usable, problem}`. Nothing of it is secret.
pub async fn describe(client: &Client, name: &str, entry: &Entry) -> Value {
    let mut shown = json!({ "name": name, "connector": entry.connector });
    let mut set = |key: &str, value: Value| shown[key] = value;
    let connection = match &entry.connection {
        Ok(connection) => connection,
        Err(failure) => {
            set("usable", false.into());
            set("problem", failure.message.as_str().into());
            return shown;
        }
    };
    let grant = auth::grant(connection);
    set("auth", connection.auth().kind().into());
    set("grant", grant.map_or(Value::Null, |it| it.name().into()));
    if !grant.is_some_and(auth::Grant::needs_login) {
        set("loggedIn", Value::Null);
        set("usable", true.into());
        set("problem", Value::Null);
        return shown;
    }
    let missing = || format!("nobody has logged in; run `flowright connections login {name}`");
    let (is_in, problem) = match client.has_login(connection).await {
        Ok(true) => (true, Value::Null),
        Ok(false) => (false, missing().into()),
        Err(failure) => (false, failure.message.into()),
    };
    set("loggedIn", is_in.into());
    set("usable", is_in.into());
    set("problem", problem);
    shown
}

/// Asks the service behind a connection as its connector says, or for a token if it does not say.
/// Gives what was asked.
///
/// # Errors
/// As the service says, or `NothingToAsk`.
pub async fn test(
    client: &Client,
    connection: &Connection,
    now: Timestamp,
) -> Result<String, Failure> {
    let connector = &connection.connector;
    let Some((id, with)) = &connector.connection.test else {
        return if client.check_token(connection, now).await? {
            Ok("a token was given; the connector names no operation to ask".to_owned())
        } else {
            let name = &connector.name;
            let message =
                format!("the connector `{name}` has no `connection: test` that could be asked");
            Err(Failure::new("NothingToAsk", message))
        };
    };
    let operation = connector.operation(id).ok_or_else(|| {
        let message = format!("`{}` has no operation `{id}`", connector.name);
        Failure::new("OperationNotFound", message)
    })?;
    let with = if with.is_null() { json!({}) } else { with.clone() };
    let call = Call {
        inputs: &with,
        idempotency_key: "connections test",
        now,
        seed: now.ticks().unsigned_abs(),
        link: None,
        callback_url: None,
    };
    let outcome = client.invoke(connection, operation, &call, InvokeOptions::default()).await;
    let status = outcome.status_code().map_or_else(String::new, |it| format!(" answered {it}"));
    outcome.failure.map_or_else(|| Ok(format!("`{id}`{status}")), Err)
}
