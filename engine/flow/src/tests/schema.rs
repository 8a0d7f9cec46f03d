//! Schemas: what they find, in which words, and what is none.

use serde_json::{Value, json};

use crate::{Finding, Schema};

fn findings(schema: Value, value: &Value) -> Vec<Finding> {
    let (schema, invalid) = Schema::new(schema);
    assert_eq!(invalid, None, "{schema}");
    schema.check(value).unwrap()
}

fn check_all(rows: Vec<(Value, Value, &str)>) {
    for (schema, value, expected) in rows {
        let found = findings(schema.clone(), &value);
        assert_eq!(Finding::summary(&found), expected, "{schema} {value}");
    }
}

#[test]
fn findings_are_in_the_words_of_the_cloud() {
    let ty = |ty: Value| json!({ "type": ty });
    check_all(vec![
        (ty(json!("string")), json!(1), "Invalid type. Expected String but got Integer. Path ''."),
        (
            ty(json!(["string", "null"])),
            json!(1.5),
            "Invalid type. Expected String, Null but got Number. Path ''.",
        ),
        (ty(json!("object")), json!(null), "Invalid type. Expected Object but got Null. Path ''."),
        (
            json!({ "properties": { "lines": { "items": { "properties": { "a b": { "type": "integer" } } } } } }),
            json!({ "lines": [{}, { "a b": true }] }),
            "Invalid type. Expected Integer but got Boolean. Path 'lines[1]['a b']'.",
        ),
        (
            json!({ "properties": { "o": { "required": ["a", "b", "c"] } } }),
            json!({ "o": { "b": 1 } }),
            "Required properties are missing from object: a, c. Path 'o'.",
        ),
        (
            json!({ "properties": { "a": {} }, "additionalProperties": false }),
            json!({ "a": 1, "b": 2, "c": 3 }),
            "Property 'b' has not been defined and the schema does not allow additional properties. \
         Path 'b'. Property 'c' has not been defined and the schema does not allow additional \
         properties. Path 'c'.",
        ),
    ]);
}

#[test]
fn findings_about_bounds_are_in_the_words_of_the_cloud() {
    check_all(vec![
        (json!({ "enum": ["a"] }), json!("b"), "Value \"b\" is not defined in enum. Path ''."),
        (json!({ "const": 1 }), json!(2), "Value 2 does not match const. Path ''."),
        (
            json!({ "maxLength": 1 }),
            json!("ab"),
            "String 'ab' exceeds maximum length of 1. Path ''.",
        ),
        (
            json!({ "minLength": 3 }),
            json!("ab"),
            "String 'ab' is less than minimum length of 3. Path ''.",
        ),
        (
            json!({ "pattern": "^a" }),
            json!("b"),
            "String 'b' does not match regex pattern '^a'. Path ''.",
        ),
        (
            json!({ "format": "date-time" }),
            json!("b"),
            "String 'b' does not validate against format 'date-time'. Path ''.",
        ),
        (json!({ "maximum": 1 }), json!(2), "Integer 2 exceeds maximum value of 1. Path ''."),
        (
            json!({ "minimum": 3 }),
            json!(2.5),
            "Number 2.5 is less than minimum value of 3. Path ''.",
        ),
        (json!({ "exclusiveMaximum": 2 }), json!(2), "Integer 2 is not less than 2. Path ''."),
        (
            json!({ "maximum": 2, "exclusiveMaximum": true }),
            json!(2),
            "Integer 2 is not less than 2. Path ''.",
        ),
        (
            json!({ "maxItems": 1 }),
            json!([1, 2]),
            "Array item count 2 exceeds maximum count of 1. Path ''.",
        ),
        (
            json!({ "minProperties": 1 }),
            json!({}),
            "Object property count 0 is less than minimum count of 1. Path ''.",
        ),
        (json!({ "not": {} }), json!(1), "JSON is valid against schema from 'not'. Path ''."),
        (
            json!({ "items": [{ "type": "string" }] }),
            json!([1]),
            "Invalid type. Expected String but got Integer. Path '[0]'.",
        ),
        (json!({ "type": "object" }), json!({}), ""),
    ]);
}

