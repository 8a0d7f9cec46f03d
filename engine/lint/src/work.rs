//! What actions do to the world, as far as the flow file alone tells.

use flow::{
    ActionId, ActionKind,
    actions::{api_connection::Target, http::HttpInputs},
};

use crate::view::View;

/// Whether an action asks a service, and may be told to come again.
pub(crate) const fn asks_service(kind: &ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::ApiConnection(_)
            | ActionKind::Http(_)
            | ActionKind::HttpWebhook(_)
            | ActionKind::Workflow(_)
            | ActionKind::SendToBatch(_)
            | ActionKind::Unsupported(_)
    )
}

/// Beginnings of the names of operations that only read.
const READING: &[&str] = &[
    "get",
    "list",
    "read",
    "search",
    "find",
    "query",
    "download",
    "lookup",
    "count",
    "retrieve",
    "export",
    "calculate",
    "parse",
    "detect",
    "recognize",
    "extract",
    "fetch",
];

/// Whether an action changes something outside the run.
pub(crate) fn writes(kind: &ActionKind) -> bool {
    match kind {
        ActionKind::ApiConnection(call) => match &call.target {
            Target::Operation(name) => {
                let name = name.to_lowercase();
                !READING.iter().any(|it| name.starts_with(it))
            }
            Target::Path { method, .. } => !is_reading(method),
        },
        ActionKind::Http(http) => method(&http.request).is_none_or(|it| !is_reading(&it)),
        ActionKind::SendToBatch(_) => true,
        _ => false,
    }
}

fn is_reading(method: &str) -> bool {
    ["get", "head", "options"].iter().any(|it| method.eq_ignore_ascii_case(it))
}

fn method(inputs: &HttpInputs) -> Option<String> {
    inputs.method.constant()?.as_str().map(str::to_owned)
}

/// Every action in a container, at any depth.
pub(crate) fn inside<'a>(view: &'a View<'_>, id: ActionId) -> impl Iterator<Item = ActionId> + 'a {
    let mut open: Vec<ActionId> = children(view, id);
    std::iter::from_fn(move || {
        let next = open.pop()?;
        open.extend(children(view, next));
        Some(next)
    })
}

fn children(view: &View<'_>, id: ActionId) -> Vec<ActionId> {
    let blocks = view.flow.action(id).kind.blocks();
    blocks.into_iter().flat_map(|it| it.actions.iter().copied()).collect()
}
