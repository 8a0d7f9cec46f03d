//! A request that everybody on the way can read.

use base::{Diagnostic, Sink, Span, code};
use expr::Tree;
use flow::{ActionId, ActionKind, Trigger, TriggerKind, actions::http::HttpInputs};

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::INSECURE_TRANSPORT,
    phase: Phase::File,
    summary: "A request goes over `http://`, where everybody on the way can read and change it.",
    hooks: Hooks { action: Some(action), trigger: Some(trigger), ..Hooks::NONE },
};

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    match &action.kind {
        ActionKind::Http(it) => check(view, action.name_span, &it.request, sink),
        ActionKind::HttpWebhook(it) => {
            check(view, action.name_span, &it.subscribe, sink);
            if let Some(request) = &it.unsubscribe {
                check(view, action.name_span, request, sink);
            }
        }
        _ => {}
    }
}

fn trigger(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    match &trigger.kind {
        TriggerKind::Http(it) => check(view, trigger.span, &it.request, sink),
        TriggerKind::HttpWebhook(it) => check(view, trigger.span, &it.subscribe, sink),
        _ => {}
    }
}

const SCHEME: &str = "http://";

/// Hosts that are this machine.
const OWN: &[&str] = &["localhost", "127.0.0.1", "[", "host.docker.internal"];

fn check(view: &View<'_>, name: Span, request: &HttpInputs, sink: &mut Sink) {
    let (text, at) = match &request.uri {
        Tree::Value(value) => match value.as_str() {
            Some(text) => (text, None),
            None => return,
        },
        Tree::Template(placed) => (placed.template.source(), Some(placed)),
        Tree::Array(_) | Tree::Object(_) => return,
    };
    let Some(rest) = text.get(..SCHEME.len()).filter(|it| it.eq_ignore_ascii_case(SCHEME)) else {
        return;
    };
    let host = text.get(rest.len()..).unwrap_or("");
    let host = host.split(['/', ':', '?']).next().unwrap_or("").to_ascii_lowercase();
    let allowed = view.settings.texts(RULE.code.slug, "allow");
    if OWN.contains(&host.as_str()) || allowed.contains(&host.as_str()) {
        return;
    }
    let span = match at {
        Some(placed) => placed.span,
        None => view.locator().text(name, text).unwrap_or(name),
    };
    let found = Diagnostic::new(RULE.code, span, "everybody on the way can read this request");
    let written = view.source.text().get(span.start..span.end).unwrap_or("");
    let scheme = written.find(SCHEME).filter(|it| *it <= 1).map(|it| span.start + it);
    sink.push(match scheme {
        Some(start) => {
            let scheme = Span::new(start, start + SCHEME.len());
            found.hint("use `https://`").unsafe_fix(scheme, "https://", "Use `https://`")
        }
        None => found.hint("use `https://`"),
    });
}
