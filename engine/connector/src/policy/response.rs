//! Policies done to answers.

use base::{Failure, HttpResponse};
use serde_json::Value;

use super::{Exists, Kind, Policy, Section, body, moment::Moment};
use crate::{connection::Connection, model::Operation, request::Call};

/// The answer as the policies make it.
///
/// # Errors
/// If a policy needs what is not there.
pub fn respond(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    mut response: HttpResponse,
) -> Result<HttpResponse, Failure> {
    let is_failure = 400 <= response.status;
    let wanted = |it: &&Policy| match it.section {
        Section::Request => false,
        Section::Response => it.is_for(&operation.id),
        Section::Failure => is_failure && it.is_for(&operation.id),
    };
    let policies: Vec<&Policy> = connection.connector.policies.iter().filter(wanted).collect();
    if policies.is_empty() {
        return Ok(response);
    }
    for policy in policies {
        let headers = response.headers.clone();
        let moment = |body| Moment {
            connection,
            secrets: false,
            query: &[],
            headers: &headers,
            body,
            item: None,
            now: call.now,
        };
        match &policy.kind {
            Kind::Header { name, value, exists } => {
                let body = response.body_value();
                let value = value.text(&moment(&body))?;
                set_header(&mut response, name, value, *exists);
            }
            Kind::Body(change) => {
                // A body that is no JSON has no members.
                let Ok(mut tree) = serde_json::from_slice::<Value>(&response.body) else {
                    continue;
                };
                body::change(change, &mut tree, &moment(&Value::Null))?;
                response.body = tree.to_string().into_bytes();
            }
            Kind::Query { .. } | Kind::Host(_) | Kind::Route { .. } | Kind::Lookup { .. } => {}
        }
    }
    Ok(response)
}

fn set_header(response: &mut HttpResponse, name: &str, value: String, exists: Exists) {
    let known = response.header(name).map(str::to_owned);
    let value = match (known, exists) {
        (Some(_), Exists::Skip) => return,
        (Some(known), Exists::Append) => format!("{known},{value}"),
        (Some(_), Exists::Override) | (None, _) => value,
    };
    response.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    response.headers.push((name.to_owned(), value));
}
