//! A condition that gives a text or a number, never true or false.

use base::{Diagnostic, Sink, code};
use expr::{Dialect, Notation, Placed, Type, What, condition::Condition, functions};
use serde_json::Value;

use crate::{
    rule::{Asked, Hooks, Phase, Rule},
    view::View,
    walk::is_deployed,
};

pub(super) const RULE: Rule = Rule {
    code: code::NON_BOOLEAN_CONDITION,
    phase: Phase::File,
    summary: "A condition gives a text, a number or a list, never true or false.",
    hooks: Hooks { condition: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, asked: &Asked<'_>, sink: &mut Sink) {
    let mut found = Sink::new();
    visit(asked.condition, &mut found);
    for mut it in found.into_sorted() {
        // An expression of a deployment template is known only when that is deployed.
        let text = view.source.text().get(it.span.start..it.span.end).unwrap_or("");
        if view.flow.dialect == Dialect::Wdl && is_deployed(text.trim_matches('"')) {
            it = it.warning();
        }
        sink.push(it);
    }
}

fn visit(condition: &Condition, sink: &mut Sink) {
    match condition {
        Condition::Template(placed) => {
            if let Some(found) = fault(placed) {
                sink.push(found);
            }
        }
        Condition::And(all) | Condition::Or(all) => all.iter().for_each(|it| visit(it, sink)),
        Condition::Not(inner) => visit(inner, sink),
        Condition::Compare { .. } => {}
    }
}

fn fault(placed: &Placed) -> Option<Diagnostic> {
    let report = |message: &str| Diagnostic::new(RULE.code, placed.span, message);
    let source = placed.template.source();
    match placed.template.notation() {
        Notation::Literal => {
            let literal = placed.template.literal()?;
            let found = report("this condition is a text that is not computed");
            Some(match literal {
                Value::String(text) if text.contains('(') => found.hint(format!("write `@{text}`")),
                _ => found.hint("write an expression, such as `@equals(a, b)`"),
            })
        }
        Notation::Interpolation => {
            let whole = source.strip_prefix("@{").and_then(|it| it.strip_suffix('}'));
            let inner = whole.filter(|it| !it.contains(['{', '}']));
            let found = report("text around an expression gives a text, never true or false");
            let Some(inner) = inner else {
                return Some(found.hint("put the comparison inside, such as `@equals(a, b)`"));
            };
            let found = found.hint(format!("write `@{inner}`"));
            Some(match placed.verbatim_at {
                Some(_) => {
                    let all = placed.place(&(0..source.len()));
                    found.fix(all, format!("@{inner}"), "Use the value of the expression")
                }
                None => found,
            })
        }
        Notation::Handlebars => {
            let found = report("a template gives a text, never true or false");
            Some(found.hint("use an expression `@…` or a path `$.…`"))
        }
        Notation::Expression => {
            let (name, returns) = outermost(placed)?;
            if returns.fits(&Type::Boolean) {
                return None;
            }
            let message = format!("`{name}` gives {}, never true or false", article(returns));
            Some(report(&message).hint("compare it, such as `@greater(a, 0)` or `@equals(a, b)`"))
        }
        Notation::JsonPath => None,
    }
}

/// The function whose result is the whole expression, and what it gives.
fn outermost(placed: &Placed) -> Option<(String, &'static Type)> {
    let source = placed.template.source();
    let start = 1 + source.get(1..)?.len() - source.get(1..)?.trim_start().len();
    let whole = [start..source.trim_end().len(), 0..source.trim_end().len()];
    placed.template.uses().into_iter().find_map(|it| match it.what {
        What::Function { name, .. } if whole.contains(&it.range) => {
            let function = functions::find(&name)?;
            Some((function.name.to_owned(), &function.returns))
        }
        _ => None,
    })
}

fn article(ty: &Type) -> String {
    let name = ty.name();
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}
