//! Something that is made anew each time is tried again.

use base::{Diagnostic, Sink, code};
use connector::model::{Effect, Idempotency};
use expr::{Key, Tree};
use flow::{Action, ActionId, ActionKind, RetryPolicy, actions::http::HttpInputs};
use serde_json::Value;

use crate::{
    rule::{Hooks, Phase, Rule},
    service::Access,
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::NON_IDEMPOTENT_RETRY,
    phase: Phase::Project,
    summary: "A call that makes something new each time is tried again by a policy of its own.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

/// Headers by which services know a request again.
const KEYS: &[&str] = &["idempotency-key", "repeatability-request-id", "x-idempotency-key"];

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    match &action.retry {
        Some(RetryPolicy::Fixed { .. } | RetryPolicy::Exponential { .. }) => {}
        Some(RetryPolicy::None) | None => return,
    }
    let (span, what, hint) = match &action.kind {
        ActionKind::Http(it) if posts(&it.request) => (
            action.name_span,
            "a `POST`".to_owned(),
            "send a header such as `Idempotency-Key: {{run.id}}` if the service knows it, else \
             write `retryPolicy: none` and look what is there before",
        ),
        _ => {
            let Some(access) = Access::of(view, id).filter(makes_new) else { return };
            (
                access.call.target_span,
                format!("`{}`", access.operation),
                "use an operation that updates or inserts, or look what is there before and write \
                 `retryPolicy: none`",
            )
        }
    };
    let message = format!("{what} that fails after it was done is done twice by this policy");
    sink.push(
        Diagnostic::new(RULE.code, span, message)
            .hint(hint)
            .label(retry_place(view, action), "what repeats it"),
    );
}

fn retry_place(view: &View<'_>, action: &Action) -> base::Span {
    let entry = view.locator().entry(action.name_span, &["retryPolicy"]);
    entry.map_or(action.name_span, |it| it.key.span)
}

/// Whether the service cannot know a repetition.
fn makes_new(access: &Access<'_>) -> bool {
    match access.known {
        Some((_, operation)) => {
            matches!(operation.effect, Effect::Create | Effect::Action)
                && matches!(operation.idempotency, Idempotency::None)
        }
        None => access.effect == Effect::Create,
    }
}

fn posts(request: &HttpInputs) -> bool {
    let is_post = request
        .method
        .constant()
        .is_some_and(|it| it.as_str().is_some_and(|it| it.eq_ignore_ascii_case("POST")));
    let is_key = |name: &str| KEYS.iter().any(|it| name.eq_ignore_ascii_case(it));
    let has_key = match &request.headers {
        Some(Tree::Value(Value::Object(map))) => map.keys().any(|it| is_key(it)),
        Some(Tree::Object(entries)) => entries.iter().any(|(key, _)| match key {
            Key::Plain(key) => is_key(key),
            Key::Computed(_) => true,
        }),
        Some(Tree::Template(_)) => true,
        Some(Tree::Value(_) | Tree::Array(_)) | None => false,
    };
    // What asks for a token or searches changes nothing.
    let asks = request.uri.constant().and_then(|it| it.as_str().map(str::to_lowercase));
    let asks = asks.is_some_and(|it| it.contains("/token") || it.contains("/search"));
    is_post && !has_key && !asks
}
