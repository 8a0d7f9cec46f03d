//! What a check says must hold when the expression runs: over all functions, arguments and cases.

use base::Severity;
use serde_json::{Value, json};

use super::corpus::OURS;
use super::world::World;
use crate::ast::Node;
use crate::check::{Checked, Environment, check};
use crate::functions::{Eval, TABLE};
use crate::template::Body;
use crate::{Context as _, Dialect, Evaluator, Template, Type};

/// The types of the values of a world.
struct Typed<'w>(&'w World);

fn of(value: Option<std::borrow::Cow<'_, Value>>) -> Type {
    value.map_or(Type::Any, |value| Type::of_value(&value))
}

impl Environment for Typed<'_> {
    fn action(&self, name: &str) -> Type {
        of(self.0.action(name))
    }

    fn outputs(&self, name: &str) -> Type {
        of(self.0.outputs(name))
    }

    fn result(&self, scope: Option<&str>) -> Type {
        self.0.result(scope).map_or(Type::Any, |value| Type::of_value(&value))
    }

    fn trigger(&self) -> Type {
        of(self.0.trigger())
    }

    fn trigger_outputs(&self) -> Type {
        of(self.0.trigger_outputs())
    }

    fn variable(&self, name: &str) -> Type {
        of(self.0.variable(name))
    }

    fn parameter(&self, name: &str) -> Type {
        of(self.0.parameter(name))
    }

    fn item(&self) -> Type {
        of(self.0.item())
    }

    fn items(&self, name: &str) -> Type {
        of(self.0.items(name))
    }

    fn workflow(&self) -> Type {
        of(self.0.workflow())
    }

    fn hosts(&self, function: &str) -> bool {
        self.0.hosts(function)
    }

    fn host(&self, function: &str, _: &[Type]) -> Option<Type> {
        self.0.host(function, &[]).map(|_| Type::Any)
    }
}

/// What contradicts the check in what an evaluation gave.
fn contradiction(template: &Template, world: &World) -> Option<String> {
    let Checked { ty, findings } = check(template, &Typed(world));
    let value = template.eval(world).ok()?;
    let text = template.source();
    // A path that leads nowhere gives null, which is reported although it does not fail.
    let harmless = value.is_null() || text.contains('?');
    let error = findings.iter().find(|it| it.severity == Severity::Error);
    if let (Some(error), false) = (error, harmless) {
        return Some(format!("{text} = {value}, but: {}", error.message));
    }
    let endless = [json!("Infinity"), json!("-Infinity"), json!("NaN")].contains(&value);
    if !endless && !Type::of_value(&value).is_assignable(&ty) {
        return Some(format!("{text} = {value}, which is not {ty}"));
    }
    None
}

/// Every function, with every argument of its examples replaced by values of all kinds.
#[test]
fn records_of_functions_say_what_they_take() {
    let values = [
        json!(null),
        json!(true),
        json!(1),
        json!(0),
        json!(1.5),
        json!(""),
        json!("a"),
        json!("10"),
        json!("2026-01-31T12:00:00Z"),
        json!([]),
        json!([1, 2]),
        json!(["a", null]),
        json!([{ "a": 1 }]),
        json!({}),
        json!({ "a": 1 }),
        base::value::envelope("application/octet-stream", b"bytes"),
        base::value::envelope("application/xml", b"<a/>"),
    ];
    let examples = World::of_examples();
    let mut faults = Vec::new();
    for function in TABLE {
        for (text, _) in function.examples {
            let (template, _) = Template::parse_expression(text);
            let Body::Value(expr) = template.body() else { panic!("{text}") };
            let Node::Call(call) = &expr.node else { continue };
            if call.function.map(|it| it.name) != Some(function.name) {
                continue;
            }
            let given = call.arguments.iter().map(|argument| {
                let value = Evaluator::new(&examples, template.source()).eval(argument);
                value.map_or(Value::Null, crate::Operand::into_value)
            });
            let given: Vec<Value> = given.collect();
            for index in 0..given.len() {
                for value in &values {
                    let mut arguments = given.clone();
                    arguments[index] = value.clone();
                    faults.extend(called(function.name, &arguments));
                }
            }
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn called(function: &str, arguments: &[Value]) -> Option<String> {
    let names = (0..arguments.len()).map(|at| format!("parameters('{at}')"));
    let text = format!("{function}({})", names.collect::<Vec<_>>().join(", "));
    let mut world = World::of_examples();
    let parameters = arguments.iter().enumerate().map(|(at, it)| (at.to_string(), it.clone()));
    world.set("parameters", Value::Object(parameters.collect()));
    let (template, _) = Template::parse_expression(&text);
    let fault = contradiction(&template, &world)?;
    Some(format!("{} of {}", fault, json!(arguments)))
}

/// All our own cases and all examples, with the types of their contexts.
#[test]
fn what_runs_is_not_refused() {
    let mut faults = Vec::new();
    for function in TABLE {
        for (text, _) in function.examples {
            let (template, _) = Template::parse_expression(text);
            faults.extend(contradiction(&template, &World::of_examples()));
        }
    }
    for (file, text) in OURS {
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            faults.extend(of_row(&row).map(|fault| format!("{file}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn of_row(row: &Value) -> Option<String> {
    let world = World::new(row.get("context").cloned().unwrap_or_else(|| json!({})));
    let template = match (row["expression"].as_str(), row["template"].as_str()) {
        (Some(text), _) => Template::parse_expression(text).0,
        (_, Some(text)) => {
            let flowright = row.get("dialect") == Some(&json!("flowright"));
            let dialect = if flowright { Dialect::Flowright } else { Dialect::Wdl };
            Template::parse(text, dialect).0
        }
        _ => return None,
    };
    contradiction(&template, &world)
}

/// The cases of the named folder; prints how many were checked.
#[test]
#[allow(clippy::disallowed_methods, reason = "a harness for data that is not in the repository")]
fn cases_in_the_named_folder_are_not_refused() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    let mut faults = Vec::new();
    for file in ["wdl-function-cases.jsonl", "wdl-function-cases-peers.jsonl"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let mut count = 0;
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            count += 1;
            faults.extend(of_row(&row).map(|fault| format!("{}: {fault}", row["id"])));
        }
        println!("{file}: {count} rows checked");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn lazy_functions_are_known_to_the_check() {
    let lazy = TABLE.iter().filter(|it| matches!(it.eval, Eval::Lazy(_))).map(|it| it.name);
    assert_eq!(lazy.collect::<Vec<_>>(), ["and", "coalesce", "if", "or"]);
}
