//! Which trigger of a connector a flow's trigger means, and what it wants of it.

use base::Failure;
use connector::{
    Connector, Trigger,
    route::{self, CALLBACK_URL},
};
use expr::Template;
use flow::triggers::api_connection::ApiConnectionTrigger;
use interp::fire::{self, Event};
use serde_json::Value;

/// The connector's trigger, by its id or by the method and path of older definitions.
///
/// # Errors
/// If the connector has none such, or what the flow says cannot be evaluated.
pub(crate) fn declared<'c>(
    event: &Event<'_>,
    on: &ApiConnectionTrigger,
    connector: &'c Connector,
) -> Result<&'c Trigger, Failure> {
    if is_path(on) {
        return Ok(wanted(event, on, connector)?.0);
    }
    connector.trigger(&on.operation).ok_or_else(|| {
        let known: Vec<String> = connector.triggers.keys().map(|it| format!("`{it}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message =
            format!("`{}` has no trigger `{}`; it has {known}", connector.name, on.operation);
        Failure::new("TriggerNotFound", message)
    })
}

/// The connector's trigger, and what the flow says about the events that it wants.
///
/// # Errors
/// As [`declared`].
pub(crate) fn wanted<'c>(
    event: &Event<'_>,
    on: &ApiConnectionTrigger,
    connector: &'c Connector,
) -> Result<(&'c Trigger, Value), Failure> {
    let Some((method, path)) = on.operation.split_once(' ') else {
        let declared = declared(event, on, connector)?;
        return Ok((declared, fire::value(event, &on.parameters, "with")?));
    };
    // The connector gives the service its address.
    let event = &Event { callback_url: Some(CALLBACK_URL), ..*event };
    let mut given = fire::value(event, &on.parameters, "with")?;
    let (path, _) = Template::parse(path, event.flow.dialect);
    let path = path.eval(event).map_err(|error| Failure::new(error.code, error.message))?;
    if let Value::Object(given) = &mut given {
        given.insert("method".to_owned(), method.into());
        given.insert("path".to_owned(), path);
    }
    route::find_trigger(connector, &given)
}

/// Whether a trigger names method and path in place of an id.
fn is_path(on: &ApiConnectionTrigger) -> bool {
    on.operation.contains(' ')
}
