//! A retry policy that does not help.

use base::{Diagnostic, Duration, Sink, Span, code};
use flow::{Action, ActionId, ActionKind, RetryPolicy, actions::api_connection::Target};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
    work::asks_service,
};

pub(super) const RULE: Rule = Rule {
    code: code::BAD_RETRY_POLICY,
    phase: Phase::File,
    summary: "A retry policy that does nothing, gives up at once, or does not fit into the time there is.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let Some(policy) = &action.retry else { return };
    let fault = if !asks_service(&action.kind) {
        Some(("this action asks no service: nothing is ever tried again".to_owned(), "remove it"))
    } else if *policy == RetryPolicy::None && !is_unrepeatable(action) {
        let message = "a fault that would pass in a second fails this action";
        Some((message.to_owned(), "leave the policy out: the usual one tries four times more"))
    } else {
        too_long(action, policy)
    };
    if let Some((message, hint)) = fault {
        sink.push(Diagnostic::new(RULE.code, place(view, action), message).hint(hint));
    }
}

/// A call that does something a second time when it is made a second time may be made once only.
fn is_unrepeatable(action: &Action) -> bool {
    match &action.kind {
        ActionKind::ApiConnection(call) => match &call.target {
            Target::Operation(_) => false,
            Target::Path { method, .. } => method.eq_ignore_ascii_case("post"),
        },
        ActionKind::Http(http) => {
            let method = http.request.method.constant();
            method.and_then(|it| it.as_str().map(|it| it.eq_ignore_ascii_case("post")))
                == Some(true)
        }
        _ => true,
    }
}

fn too_long(action: &Action, policy: &RetryPolicy) -> Option<(String, &'static str)> {
    let timeout = action.timeout?;
    let pauses = pauses(policy);
    (timeout < pauses).then(|| {
        let message =
            format!("the pauses take {pauses} in all, and the action is given up after {timeout}");
        (message, "make the time longer, or the pauses fewer or shorter")
    })
}

/// All pauses together.
fn pauses(policy: &RetryPolicy) -> Duration {
    let all = match policy {
        RetryPolicy::None => 0,
        RetryPolicy::Fixed { count, interval } => {
            interval.ticks().saturating_mul(i64::try_from(*count).unwrap_or(i64::MAX))
        }
        RetryPolicy::Exponential { count, interval, minimum, maximum } => (0_u32..)
            .take(*count)
            .map(|times| {
                let pause = interval.doubled(times);
                let pause = minimum.map_or(pause, |it| pause.max(it));
                maximum.map_or(pause, |it| pause.min(it)).ticks()
            })
            .fold(0, i64::saturating_add),
    };
    Duration::from_ticks(all)
}

fn place(view: &View<'_>, action: &Action) -> Span {
    let entry = view.locator().entry(action.name_span, &["retryPolicy"]);
    entry.map_or(action.name_span, |it| it.key.span)
}
