//! The check of values with templates inside, and of conditions in JSON form.

use base::Severity;
use base::code::{NON_BOOLEAN_CONDITION, POSSIBLY_NULL, TYPE_MISMATCH};

use super::access::with_article;
use super::{Environment, Instead, TypeFinding, check};
use crate::condition::{Condition, Operator};
use crate::template::Notation;
use crate::tree::{Key, Placed, Tree};
use crate::types::{Field, Type};

/// Takes a finding and the string it is about.
pub type Report<'r> = dyn FnMut(&Placed, TypeFinding) + 'r;

/// Checks every string of a value; gives the type of the whole.
pub fn check_tree(tree: &Tree, environment: &dyn Environment, report: &mut Report<'_>) -> Type {
    match tree {
        Tree::Value(value) => Type::of_value(value),
        Tree::Template(placed) => check_placed(placed, environment, report),
        Tree::Array(items) => {
            let all = items.iter().map(|item| check_tree(item, environment, report));
            let each = all.fold(Type::Never, |sum, ty| sum.join(&ty));
            if items.is_empty() { Type::array_of(each) } else { Type::filled_array_of(each) }
        }
        Tree::Object(entries) => {
            let mut fields = Vec::new();
            let mut rest = None;
            for (key, tree) in entries {
                let name = match key {
                    Key::Plain(name) => Some(name),
                    Key::Computed(placed) => {
                        check_placed(placed, environment, report);
                        None
                    }
                };
                let ty = check_tree(tree, environment, report);
                match name {
                    Some(name) => fields.push((name.clone(), Field { ty, required: true })),
                    None => rest = Some(Type::Any),
                }
            }
            if rest.is_some() {
                // A key that is computed may be one of the others.
                for (_, field) in &mut fields {
                    field.ty = Type::Any;
                }
            }
            Type::object_of(fields, rest)
        }
    }
}

fn check_placed(placed: &Placed, environment: &dyn Environment, report: &mut Report<'_>) -> Type {
    let checked = check(&placed.template, environment);
    checked.findings.into_iter().for_each(|finding| report(placed, finding));
    checked.ty
}

/// Checks the strings of a condition, that it gives a boolean, and what it compares.
pub fn check_condition(
    condition: &Condition,
    environment: &dyn Environment,
    report: &mut Report<'_>,
) {
    match condition {
        Condition::Template(placed) => {
            let ty = check_placed(placed, environment, report);
            if let Some(finding) = not_boolean(placed, &ty) {
                report(placed, finding);
            }
        }
        Condition::And(all) | Condition::Or(all) => {
            for it in all {
                check_condition(it, environment, report);
            }
        }
        Condition::Not(inner) => check_condition(inner, environment, report),
        Condition::Compare { operator, operands } => {
            let mut types = Vec::new();
            for operand in operands {
                types.push(check_tree(operand, environment, report));
            }
            let mut first = None;
            for it in operands {
                it.templates(&mut |placed| {
                    first.get_or_insert_with(|| placed.clone());
                });
            }
            // Where nothing is computed there is no string to point at.
            let (Some(placed), [left, right]) = (first, types.as_slice()) else { return };
            if let Some((message, hint)) = incomparable(*operator, left, right) {
                let mut finding = whole(&placed, TYPE_MISMATCH, message, hint);
                if *operator == Operator::Equals {
                    // That does not fail; it is never true.
                    finding.severity = Severity::Warning;
                }
                report(&placed, finding);
            }
        }
    }
}

fn not_boolean(placed: &Placed, ty: &Type) -> Option<TypeFinding> {
    if ty.is_unknown() || ty.is_never() {
        return None;
    }
    if ty.is_null() || !ty.non_null().fits(&Type::Boolean) {
        let message = format!("this gives {}, never true or false", with_article(ty));
        let hint = "compare it, such as `@greater(a, 0)` or `@equals(a, b)`";
        return Some(whole(placed, NON_BOOLEAN_CONDITION, message, Some(hint.into())));
    }
    ty.is_nullable().then(|| {
        let message = "this may be null, which is neither true nor false".to_owned();
        let mut found =
            whole(placed, POSSIBLY_NULL, message, Some("write `@equals(…, true)`".into()));
        let expression = placed.template.source().strip_prefix('@');
        let expression = expression.filter(|_| placed.template.notation() == Notation::Expression);
        found.instead = expression
            .map(|it| Instead { text: format!("@equals({}, true)", it.trim()), safe: false });
        found
    })
}

fn whole(placed: &Placed, code: base::Code, message: String, hint: Option<String>) -> TypeFinding {
    let range = 0..placed.template.source().len();
    TypeFinding { range, code, severity: code.severity, message, hint, instead: None }
}

fn incomparable(operator: Operator, left: &Type, right: &Type) -> Option<(String, Option<String>)> {
    let (name, one, other) = (operator.name(), left.name(), right.name());
    let fails = match operator {
        Operator::Equals => {
            let message = format!("`equals` compares {one} with {other}, which are never equal");
            let hint = "turn one of them into the type of the other with `int` or `string`";
            return (!left.can_equal(right)).then(|| (message, Some(hint.to_owned())));
        }
        Operator::Greater | Operator::GreaterOrEquals | Operator::Less | Operator::LessOrEquals => {
            !left.can_be_ordered_with(right)
        }
        Operator::StartsWith | Operator::EndsWith => {
            !left.non_null().fits(&Type::String) || !right.non_null().fits(&Type::String)
        }
        Operator::Contains => !left.non_null().fits(&Type::Collection),
    };
    fails.then(|| (format!("`{name}` does not go with {one} and {other}"), None))
}
