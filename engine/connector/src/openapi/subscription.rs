//! Webhooks: how a service is told where to deliver, and told to stop.

use std::collections::BTreeMap;

use base::limits;
use serde_json::Value;

use super::{Import, document::Found};
use crate::{
    model::{Operation, Place},
    policy::quote,
    trigger::{Cardinality, Receive, Subscription, SubscriptionCall, TriggerKind, Verify, Webhook},
};

impl Import<'_> {
    /// A webhook: the operation subscribes, and what its answer names is removed in the end.
    pub(super) fn webhook(
        &mut self,
        found: &Found<'_>,
        id: &str,
        operations: &BTreeMap<String, Operation>,
        schema: Option<Value>,
    ) -> TriggerKind {
        let mut webhook = unset();
        let delete = operations.get(id).and_then(|it| removal(it, operations));
        if delete.is_none() && !names_location(found) {
            self.report.warn(format!(
                "`{id}`: nothing says how the subscription is taken back; if the answer has a \
                 `Location`, that is removed"
            ));
        }
        let create = SubscriptionCall {
            operation: id.to_owned(),
            with: tree("@inputs()"),
            id: Some(super::template(
                "@if(empty(headers('Location')), coalesce(bodyAt('id'), bodyAt('Id'), \
                 bodyAt('data/id')), headers('Location'))",
            )),
        };
        webhook.subscription = Some(Subscription {
            create: Some(create),
            delete,
            by_location: true,
            ..Subscription::default()
        });
        webhook.receive.body = schema;
        TriggerKind::Webhook(Box::new(webhook))
    }
}

/// A webhook of which nothing else is said: deliveries prove themselves by their address.
pub(super) fn unset() -> Webhook {
    Webhook {
        cardinality: Cardinality::PerFlow,
        subscription: None,
        receive: Receive {
            status: 200,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            verify: Verify::UrlSecret,
            handshakes: Vec::new(),
            body: None,
            case_insensitive: false,
            dedupe: None,
            filter: None,
        },
    }
}

/// Whether an answer is said to have a `Location`.
fn names_location(found: &Found<'_>) -> bool {
    let responses = found.operation.get("responses").and_then(Value::as_object);
    responses.into_iter().flatten().any(|(_, it)| {
        let headers = it.get("headers").and_then(Value::as_object);
        headers.into_iter().flatten().any(|(name, _)| name.eq_ignore_ascii_case("location"))
    })
}

/// The operation that removes what another makes: `DELETE` at its path and one parameter more.
fn removal(
    create: &Operation,
    operations: &BTreeMap<String, Operation>,
) -> Option<SubscriptionCall> {
    let below = |path: &str| {
        let rest = path.strip_prefix(create.path.trim_end_matches('/'))?;
        let name = rest.trim_end_matches('/').strip_prefix("/{")?.strip_suffix('}')?;
        (!name.contains(['/', '{', '}'])).then(|| name.to_owned())
    };
    let mut found = operations.values().filter(|it| it.method == "DELETE").filter_map(|it| {
        let name = below(&it.path)?;
        Some((it, name))
    });
    let (delete, name) = found.next()?;
    let known = |wanted: &str| create.params.iter().any(|it| it.name == wanted);
    let mut with = Vec::new();
    for param in &delete.params {
        let key = expr::Key::Plain(param.name.clone());
        if param.name == name && param.place == Place::Path {
            with.push((key, tree("@subscription('id')")));
        } else if known(&param.name) {
            with.push((key, tree(&format!("@input({})", quote(&param.name)))));
        } else if param.required && param.default.is_none() {
            return None;
        }
    }
    Some(SubscriptionCall {
        operation: delete.id.clone(),
        with: expr::Tree::Object(with.into()),
        id: None,
    })
}

/// A value that is one expression.
pub(super) fn tree(text: &str) -> expr::Tree {
    expr::Tree::Template(expr::Placed {
        template: super::template(text),
        span: base::Span::default(),
        verbatim_at: None,
    })
}
