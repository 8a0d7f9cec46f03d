//! The JSON Schema of test files, for editors.

use base::{ErrorClass, Status};
use serde_json::{Value, json};

use super::expect::{OF_ACTION, WAITING};

/// The schema that `docs/reference/test.schema.json` is made from.
pub fn schema() -> Value {
    let mut test = setup();
    test["required"] = json!(["name"]);
    test["properties"]["name"] =
        told("Unique in the file; `--filter` looks for parts of it.", text());
    test["properties"]["description"] = text();
    test["properties"]["expect"] = json!({ "oneOf": [
        { "$ref": "#/$defs/trigger" },
        { "$ref": "#/$defs/run" },
        { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/runOfSeveral" } },
    ]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tests of a flow",
        "type": "object",
        "additionalProperties": false,
        "required": ["tests"],
        "properties": {
            "flow": told("The flow, if it is not the one in the folder above.", text()),
            "defaults": { "$ref": "#/$defs/setup" },
            "tests": { "type": "array", "items": { "$ref": "#/$defs/test" } },
        },
        "$defs": {
            "setup": setup(),
            "test": test,
            "reply": reply(),
            "trigger": of_trigger(),
            "run": run(true),
            "runOfSeveral": run(false),
            "action": action(),
            "call": { "oneOf": [
                { "type": "string" },
                { "type": "object", "minProperties": 1, "maxProperties": 1 },
            ]},
        },
    })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn told(description: &str, mut schema: Value) -> Value {
    schema["description"] = description.into();
    schema
}

fn setup() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "now": told("When the run begins.", text()),
            "seed": told("What `guid()` and `rand()` begin with.", json!({ "type": "integer", "minimum": 0 })),
            "environment": told("The environment that gives parameters.", text()),
            "parameters": told("Values of the flow's parameters.", json!({ "type": "object" })),
            "trigger": told("The trigger, if the flow has several.", text()),
            "event": { "description": "The trigger's body, or its outputs `{headers, body}`." },
            "eventFile": told("A file with the event, from here.", text()),
            "inputs": told("Inputs of a manual trigger.", json!({ "type": "object" })),
            "mocks": {
                "description": "Replies by action or `connection.Operation`.",
                "type": "object",
                "additionalProperties": { "oneOf": [
                    { "$ref": "#/$defs/reply" },
                    { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/reply" } },
                ]},
            },
        },
    })
}

fn reply() -> Value {
    let classes: Vec<&str> = ErrorClass::ALL.iter().map(|(name, _)| *name).collect();
    json!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "when": { "description": "Only answers calls with such inputs." },
            "times": told("How often it answers; the last reply goes on for ever.", json!({ "type": "integer", "minimum": 1 })),
            "statusCode": { "type": "integer", "minimum": 100, "maximum": 599 },
            "headers": { "type": "object" },
            "body": true,
            "bodyFile": told("A file with the body, from here.", text()),
            "error": {
                "description": "There is no answer, but this error.",
                "type": "object",
                "additionalProperties": false,
                "required": ["code"],
                "properties": { "code": text(), "message": text(), "class": { "enum": classes } },
            },
            "callBack": told("`false`: nobody calls the waiting action back.", json!({ "type": "boolean" })),
        },
    })
}

fn of_trigger() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["trigger"],
        "properties": {
            "trigger": told("`Skipped`: a condition does not hold. `Failed`: it refuses the event.", json!({ "enum": [Status::Skipped.name(), Status::Failed.name()] })),
            "error": true,
        },
    })
}

fn statuses() -> Value {
    let names: Vec<&str> = Status::ALL.iter().map(|it| it.name()).chain([WAITING]).collect();
    json!({ "enum": names })
}

fn run(with_trigger: bool) -> Value {
    let calls = || json!({ "type": "array", "items": { "$ref": "#/$defs/call" } });
    let mut run = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "status": told("How the run ends; `Succeeded` if not given.", statuses()),
            "error": true,
            "took": told("How long it took on the test's clock, as in `PT5M`.", text()),
            "actions": { "type": "object", "additionalProperties": { "oneOf": [statuses(), { "$ref": "#/$defs/action" }] } },
            "calls": told("These calls and no others, in this order.", calls()),
            "callsInAnyOrder": told("These calls and no others.", calls()),
            "someCalls": told("These calls among others.", calls()),
            "noCalls": told("None of these calls.", calls()),
            "variables": true,
            "outputs": true,
            "response": true,
        },
    });
    if with_trigger {
        run["properties"]["trigger"] = json!({ "enum": [Status::Succeeded.name()] });
    }
    run
}

fn action() -> Value {
    let mut action = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "because": told("Words of the reason for which it was skipped or failed.", text()) },
    });
    for key in OF_ACTION {
        action["properties"][key] = true.into();
    }
    action["properties"]["status"] = statuses();
    action
}
