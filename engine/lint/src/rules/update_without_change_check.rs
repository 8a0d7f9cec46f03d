//! A record is written although nothing may have changed.

use base::{Diagnostic, Sink, code};
use connector::model::Effect;
use flow::ActionId;

use crate::{
    guards::{self, Guard},
    rule::{Hooks, Phase, Rule},
    service::Access,
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UPDATE_WITHOUT_CHANGE_CHECK,
    phase: Phase::Project,
    summary: "A record is updated without a look whether anything differs.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let Some(access) = Access::of(view, id) else { return };
    let updates = matches!(access.effect, Effect::Update | Effect::Upsert);
    if !updates || guards::of_action(view, id) == Guard::Difference {
        return;
    }
    let message = format!("`{}` writes also where nothing differs", access.operation);
    let found = Diagnostic::new(RULE.code, access.call.target_span, message);
    sink.push(
        found.hint("`compare` what is wanted with what there is, and write only the `changes`"),
    );
}
