//! A list is read whole and filtered here, where the service could filter.

use base::{Diagnostic, Sink, code};
use connector::model::Effect;
use flow::{ActionId, ActionKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    service::Access,
    sources::Source,
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::FILTER_AFTER_FETCH,
    phase: Phase::Project,
    summary: "A list is filtered after it was read, where the service can filter.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let ActionKind::Query(query) = &view.flow.action(id).kind else { return };
    let all = view.traced_tree(&query.from, Place::start(Owner::Action(id)));
    // What has passed through functions is no longer what the service has listed.
    let [from] = all.as_slice() else { return };
    let Source::Action(list) = from.source else { return };
    let is_list = from.path.last().is_some_and(|it| it == "value" || it == "records");
    let Some(access) = Access::of(view, list).filter(|_| is_list && from.through.is_empty()) else {
        return;
    };
    let asked_all = !access.gives("$filter") && !access.gives("fetchXml");
    if access.effect != Effect::Read || !access.takes("$filter") || !asked_all {
        return;
    }
    // The same list may be needed whole elsewhere.
    if uses(view, list) != 1 {
        return;
    }
    let message = format!(
        "`{}` reads everything, and only part of it is kept",
        view.flow.action(list).display
    );
    let found = Diagnostic::new(RULE.code, view.flow.action(id).name_span, message);
    let found = found.label(access.call.target_span, "what reads everything");
    sink.push(found.hint("let the service filter: give the call a `$filter`"));
}

/// How many actions look at an answer.
fn uses(view: &View<'_>, list: ActionId) -> usize {
    let mut count = 0;
    for (id, action) in view.flow.actions.iter().enumerate() {
        let mut found = false;
        crate::given::strings(action, &mut |placed| {
            let uses = placed.template.uses();
            found |= uses.iter().any(|it| match &it.what {
                expr::What::Action { name, .. } => view.flow.find(name) == Some(list),
                _ => false,
            });
        });
        count += usize::from(found && id != list);
    }
    count
}
