//! What the check says of expressions: their types, and marks under what is wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::Severity;
use serde_json::{Value, json};

use super::corpus::strings_of;
use crate::check::foreign::FOREIGN;
use crate::check::{
    Environment, TypeFinding, Unknown, check, check_condition, check_tree, suggestion,
};
use crate::condition::Condition;
use crate::{Dialect, Placed, Template, Tree, Type, functions};

/// An environment of schemas.
struct Schemas(Value);

impl Schemas {
    fn of(&self, part: &str, name: &str) -> Type {
        let schema = self.0.get(part).and_then(|it| it.get(name));
        schema.map_or(Type::Any, |schema| Type::of_schema(schema, &|_| None).closed())
    }
}

impl Environment for Schemas {
    fn outputs(&self, name: &str) -> Type {
        self.of("outputs", name)
    }

    fn trigger_outputs(&self) -> Type {
        self.of("trigger", "outputs")
    }

    fn variable(&self, name: &str) -> Type {
        self.of("variables", name)
    }

    fn parameter(&self, name: &str) -> Type {
        self.of("parameters", name)
    }

    fn item(&self) -> Type {
        self.of("items", "row")
    }

    fn items(&self, name: &str) -> Type {
        self.of("items", name)
    }

    fn hosts(&self, function: &str) -> bool {
        function == "status" || functions::find(function).is_none()
    }

    fn host(&self, function: &str, _: &[Type]) -> Option<Type> {
        (function == "status").then_some(Type::Integer)
    }
}

fn environment() -> Schemas {
    let row = json!({ "type": "object", "required": ["id", "name"], "properties": {
        "id": { "type": "integer" },
        "name": { "type": "string" },
        "mail": { "type": "string" },
        "state": { "enum": ["Open", "Closed"] },
        "owner": { "properties": { "name": { "type": "string" } } },
        "tags": { "type": "array", "items": { "type": "string" } },
    } });
    Schemas(json!({
        "outputs": {
            "List": { "required": ["body", "statusCode"], "properties": {
                "statusCode": { "type": "integer" },
                "body": { "required": ["value"], "properties": {
                    "value": { "type": "array", "items": row },
                    "next": { "type": "string" },
                } },
            } },
            "Row": { "required": ["body"], "properties": { "body": row } },
            "Maybe": { "type": ["string", "null"] },
            "Loose": { "type": "object" },
        },
        "trigger": { "outputs": { "required": ["body"], "properties": { "body": row } } },
        "variables": {
            "count": { "type": "integer" },
            "rows": { "type": "array", "items": row },
            "text": { "type": "string" },
            "flag": { "type": "boolean" },
            "when": { "type": "string", "format": "date-time" },
            "some": { "type": "array", "minItems": 1, "items": { "type": "string" } },
        },
        "parameters": { "mode": { "enum": ["fast", "slow"] } },
        "items": { "row": row },
    }))
}

const TABLE: &str = include_str!("data/check.txt");

/// One row: the string, a line of marks and a finding for each, `= type`, an empty line.
#[test]
fn rows_of_the_table_hold() {
    let environment = environment();
    let mut faults = Vec::new();
    let mut rows = 0;
    for block in TABLE.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
        let lines = block.lines().skip_while(|line| line.starts_with('#'));
        let expected: Vec<&str> = lines.collect();
        let Some(text) = expected.first() else { continue };
        rows += 1;
        let actual = shown(text, &environment);
        if actual != expected.join("\n") {
            faults.push(actual);
        }
    }
    assert!(faults.is_empty(), "these rows differ:\n\n{}", faults.join("\n\n"));
    assert!(100 <= rows, "{rows} rows");
}

fn shown(text: &str, environment: &dyn Environment) -> String {
    let (template, errors) = Template::parse(text, Dialect::Flowright);
    assert!(errors.is_empty(), "{text}: {errors:?}");
    let checked = check(&template, environment);
    let mut out = text.to_owned();
    for finding in &checked.findings {
        let start = text.get(..finding.range.start).unwrap().chars().count();
        let width = text.get(finding.range.clone()).unwrap().chars().count();
        let marks = " ".repeat(start) + &"^".repeat(width);
        let hint = finding.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        let (slug, message) = (finding.code.slug, &finding.message);
        write!(out, "\n{marks}\n{slug}: {message}{hint}").unwrap();
    }
    out + &format!("\n= {}", checked.ty)
}

fn check_whole(value: &Value, ty: &str, expected: &[&str]) {
    let (tree, errors) = Tree::from_value(value, Dialect::Flowright);
    assert!(errors.is_empty(), "{errors:?}");
    let mut found = Vec::new();
    let report = &mut |placed: &Placed, it: TypeFinding| {
        found.push(format!("{}: {}", placed.template.source(), it.message));
    };
    let actual = check_tree(&tree, &environment(), report);
    assert_eq!(
        (actual.to_string().as_str(), found),
        (ty, expected.iter().map(|it| (*it).to_owned()).collect())
    );
}

