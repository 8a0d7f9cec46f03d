//! A secret is written where people, or callers, can read it.

use base::{Diagnostic, Severity, Sink, code};
use expr::Placed;
use flow::{Action, ActionId};

use crate::{
    given::{self, Use},
    rule::{Hooks, Phase, Rule},
    sources::{Part, Source, Traced},
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::SECRET_LEAK,
    phase: Phase::Types,
    summary: "The value of a secure parameter, or a secure output, is written where it can be read.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

/// Headers that records never show.
pub(super) const PROOFS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-functions-key",
    "ocp-apim-subscription-key",
];

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let place = Place::start(Owner::Action(id));
    for (to, tree) in given::values(action) {
        let Some((where_to, hint, severity)) = leak(action, to) else { continue };
        given::placed(tree, &mut |key, placed| {
            let is_proof = PROOFS.iter().any(|it| it.eq_ignore_ascii_case(key));
            if to == Use::Request("headers") && is_proof {
                return;
            }
            for part in view.parts(placed, place) {
                let Part::Value(range, all) = part else { continue };
                let Some(secret) = all.iter().find_map(|it| secret(view, it)) else { continue };
                // The function says of an answer what it is; only what was declared is certain.
                let severity = if secret.declared { severity } else { Severity::Warning };
                let message = format!("{} {where_to}", secret.name);
                let mut found = Diagnostic::new(RULE.code, placed.place(&range), message);
                found.severity = severity;
                sink.push(view.lacking(found).hint(hint));
            }
        });
    }
}

/// What happens to a value in such a place, what to do about it, and how grave it is; none if it
/// is kept out of records there.
fn leak(action: &Action, to: Use) -> Option<(&'static str, &'static str, Severity)> {
    const SECURE: &str = "add `secure: [inputs]` to the action";
    let shown = !action.secure_inputs;
    match to {
        // These are the inputs once more.
        Use::Output => (shown && !action.secure_outputs).then_some((
            "is written into what the action gives",
            "use the parameter where it is needed, or add `secure: [inputs, outputs]`",
            Severity::Error,
        )),
        Use::Variable => Some((
            "is written into a variable, which records show",
            "use the parameter where it is needed",
            Severity::Error,
        )),
        Use::Answer => Some((
            "is told to whoever has called the flow",
            "leave it out of the answer",
            Severity::Error,
        )),
        Use::Message => {
            Some(("is written into the record of the run", "leave it out", Severity::Error))
        }
        Use::Flow => shown.then_some((
            "is handed to another flow, whose records show it",
            SECURE,
            Severity::Warning,
        )),
        Use::Input | Use::Path => {
            shown.then_some(("is shown with the inputs of this call", SECURE, Severity::Warning))
        }
        Use::Request("uri" | "queries") => Some((
            "becomes part of an address, which logs keep",
            "send it in a header or in `authentication`",
            Severity::Warning,
        )),
        Use::Request("body" | "headers" | "method") => {
            shown.then_some(("is shown with the inputs of this request", SECURE, Severity::Warning))
        }
        Use::Control | Use::Request(_) => None,
    }
}

/// Something that is kept out of records.
struct Secret {
    name: String,
    declared: bool,
}

/// The secret that a value is, if it is one and still can be read.
fn secret(view: &View<'_>, value: &Traced) -> Option<Secret> {
    let one_way = value.through.iter().any(|pass| {
        let gives = expr::functions::find(&pass.function);
        ["sha256", "hmacSha256", "uuidv5"].contains(&pass.function.as_str())
            || gives.is_some_and(|it| !it.returns.may_be_text() && pass.function != "json")
                && !["setProperty", "addProperty", "union", "mergeObjects", "createArray", "array"]
                    .contains(&pass.function.as_str())
    });
    if one_way {
        return None;
    }
    match value.source {
        Source::Parameter(at) => {
            let parameter = view.flow.parameters.get(at).filter(|it| it.secure)?;
            Some(Secret { name: format!("the secret `{}`", parameter.name), declared: true })
        }
        Source::Action(id) => {
            let action = view.flow.action(id);
            let is_data = value.path.first().is_none_or(|it| it == "body" || it == "headers");
            let name = format!("a secure output of `{}`", action.display);
            (action.secure_outputs && is_data).then_some(Secret { name, declared: false })
        }
        Source::Trigger | Source::Setting => None,
    }
}

/// Whether a value holds a secret that is declared as one.
pub(super) fn holds_secret(view: &View<'_>, placed: &Placed, place: Place) -> bool {
    view.traced(placed, place).iter().any(|it| secret(view, it).is_some())
}
