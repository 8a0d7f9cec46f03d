//! A function that the language does not have, perhaps because another language does.

use base::{Diagnostic, Sink, code, suggest};
use expr::{Dialect, Notation, What, check::suggestion, functions};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_FUNCTION,
    phase: Phase::File,
    summary: "An expression calls a function that does not exist.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        let What::Function { name, .. } = &it.what else { continue };
        // A flow of ours has nothing beside it that could say what a setting is.
        let is_of_cloud = name.eq_ignore_ascii_case(SETTING);
        let lacks = is_of_cloud && view.flow.dialect == Dialect::Flowright;
        if functions::find(name).is_some() && !lacks {
            continue;
        }
        // In Handlebars the range is the whole tag, elsewhere the call, which begins with the name.
        let mut range = it.range.clone();
        if written.placed.template.notation() != Notation::Handlebars {
            range.end = range.end.min(range.start + name.len());
        }
        if let Some((known, hint)) = ELSEWHERE.iter().find(|it| it.0.eq_ignore_ascii_case(name)) {
            let message = format!("function `{known}` of the cloud is not available here");
            let found = Diagnostic::new(RULE.code, written.placed.place(&range), message);
            sink.push(view.lacking(found.hint(*hint)));
            continue;
        }
        let message = format!("there is no function `{name}`");
        let found = Diagnostic::new(RULE.code, written.placed.place(&range), message);
        let known = || functions::TABLE.iter().map(|it| it.name);
        sink.push(match (suggestion(name), suggest::closest(name, known())) {
            (Some(hint), Some(near)) if hint.contains(&format!("did you mean `{near}`?")) => {
                found.meant(name, near, known()).hint(hint)
            }
            (Some(hint), _) => found.hint(hint),
            (None, _) => found,
        });
    }
}

const SETTING: &str = "appsetting";

/// Functions of Power Automate and Logic Apps that this program does not have, and what to do.
const ELSEWHERE: &[(&str, &str)] = &[
    ("agentParameters", "agents do not run here"),
    (SETTING, "use `parameters` and give the value in the environment"),
    ("encodeBase64", "use `base64`"),
];