#[test]
fn inputs_have_types() {
    check_whole(
        &json!({ "a": "@variables('count')", "b": [1, "x"] }),
        "{a: integer, b: array of (1 or 'x')}",
        &[],
    );
    check_whole(&json!([]), "array", &[]);
    check_whole(
        &json!({ "a": "@toLower(variables('count'))", "@{variables('text')}": "{{trigger.body.nam}}" }),
        "{a: any, …}",
        &[
            "@toLower(variables('count')): `toLower` takes string for `text`, not integer",
            "{{trigger.body.nam}}: `trigger.body` has no field `nam`",
        ],
    );
    check_whole(&json!(["$.variables.rows[0].id", null]), "array of (integer or null)", &[]);
}

fn check_asked(value: &Value, expected: &[&str]) {
    let (tree, _) = Tree::from_value(value, Dialect::Wdl);
    let condition = Condition::read(tree).unwrap();
    let mut found = Vec::new();
    let report =
        &mut |_: &Placed, it: TypeFinding| found.push(format!("{}: {}", it.code.slug, it.message));
    check_condition(&condition, &environment(), report);
    assert_eq!(found, expected, "{value}");
}

#[test]
fn conditions_are_booleans_and_compare_what_can_be_compared() {
    let rows = [
        (json!("@variables('flag')"), vec![]),
        (json!(true), vec![]),
        (json!("@outputs('Nobody')"), vec![]),
        (
            json!("@variables('count')"),
            vec!["non-boolean-condition: this gives an integer, never true or false"],
        ),
        (
            json!("@{variables('flag')}"),
            vec!["non-boolean-condition: this gives a string, never true or false"],
        ),
        (
            json!("@if(equals(triggerBody()?['mail'], null), null, true)"),
            vec!["possibly-null: this may be null, which is neither true nor false"],
        ),
        (json!({ "equals": ["@variables('count')", 5] }), vec![]),
        (json!({ "equals": ["@variables('count')", null] }), vec![]),
        (
            json!({ "not": { "equals": ["@variables('count')", "5"] } }),
            vec!["type-mismatch: `equals` compares integer with string, which are never equal"],
        ),
        (
            json!({ "and": [
                { "greater": ["@variables('text')", 5] },
                { "startsWith": ["@variables('rows')", "a"] },
            ] }),
            vec![
                "type-mismatch: `greater` does not go with string and integer",
                "type-mismatch: `startsWith` does not go with array and string",
            ],
        ),
        (
            json!({ "or": [
                { "contains": ["@variables('count')", 5] },
                { "less": ["@triggerBody()?['nam']", 5] },
            ] }),
            vec![
                "type-mismatch: `contains` does not go with integer and integer",
                "unknown-field: `triggerBody()` has no field `nam`",
            ],
        ),
    ];
    for (value, expected) in &rows {
        check_asked(value, expected);
    }
}

/// Names of other languages must not be ours, and must be found.
#[test]
fn foreign_names_are_sorted_and_foreign() {
    let folded = |(name, ..): &(&str, &str, &str)| name.to_ascii_lowercase();
    assert!(FOREIGN.is_sorted_by_key(folded));
    for (name, whose, instead) in FOREIGN {
        assert!(functions::find(name).is_none(), "`{name}` is ours");
        assert_eq!(suggestion(&name.to_uppercase()), Some(format!("{whose}: use {instead}")));
        let called = instead.split('`').skip(1).step_by(2).filter_map(|it| it.split('(').next());
        for called in called.filter(|it| it.chars().all(char::is_alphanumeric)) {
            let action =
                ["filter", "foreach", "select", "switch", "compose", "parseJson", "append"];
            let known = functions::find(called).is_some() || action.contains(&called);
            assert!(known || ["000", "null"].contains(&called), "`{called}` for `{name}`");
        }
    }
}

/// Functions that real flows call and this language does not have.
const ELSEWHERE: &[&str] =
    &["agentparameters", "assistantmessage", "channeltriggerbody", "encodebase64"];

/// The only strings of real flows that fail whenever they are evaluated.
const FAULTY: &[&str] = &[
    "@not(contains(length(split(item(), '|')?[0]),length(split(item(), '|')?[0])))",
    "@concat(concat(concat(concat())))",
];

/// Nothing is an error in strings of real flows when nothing is known of the flow around them.
#[test]
#[allow(clippy::disallowed_methods, reason = "a harness for data that is not in the repository")]
fn flows_in_the_named_folder_have_no_errors() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    let (mut total, mut counts, mut faults) = (0, BTreeMap::new(), Vec::new());
    for kit in std::fs::read_dir(format!("{folder}/flows")).unwrap() {
        for file in std::fs::read_dir(kit.unwrap().path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let Ok(document) = serde_json::from_str::<Value>(&text) else { continue };
            let mut strings = Vec::new();
            strings_of(&document, &mut strings);
            for text in strings.into_iter().filter(|text| text.contains('@')) {
                let (template, _) = Template::parse(text, Dialect::Wdl);
                total += 1;
                for finding in check(&template, &Unknown).findings {
                    *counts.entry(finding.code.slug).or_insert(0) += 1;
                    let name = text.get(finding.range.clone()).unwrap().to_lowercase();
                    let known = ELSEWHERE.contains(&name.as_str()) || FAULTY.contains(&text);
                    if finding.severity == Severity::Error && !known {
                        faults.push(format!("{}: {text}", finding.message));
                    }
                }
            }
        }
    }
    println!("strings with `@`: {total}; findings: {counts:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