#[test]
fn findings_say_where_and_why() {
    let schema = json!({
        "type": "array",
        "items": { "properties": { "n": { "anyOf": [{ "type": "string" }, { "type": "null" }] } } },
    });
    let found = findings(schema, &json!([{ "n": 1 }]));
    let all: Vec<Value> = found.iter().map(Finding::to_json).collect();
    let child = |expected: &str, index: usize| {
        json!({
            "message": format!("Invalid type. Expected {expected} but got Integer."),
            "lineNumber": 0, "linePosition": 0, "path": "[0].n", "value": 1,
            "schemaId": format!("#/items/properties/n/anyOf/{index}"), "errorType": "type",
            "childErrors": [],
        })
    };
    let expected = json!([{
        "message": "JSON does not match any schemas from 'anyOf'.",
        "lineNumber": 0, "linePosition": 0, "path": "[0].n", "value": 1,
        "schemaId": "#/items/properties/n", "errorType": "anyOf",
        "childErrors": [child("String", 0), child("Null", 1)],
    }]);
    assert_eq!(Value::Array(all), expected);
}

#[test]
fn many_findings_are_counted() {
    let (schema, _) = Schema::new(json!({ "items": { "type": "string" } }));
    let found = schema.check(&json!(vec![1; 1_000])).unwrap();
    assert_eq!(found.len(), 100);
    assert!(Finding::summary(&found).ends_with(" 90 more."), "{}", Finding::summary(&found));
}

#[test]
fn liberties_of_real_schemas_are_read() {
    for (schema, good, bad) in [
        (json!({ "type": "string", "x-nullable": true }), json!(null), json!(1)),
        (json!({ "type": "string", "nullable": true, "enum": ["a"] }), json!(null), json!("b")),
        (json!({ "type": ["string", null] }), json!(null), json!(1)),
        (json!({ "type": null }), json!(null), json!(1)),
        (
            json!({ "properties": { "a": { "required": true, "type": "any" }, "b": { "required": false } } }),
            json!({ "a": 1 }),
            json!({ "b": 1 }),
        ),
        (json!({ "required": ["a", "a"] }), json!({ "a": 1 }), json!({})),
        // A property may be called like a keyword.
        (
            json!({ "properties": { "required": { "type": "boolean" }, "type": { "type": "string" } } }),
            json!({ "required": true, "type": "x" }),
            json!({ "required": 1 }),
        ),
        (
            json!({ "$schema": "http://json-schema.org/draft-04/schema#", "id": "x", "type": "object" }),
            json!({}),
            json!(1),
        ),
        (json!({ "$schema": "https://example.com/own", "type": "object" }), json!({}), json!(1)),
        (
            json!({ "definitions": { "a": { "type": "string" } }, "$ref": "#/definitions/a" }),
            json!("x"),
            json!(1),
        ),
        (
            json!({ "properties": { "a": { "$id": "#/properties/a", "type": "string" } } }),
            json!({ "a": "x" }),
            json!({ "a": 1 }),
        ),
        (json!({ "format": "date-no-tz", "type": "string" }), json!("x"), json!(1)),
    ] {
        assert_eq!(findings(schema.clone(), &good), [], "{schema}");
        assert_ne!(findings(schema.clone(), &bad), [], "{schema}");
    }
}

#[test]
fn what_is_no_schema_is_told_and_checks_nothing() {
    for (schema, pointer) in [
        (json!({ "type": "strin" }), "/type"),
        (json!({ "properties": { "a": { "minimum": "x" } } }), "/properties/a/minimum"),
        (json!({ "properties": { "a": 1 } }), "/properties/a"),
        (json!({ "pattern": "(" }), "/pattern"),
        (json!({ "$ref": "#/definitions/a" }), ""),
        (json!({ "$ref": "https://example.com/schema.json" }), ""),
        (json!({ "$ref": "file:///etc/passwd" }), ""),
    ] {
        let (schema, invalid) = Schema::new(schema);
        let invalid = invalid.unwrap_or_else(|| panic!("{schema} is taken"));
        assert_eq!(invalid.pointer, pointer, "{schema} {}", invalid.reason);
        assert_eq!(schema.check(&json!(1)), Err(invalid.reason.as_str()));
    }
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "anyOf": [{ "$ref": "#/definitions/a" }], "definitions": { "a": { "$ref": "#" } } }),
        json!({ "properties": { "next": { "$ref": "#" } }, "type": "object" }),
    ] {
        let (schema, _) = Schema::new(schema);
        let mut value = json!({});
        for _ in 0..100 {
            value = json!({ "next": value });
        }
        drop(schema.check(&value));
    }
    // A pattern that goes back for ever is stopped.
    let (schema, _) = Schema::new(json!({ "pattern": "^(a|a)*(?!b)$" }));
    let found = schema.check(&json!("a".repeat(40) + "!")).unwrap().len();
    assert_eq!(found, 1);
}
