//! An HTTP response as the outcome of a call.

use base::{Duration, ErrorClass, Failure, HttpResponse, Outcome, Timestamp, http};
use serde_json::{Value, json};

use crate::{
    connection::Connection,
    inputs::Inputs,
    model::{After, ErrorRule, Operation, RetryHint},
    request::Call,
    scope::{Answer, Scope},
    shape::{self, Nulls},
};

/// What came of a call: the outputs that flows see, and the failure if it is one.
pub fn read(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    response: &HttpResponse,
) -> Outcome {
    read_answer((connection, operation), call, response, &Answer::new(response))
}

/// The same of an answer whose body may be other than the response's: that of all pages.
pub(crate) fn read_answer(
    (connection, operation): (&Connection, &Operation),
    call: &Call<'_>,
    response: &HttpResponse,
    answer: &Answer,
) -> Outcome {
    let mut outputs = json!({
        "statusCode": answer.status,
        "headers": answer.headers,
        "body": answer.body,
    });
    // The request was built of the same inputs, so they fit.
    let inputs = Inputs::sort(operation, call.inputs).unwrap_or_default();
    let scope = Scope {
        inputs: Some(&inputs.values),
        answer: Some(answer),
        ..Scope::of_call(connection, call)
    };
    if !is_success(operation, response.status) {
        let failure = failure(connection, &scope, response, call.now);
        return Outcome { outputs: Some(outputs), failure: Some(failure) };
    }
    match operation.output.as_ref().map(|it| shape::eval(&scope, it, Nulls::Keep)) {
        None => Outcome::succeeded(outputs),
        Some(Ok(body)) => {
            outputs["body"] = body;
            Outcome::succeeded(outputs)
        }
        Some(Err(failure)) => Outcome { outputs: Some(outputs), failure: Some(failure) },
    }
}

pub(crate) fn is_success(operation: &Operation, status: u16) -> bool {
    if operation.success.is_empty() {
        (200..300).contains(&status)
    } else {
        operation.success.contains(&status)
    }
}

fn failure(
    connection: &Connection,
    scope: &Scope<'_>,
    response: &HttpResponse,
    now: Timestamp,
) -> Failure {
    let connector = &connection.connector;
    // A service that is in trouble answers with anything; then the expressions find nothing.
    let text = |template: Option<&expr::Template>| {
        template.and_then(|it| scope.text(it).ok().flatten()).filter(|it| !it.is_empty())
    };
    let code = text(connector.error_code.as_ref());
    let said = (response.status, code.as_deref());
    let rule = connector.errors.iter().find(|it| applies(it, said, scope));
    let class = rule.map_or_else(|| ErrorClass::of_status(response.status), |it| it.class);
    let said = text(rule.and_then(|it| it.message.as_ref()))
        .or_else(|| text(connector.error_message.as_ref()));
    let message = match (said, code) {
        (Some(said), Some(code)) => format!("{said} ({code})"),
        (Some(said), None) => said,
        (None, Some(code)) => format!("the service answered {} ({code})", response.status),
        (None, None) => format!("the service answered {}", response.status),
    };
    // Services repeat what they were sent, keys included.
    let message = connection.redact(&message);
    let mut failure = Failure::of_class(class, http::status_name(response.status), message);
    failure.retry_after = response.header("retry-after").and_then(|it| http::retry_after(it, now));
    if let Some(hint) = rule.and_then(|it| it.retry.as_ref()) {
        failure.retry_after = asked_pause(hint, scope, response, now).or(failure.retry_after);
        failure.retries_max = hint.max.and_then(|it| u32::try_from(it).ok());
    }
    failure
}

fn applies(rule: &ErrorRule, (status, code): (u16, Option<&str>), scope: &Scope<'_>) -> bool {
    (rule.status.is_empty() || rule.status.contains(&status))
        && (rule.codes.is_empty() || code.is_some_and(|it| rule.codes.iter().any(|own| own == it)))
        && rule.test.as_ref().is_none_or(|it| scope.eval(it) == Ok(Value::Bool(true)))
}

/// The pause that a connector reads in an answer.
fn asked_pause(
    hint: &RetryHint,
    scope: &Scope<'_>,
    response: &HttpResponse,
    now: Timestamp,
) -> Option<Duration> {
    match hint.after.as_ref()? {
        After::Header(name) => pause(&response.header(name)?.into(), now),
        After::Text(template) => pause(&scope.eval(template).ok()?, now),
    }
}

/// A pause as services write it: seconds, `PT60S`, or the instant at which it ends.
pub(crate) fn pause(value: &Value, now: Timestamp) -> Option<Duration> {
    let found = match value {
        Value::Number(number) if number.as_i64().is_none() => {
            Duration::parse_iso(&format!("PT{:.3}S", number.as_f64()?))?
        }
        Value::String(text) => match Duration::parse_iso(text.trim()) {
            Some(pause) => pause,
            None => short(value).or_else(|| Some(instant(value)?.since(now)))?,
        },
        Value::Number(_) => short(value).or_else(|| Some(instant(value)?.since(now)))?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(found.max(Duration::ZERO))
}

/// What seconds since 1970 are from on, and no pause is.
const INSTANT_MIN: i64 = 1_000_000_000;
/// The same in milliseconds: 1973 in these, 5138 in seconds.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Seconds of a pause.
fn short(value: &Value) -> Option<Duration> {
    whole(value).filter(|it| *it < INSTANT_MIN).map(Duration::seconds)
}

/// An instant as services write it: ISO 8601, as headers have it, seconds or milliseconds since 1970.
pub(crate) fn instant(value: &Value) -> Option<Timestamp> {
    let epoch = Timestamp::default();
    if let Some(count) = whole(value) {
        let since = if MILLISECONDS_MIN <= count {
            Duration::milliseconds(count)
        } else {
            Duration::seconds(count)
        };
        return (INSTANT_MIN <= count).then(|| epoch.after(since));
    }
    let text = value.as_str()?.trim();
    Timestamp::parse(text).or_else(|| Some(epoch.after(http::retry_after(text, epoch)?)))
}

/// The body in the outputs of an outcome.
pub(crate) fn body(outcome: &Outcome) -> &Value {
    outcome.outputs.as_ref().and_then(|it| it.get("body")).unwrap_or(&Value::Null)
}
