//! A list is read without any bound.

use base::{Diagnostic, Sink, code};
use connector::model::Effect;
use flow::ActionId;

use crate::{
    rule::{Hooks, Phase, Rule},
    service::Access,
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNBOUNDED_LIST,
    phase: Phase::Project,
    summary: "A list is read without a filter and without a number of items.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

/// Any of these says how much is wanted.
const BOUNDS: &[&str] = &["$top", "$filter", "fetchXml", "$skiptoken", "$skip", "pageSize", "top"];

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let Some(access) = Access::of(view, id) else { return };
    let bounded = view.flow.action(id).minimum_item_count.is_some()
        || BOUNDS.iter().any(|it| access.gives(it));
    if access.effect != Effect::Read || !access.takes("$top") || bounded {
        return;
    }
    let message = format!("`{}` reads everything that there is", access.operation);
    let found = Diagnostic::new(RULE.code, access.call.target_span, message);
    let hint = if access.takes("$select") && !access.gives("$select") {
        "give it a `$filter` or `$top`, and in `$select` the columns that are needed"
    } else {
        "give it a `$filter` or `$top`"
    };
    sink.push(found.hint(hint));
}
