//! An HTTP response as the outcome of a call.

use base::{ErrorClass, Failure, HttpResponse, Outcome, Timestamp, http};
use serde_json::{Value, json};

use crate::{
    connection::Connection,
    inputs::Inputs,
    model::{ErrorRule, Operation},
    request::Call,
    scope::{Answer, Scope},
};

/// What came of a call: the outputs that flows see, and the failure if it is one.
pub fn read(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    response: &HttpResponse,
) -> Outcome {
    let answer = Answer::new(response);
    let mut outputs = json!({
        "statusCode": answer.status,
        "headers": answer.headers,
        "body": answer.body,
    });
    // The request was built of the same inputs, so they fit.
    let inputs = Inputs::sort(operation, call.inputs).unwrap_or_default();
    let scope = Scope {
        inputs: Some(&inputs.values),
        answer: Some(&answer),
        ..Scope::of_call(connection, call)
    };
    if !is_success(operation, response.status) {
        let failure = failure(connection, &scope, response, call.now);
        return Outcome { outputs: Some(outputs), failure: Some(failure) };
    }
    match operation.output.as_ref().map(|output| scope.eval_tree(output)) {
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
    let rule = connector.errors.iter().find(|it| applies(it, response.status, code.as_deref()));
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
    failure
}

fn applies(rule: &ErrorRule, status: u16, code: Option<&str>) -> bool {
    (rule.status.is_empty() || rule.status.contains(&status))
        && rule.code.as_deref().is_none_or(|wanted| code == Some(wanted))
}

/// The body in the outputs of an outcome.
pub(crate) fn body(outcome: &Outcome) -> &Value {
    outcome.outputs.as_ref().and_then(|it| it.get("body")).unwrap_or(&Value::Null)
}
