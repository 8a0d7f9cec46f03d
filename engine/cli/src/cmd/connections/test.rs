//! `flowright connections test`.

use std::time::Instant;

use anyhow::Context as _;
use base::{Failure, Timestamp};
use connector::{Call, Connection};
use http_client::{Client, InvokeOptions};
use serde_json::{Value, json};
use worker::{Clock as _, SystemClock};

use super::{args::PlaceArgs, load};
use crate::{
    Outcome,
    args::Shown,
    choice, network,
    print::{self, Tone, line, tone},
    programs,
};

pub(crate) async fn run(place: &PlaceArgs, name: &str) -> anyhow::Result<Outcome> {
    let (root, project) = load(place)?;
    let connection = choice::connection(&project, name)?;
    let client = network::client(&root, &programs::host())?;
    let now = SystemClock::default().now();
    let began = Instant::now();
    let found = ask(&client, &connection, now).await?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let works = found.is_ok();
    if place.output == Shown::Json {
        let failure = found.as_ref().err();
        print::json(&json!({
            "name": name,
            "works": works,
            "what": found.as_ref().ok(),
            "code": failure.map(|it| it.code.as_str()),
            "message": failure.map(|it| it.message.as_str()),
            "tookMs": took_ms,
        }));
    } else {
        line(match &found {
            Ok(what) => format!("{} {what} ({took_ms} ms)", tone(Tone::Good, "works:")),
            Err(failure) => {
                let (code, message) = (print::safe(&failure.code), print::safe(&failure.message));
                format!("{} {code}: {message}", tone(Tone::Bad, "does not work:"))
            }
        });
    }
    Ok(if works { Outcome::Good } else { Outcome::Bad })
}

/// Asks as the connector says, or for a token if it does not say.
async fn ask(
    client: &Client,
    connection: &Connection,
    now: Timestamp,
) -> anyhow::Result<Result<String, Failure>> {
    let Some((id, with)) = &connection.connector.connection.test else {
        return Ok(match client.check_token(connection, now).await {
            Ok(true) => Ok("a token was given; the connector names no operation to ask".to_owned()),
            Ok(false) => anyhow::bail!(
                "the connector `{}` has no `connection: test` that could be asked",
                connection.connector.name
            ),
            Err(failure) => Err(failure),
        });
    };
    let operation = connection
        .connector
        .operation(id)
        .with_context(|| format!("`{}` has no operation `{id}`", connection.connector.name))?;
    let with = if with.is_null() { json!({}) } else { with.clone() };
    let call = call(&with, now);
    let outcome = client.invoke(connection, operation, &call, InvokeOptions::default()).await;
    let status = outcome.status_code().map_or_else(String::new, |it| format!(" answered {it}"));
    Ok(match outcome.failure {
        None => Ok(format!("`{id}`{status}")),
        Some(failure) => Err(failure),
    })
}

fn call(inputs: &Value, now: Timestamp) -> Call<'_> {
    Call {
        inputs,
        idempotency_key: "connections test",
        now,
        seed: now.ticks().unsigned_abs(),
        link: None,
        callback_url: None,
    }
}
