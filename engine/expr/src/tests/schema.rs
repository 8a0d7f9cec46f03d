//! JSON Schemas as types, and how types relate.

use serde_json::{Value, json};

use crate::Type;

fn of(schema: &Value) -> Type {
    let shared = json!({ "type": "object", "properties": { "id": { "type": "integer" } } });
    let shared: &'static Value = Box::leak(Box::new(shared));
    Type::of_schema(schema, &|name| (name == "#/schemas/Row").then_some(shared))
}

fn check(schema: &Value, expected: &str) {
    assert_eq!(of(schema).to_string(), expected, "{schema}");
}

#[test]
fn schemas_become_types() {
    let rows = [
        (json!({}), "any"),
        (json!(true), "any"),
        (json!(false), "never"),
        (json!("nonsense"), "any"),
        (json!({ "type": "string" }), "string"),
        (json!({ "type": "string", "format": "date-time" }), "timestamp"),
        (json!({ "type": "string", "format": "binary" }), "string or binary"),
        (json!({ "type": "integer" }), "integer"),
        (json!({ "type": "number" }), "number"),
        (json!({ "type": "file" }), "any"),
        (json!({ "type": ["string", "null"] }), "string or null"),
        (json!({ "type": "string", "nullable": true }), "string or null"),
        (json!({ "type": "string", "enum": ["a", "it's"] }), "'a' or 'it''s'"),
        (json!({ "enum": ["a", null] }), "'a' or null"),
        (json!({ "type": "integer", "enum": [1, "x"] }), "1"),
        (json!({ "const": true }), "true"),
        (json!({ "type": "array" }), "array"),
        (json!({ "type": "array", "items": { "type": "string" } }), "array of string"),
        (json!({ "type": "array", "items": [{ "type": "string" }] }), "array"),
        (json!({ "items": { "type": ["string", "null"] } }), "array of (string or null)"),
        (
            json!({ "properties": { "b": { "type": "string" }, "a": {} }, "required": ["b"] }),
            "{a?: any, b: string, …}",
        ),
        (
            json!({ "type": "object", "properties": { "a": { "type": "boolean", "required": true } },
                "additionalProperties": false }),
            "{a: boolean}",
        ),
        (json!({ "type": "object", "additionalProperties": { "type": "string" } }), "{…}"),
        (json!({ "$ref": "#/schemas/Row" }), "{id?: integer, …}"),
        (json!({ "$ref": "#/schemas/None" }), "any"),
        (
            json!({ "definitions": { "a": { "type": "string" } }, "$ref": "#/definitions/a" }),
            "string",
        ),
        (
            json!({ "type": "object", "properties": { "next": { "$ref": "#" } } }),
            "{next?: {next?: any, …}, …}",
        ),
        (json!({ "$ref": "#" }), "any"),
        (
            json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] }),
            "string or array of string",
        ),
        (
            json!({ "anyOf": [
                { "properties": { "a": { "type": "string" } }, "required": ["a"] },
                { "properties": { "a": { "type": "integer" } }, "required": ["a"],
                  "additionalProperties": false },
            ] }),
            "{a: integer or string, …}",
        ),
        (
            json!({ "allOf": [
                { "$ref": "#/schemas/Row" },
                { "properties": { "name": { "type": "string" } }, "required": ["id"] },
            ] }),
            "{id?: integer, name?: string, …}",
        ),
    ];
    for (schema, expected) in &rows {
        check(schema, expected);
    }
}

#[test]
fn schemas_without_end_are_cut() {
    let mut deep = json!({ "type": "string" });
    for _ in 0..100 {
        deep = json!({ "type": "array", "items": deep });
    }
    assert!(of(&deep).to_string().starts_with("array of array of"));
    let wide = json!({
        "$defs": { "a": { "properties": {
            "l": { "$ref": "#/$defs/b" }, "r": { "$ref": "#/$defs/b" },
        } }, "b": { "properties": { "l": { "$ref": "#/$defs/a" }, "r": { "$ref": "#/$defs/a" } } } },
        "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/b" }],
    });
    assert!(of(&wide).to_string().starts_with("{l?: "));
    let mut doubled = Type::String;
    for _ in 0..200 {
        let field = crate::Field { ty: doubled.clone(), required: true };
        doubled = Type::object_of([("a".to_owned(), field.clone()), ("b".to_owned(), field)], None);
    }
    assert!(doubled.is_assignable(&doubled.join(&Type::array_of(doubled.clone()))));
    let mut value = json!(1);
    for _ in 0..100 {
        value = json!([value]);
    }
    assert!(Type::of_value(&value).is_assignable(&Type::Array));
}

#[test]
fn types_relate() {
    let assignable = |from: &Value, to: &Value| of(from).is_assignable(&of(to));
    let text = json!({ "type": "string" });
    let number = json!({ "type": "number" });
    let whole = json!({ "type": "integer" });
    let time = json!({ "type": "string", "format": "date" });
    let maybe = json!({ "type": ["string", "null"] });
    let choice = json!({ "enum": ["a", "b"] });
    let wider = json!({ "enum": ["a", "b", "c"] });
    let texts = json!({ "type": "array", "items": text });
    let some = json!({ "type": "array", "items": text, "minItems": 1 });
    let closed = json!({ "properties": { "a": text }, "additionalProperties": false });
    let needs = json!({ "properties": { "a": text }, "required": ["a"],
        "additionalProperties": false });
    let open = json!({ "properties": { "a": text, "b": number } });
    let rows = [
        (&text, &text, true),
        (&whole, &number, true),
        (&number, &whole, false),
        (&time, &text, true),
        (&text, &time, false),
        (&text, &maybe, true),
        (&maybe, &text, false),
        (&choice, &text, true),
        (&choice, &wider, true),
        (&wider, &choice, false),
        (&text, &choice, false),
        (&some, &texts, true),
        (&texts, &some, false),
        (&texts, &text, false),
        (&needs, &closed, true),
        (&closed, &needs, false),
        (&open, &closed, false),
        (&closed, &open, true),
    ];
    for (from, to, expected) in rows {
        assert_eq!(assignable(from, to), expected, "{from} to {to}");
        let (from, to) = (of(from), of(to));
        let sum = from.join(&to);
        assert!(from.is_assignable(&sum) && to.is_assignable(&sum), "{from}, {to}: {sum}");
        assert_eq!(sum.to_string(), to.join(&from).to_string());
        assert!(Type::Any.is_assignable(&from) && from.is_assignable(&Type::Any));
        assert_eq!(from.join(&Type::Any), Type::Any);
        assert_eq!(Type::Never.join(&from), from);
        assert_eq!(from.or_null().non_null().to_string(), from.non_null().to_string());
    }
}
