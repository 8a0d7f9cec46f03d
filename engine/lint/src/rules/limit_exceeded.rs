//! More, longer or deeper than this program allows, or the cloud that the flow is for.

use base::{Diagnostic, Sink, Span, code};
use expr::Dialect;
use flow::{ActionId, ActionKind, actions::variables::Variables, lint::Target};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::LIMIT_EXCEEDED,
    phase: Phase::File,
    summary: "More, longer or deeper than this program allows, or the cloud that the flow is for.",
    hooks: Hooks {
        flow: Some(flow),
        action: Some(action),
        expression: Some(expression),
        ..Hooks::NONE
    },
};

// The limits of the clouds; this program's own are checked when a file is read.
const ACTIONS_MAX: usize = 500;
const NESTING_MAX: usize = 8;
const CASES_MAX: usize = 25;
const VARIABLES_MAX: usize = 250;
const NAME_CHARS_MAX: usize = 80;
const DESCRIPTION_CHARS_MAX: usize = 256;
const EXPRESSION_CHARS_MAX: usize = 8_192;
const CONCURRENCY_MAX: usize = 50;
const PARAMETERS_MAX: usize = 50;
const OUTPUTS_MAX: usize = 10;

/// The cloud that a flow is checked for, by name; none for this program.
fn cloud(view: &View<'_>) -> Option<&'static str> {
    match view.settings.target() {
        Target::Flowright => None,
        Target::PowerAutomate => Some("Power Automate"),
        Target::LogicApps => Some("Logic Apps"),
    }
}

fn over(sink: &mut Sink, cloud: &str, span: Span, what: &str, (count, most): (usize, usize)) {
    if most < count {
        let message = format!("{what}: {count}, of which {cloud} allows {most}");
        sink.push(Diagnostic::new(RULE.code, span, message));
    }
}

fn flow(view: &View<'_>, sink: &mut Sink) {
    let Some(cloud) = cloud(view) else { return };
    let flow = view.flow;
    let start = Span::new(0, 0);
    let place = |id: usize| flow.actions.get(id).map_or(start, |it| it.name_span);
    over(sink, cloud, place(ACTIONS_MAX), "actions", (flow.actions.len(), ACTIONS_MAX));
    let declared = flow.actions.iter().filter_map(|it| match &it.kind {
        ActionKind::Variables(Variables::Initialize(declared)) => Some(declared),
        _ => None,
    });
    let declared: Vec<Span> = declared.flatten().map(|it| it.span).collect();
    let last = declared.get(VARIABLES_MAX).copied().unwrap_or(start);
    over(sink, cloud, last, "variables", (declared.len(), VARIABLES_MAX));
    if let Some(second) = flow.triggers.get(1) {
        over(sink, cloud, second.span, "triggers", (flow.triggers.len(), 1));
    }
    let description = flow.description.as_deref().unwrap_or("");
    let length = description.chars().count();
    over(sink, cloud, start, "characters of the description", (length, DESCRIPTION_CHARS_MAX));
    for trigger in &flow.triggers {
        let length = trigger.display.chars().count();
        over(sink, cloud, trigger.span, "characters of the name", (length, NAME_CHARS_MAX));
    }
    if view.settings.target() == Target::LogicApps {
        let n_parameters = flow.parameters.len();
        let last = flow.parameters.last().map_or(start, |it| it.span);
        over(sink, cloud, last, "parameters", (n_parameters, PARAMETERS_MAX));
        over(sink, cloud, start, "outputs", (flow.outputs.len(), OUTPUTS_MAX));
    }
}

fn action(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let Some(cloud) = cloud(view) else { return };
    let action = view.flow.action(id);
    let at = action.name_span;
    let around = view.flow.ancestors(id).count();
    // Only the first that is too deep.
    if around == NESTING_MAX + 1 {
        over(sink, cloud, at, "containers around an action", (around, NESTING_MAX));
    }
    let length = action.display.chars().count();
    over(sink, cloud, at, "characters of the name", (length, NAME_CHARS_MAX));
    let length = action.description.as_ref().map_or(0, |it| it.chars().count());
    over(sink, cloud, at, "characters of the description", (length, DESCRIPTION_CHARS_MAX));
    match &action.kind {
        ActionKind::Switch(it) => over(sink, cloud, at, "cases", (it.cases.len(), CASES_MAX)),
        ActionKind::Foreach(it) => {
            let what = "passes at the same time";
            over(sink, cloud, at, what, (it.concurrency, CONCURRENCY_MAX));
        }
        _ => {}
    }
}

fn expression(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    let Some(cloud) = cloud(view) else { return };
    // Other notations are rewritten when the flow is exported.
    let length = written.placed.template.source().chars().count();
    if view.flow.dialect == Dialect::Wdl || written.placed.template.source().starts_with('@') {
        let what = "characters of the expression";
        over(sink, cloud, written.placed.span, what, (length, EXPRESSION_CHARS_MAX));
    }
}
