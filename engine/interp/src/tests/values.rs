//! What actions give: variables, `ParseJson`, lists, records, responses, secrets.

use serde_json::{Value, json};

use super::{Play, check, plan};
use crate::view;

#[test]
fn variables_keep_their_type() {
    check(
        "
        - name: Set up
          initialize:
            - { name: text, type: string }
            - { name: Whole, type: integer }
            - { name: number, type: float, value: 1 }
            - { name: flag, type: boolean, value: true }
            - { name: list, type: array }
            - { name: thing, type: object, value: { a: 1 } }
        - { name: Null before, compose: \"@variables('TEXT')\" }
        - { name: Add text, append: { name: TEXT, value: \"@null\" } }
        - { name: Add more, append: { name: text, value: \"@createArray(1)\" } }
        - { name: Count, increment: { name: whole } }
        - { name: Count by, increment: { name: whole, value: 4 } }
        - { name: Down, decrement: { name: whole, value: 2 } }
        - { name: Half, increment: { name: number, value: 0.5 } }
        - { name: Add item, append: { name: list, value: { b: 2 } } }
        - { name: Add null, append: { name: list, value: \"@null\" } }
        - { name: Nothing, set: { name: thing, value: \"@null\" } }
        ",
        "",
        r#"
            start null
              finish Succeeded
            Set up Succeeded
            Null before Succeeded
            Add text Succeeded = {"body":{"name":"text","value":null}}
            Add more Succeeded = {"body":{"name":"text","value":[1]}}
            Count Succeeded = {"body":{"name":"Whole","value":1}}
            Count by Succeeded = {"body":{"name":"Whole","value":5}}
            Down Succeeded = {"body":{"name":"Whole","value":3}}
            Half Succeeded = {"body":{"name":"number","value":1.5}}
            Add item Succeeded = {"body":{"name":"list","value":{"b":2}}}
            Add null Succeeded = {"body":{"name":"list","value":null}}
            Nothing Succeeded = {"body":{"name":"thing","value":null}}
            variable flag = true
            variable list = [{"b":2},null]
            variable number = 1.5
            variable text = "[1]"
            variable thing = null
            variable Whole = 3
            run Succeeded
        "#,
    );
}

#[test]
fn what_does_not_fit_a_variable_is_refused() {
    check(
        "
        - name: Set up
          initialize:
            - { name: whole, type: integer, value: 9223372036854775807 }
            - { name: flag, type: boolean }
        - { name: Text, set: { name: whole, value: '5' } }
        - { name: Half, runAfter: { Text: [Failed] }, increment: { name: whole, value: 0.5 } }
        - { name: Overflow, runAfter: { Half: [Failed] }, increment: { name: whole } }
        - { name: Count flag, runAfter: { Overflow: [Failed] }, increment: { name: flag } }
        - { name: Append, runAfter: { Count flag: [Failed] }, append: { name: flag, value: 1 } }
        - { name: Unset, runAfter: { Append: [Failed] }, initialize: { name: x, type: string, value: 5 } }
        ",
        "",
        r#"
            start null
              finish Failed
            Set up Succeeded
            Text Failed BadRequest ! BadRequest: The variable 'whole' of type 'Integer' cannot be initialized or updated with value of type 'String'. The variable 'whole' only supports values of types 'Integer'.
            Half Failed BadRequest ! BadRequest: The variable 'whole' of type 'Integer' cannot be initialized or updated with value of type 'Float'. The variable 'whole' only supports values of types 'Integer'.
            Overflow Failed BadRequest ! BadRequest: The variable 'whole' would leave the range of its type.
            Count flag Failed BadRequest ! BadRequest: The variable 'flag' of type 'Boolean' cannot be counted by a value of type 'Integer'.
            Append Failed BadRequest ! BadRequest: The input value is of type 'Integer' which cannot be appended to the variable 'flag' of type 'Boolean'. The action only supports variables of types 'Array, String'.
            Unset Failed BadRequest ! BadRequest: The variable 'x' of type 'String' cannot be initialized or updated with value of type 'Integer'. The variable 'x' only supports values of types 'String'.
            variable flag = null
            variable whole = 9223372036854775807
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        "
        - { name: Early, set: { name: x, value: 5 } }
        - { name: Set up, initialize: { name: x, type: integer } }
        ",
        "",
        r#"
            start null
              finish Failed
            Early Failed VariableNotInitialized ! VariableNotInitialized: The variable 'x' must be initialized before it can be used.
            Set up Skipped ActionSkipped ! ActionConditionFailed: The execution of template action 'Set_up' is skipped: the 'runAfter' condition for action 'Early' is not satisfied. Expected status values 'Succeeded' and actual value 'Failed'.
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn parse_json_reads_text_and_checks_it() {
    check(
        "
        - { name: Text, parseJson: '{\"n\": 1}', schema: { type: object } }
        - { name: Use, compose: \"@body('Text')['n']\" }
        - { name: Broken, parseJson: '{\"n\": ', schema: { type: object } }
        - name: Types
          runAfter: { Broken: [Failed] }
          parseJson: { a: 1, b: x, c: null, d: 1.5 }
          schema:
            properties: { a: { type: string }, b: { type: [integer, 'null'] }, c: { type: object }, d: { type: integer } }
        - name: Missing
          runAfter: { Types: [Failed] }
          parseJson: {}
          schema: { required: [a] }
        ",
        "",
        r##"
            start null
              finish Failed
            Text Succeeded = {"body":{"n":1}}
            Use Succeeded = 1
            Broken Failed InvalidJSON ! InvalidJSON: The 'content' property of actions of type 'ParseJson' must be valid JSON. The provided value cannot be parsed: 'Unexpected end when reading token. Path ''.'.
            Types Failed ValidationFailed = {"errors":[{"message":"Invalid type. Expected String but got Integer.","lineNumber":0,"linePosition":0,"path":"a","value":1,"schemaId":"#/properties/a","errorType":"type","childErrors":[]},{"message":"Invalid type. Expected Integer, Null but got String.","lineNumber":0,"linePosition":0,"path":"b","value":"x","schemaId":"#/properties/b","errorType":"type","childErrors":[]},{"message":"Invalid type. Expected Object but got Null.","lineNumber":0,"linePosition":0,"path":"c","value":null,"schemaId":"#/properties/c","errorType":"type","childErrors":[]},{"message":"Invalid type. Expected Integer but got Number.","lineNumber":0,"linePosition":0,"path":"d","value":1.5,"schemaId":"#/properties/d","errorType":"type","childErrors":[]}]} ! ValidationFailed: Invalid type. Expected String but got Integer. Path 'a'. Invalid type. Expected Integer, Null but got String. Path 'b'. Invalid type. Expected Object but got Null. Path 'c'. Invalid type. Expected Integer but got Number. Path 'd'.
            Missing Failed ValidationFailed = {"errors":[{"message":"Required properties are missing from object: a.","lineNumber":0,"linePosition":0,"path":"","value":{},"schemaId":"#","errorType":"required","childErrors":[]}]} ! ValidationFailed: Required properties are missing from object: a. Path ''.
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "##,
    );
}

#[test]
fn lists_are_filtered_reshaped_and_joined() {
    check(
        "
        - { name: Filter, filter: '@greater(item(), 1)', from: '@range(1, 3)' }
        - { name: Rich, filter: { not: { equals: ['@item()', 2] } }, from: '@range(1, 3)' }
        - { name: Select, select: { n: '@item()', '@{concat(''k'', item())}': true }, from: \"@body('Filter')\" }
        - { name: Plain, select: \"@mul(item(), 2)\", from: \"@body('Filter')\" }
        - { name: Join, join: ', ', from: \"@createArray(1, null, true, 'x')\" }
        - { name: No list, join: ', ', from: \"@triggerBody()\" }
        - { name: Bad item, runAfter: { No list: [Failed] }, filter: \"@item()\", from: [1] }
        - { name: Bad select, runAfter: { Bad item: [Failed] }, select: \"@int(item())\", from: [x] }
        ",
        "",
        r#"
            start null
              finish Failed
            Filter Succeeded = {"body":[2,3]}
            Rich Succeeded = {"body":[1,3]}
            Select Succeeded = {"body":[{"n":2,"k2":true},{"n":3,"k3":true}]}
            Plain Succeeded = {"body":[4,6]}
            Join Succeeded = {"body":"1, , True, x"}
            No list Failed BadRequest ! BadRequest: The 'from' property value in the 'join' action inputs is of type 'Null'. The value must be an array.
            Bad item Failed BadRequest ! InvalidTemplate
            Bad select Failed BadRequest ! InvalidTemplate
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn waits_end_at_their_time() {
    check(
        "
        - { name: Units, wait: { interval: \"@triggerBody()\", unit: Minute } }
        - { name: Until, wait: { until: 2026-01-01T01:00:00Z } }
        - { name: Past, wait: { until: \"@utcNow()\" } }
        - { name: No time, wait: \"@string('soon')\" }
        ",
        "start 2\nwake Units\nwake Until",
        r#"
            start 2
              pause Units PT120S
            wake Units
              pause Until PT3480S
            wake Until
              finish Failed
            Units Succeeded
            Until Succeeded
            Past Succeeded
            No time Failed BadRequest ! BadRequest: a wait needs an ISO 8601 duration such as `PT5M`
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn records_are_those_of_the_cloud() {
    check(
        "
        - name: Scope
          scope:
            - { name: H, http: { method: GET, uri: http://a }, retryPolicy: none }
            - { name: B, runAfter: {}, if: '@true', then: [{ name: Deep, compose: 1 }] }
        - name: Loop
          runAfter: { Scope: [Failed] }
          foreach: [a, b]
          actions: [{ name: C, compose: \"@item()\", trackedProperties: { size: \"@length(outputs('C'))\" } }]
        - { name: Of scope, compose: \"@result('Scope')\" }
        - { name: Of loop, compose: \"@result('Loop')\" }
        - { name: Pick, compose: $.actions.Loop.repetitionCount }
        - { name: Body, compose: $.actions.H.body.a }
        - { name: Status, compose: $.actions.H.statusCode }
        - { name: Trigger, compose: \"@trigger()\" }
        - { name: Run, compose: \"@workflow()['run']['name']\" }
        ",
        "answer H 404 {\"a\": [1]}",
        r#"
            start null
              ask H@1 GET http://a
            answer H 404 {"a": [1]}
              finish Succeeded
            Scope Failed ActionFailed ! ActionFailed
              H Failed NotFound [NotFound] = {"statusCode":404,"headers":{},"body":{"a":[1]}} ! NotFound: the service answered with status 404 (NotFound)
              B Succeeded
                yes:
                  Deep Succeeded = 1
            Loop Succeeded
              pass 1:
                C Succeeded = "a"
              pass 2:
                C Succeeded = "b"
            Of scope Succeeded = [{"name":"H","inputs":{"method":"GET","uri":"http://a"},"outputs":{"statusCode":404,"headers":{},"body":{"a":[1]}},"startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:H","clientTrackingId":"run-1","code":"NotFound","status":"Failed"},{"name":"B","inputs":{"expressionResult":true},"startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:B","clientTrackingId":"run-1","status":"Succeeded"}]
            Of loop Succeeded = [{"name":"C","outputs":[{"name":"C","inputs":"a","outputs":"a","startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:Loop#0/C","clientTrackingId":"run-1","code":"OK","status":"Succeeded","trackedProperties":{"size":1}},{"name":"C","inputs":"b","outputs":"b","startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:Loop#1/C","clientTrackingId":"run-1","code":"OK","status":"Succeeded","trackedProperties":{"size":1}}],"startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:Loop#1/C","clientTrackingId":"run-1","code":"NotSpecified","status":"Succeeded","repetitionCount":2}]
            Pick Succeeded = 2
            Body Succeeded = [1]
            Status Succeeded = 404
            Trigger Succeeded = {"name":"T","inputs":{},"outputs":{"headers":{},"body":null},"startTime":"2026-01-01T00:00:00.0000000Z","endTime":"2026-01-01T00:00:00.0000000Z","trackingId":"run-1:","clientTrackingId":"run-1","originHistoryName":"run-1","status":"Succeeded","code":"OK"}
            Run Succeeded = "run-1"
            run Succeeded
        "#,
    );
}

#[test]
fn the_caller_is_answered_once() {
    check(
        "
        - { name: Answer, respond: { status: \"@add(200, 1)\", headers: { a: b }, body: { ok: true } } }
        - { name: Again, respond: {} }
        ",
        "",
        r#"
            start null
              respond {"statusCode":201,"headers":{"a":"b"},"body":{"ok":true}}
              finish Failed
            Answer Succeeded = {"statusCode":201,"headers":{"a":"b"},"body":{"ok":true}}
            Again Failed ActionResponseAlreadySent ! ActionResponseAlreadySent: The action 'Again' cannot answer: the request has been answered before.
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
    check(
        "- { name: Bad, respond: { status: 99 } }",
        "",
        r#"
            start null
              finish Failed
            Bad Failed BadRequest ! BadRequest: `99` is no HTTP status that a response can have (200 to 599)
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn secrets_are_hidden_in_records_and_views() {
    let plan = plan(
        "
        - name: Secret
          secure: [inputs, outputs]
          http: { method: POST, uri: http://a, body: swordfish }
        - name: Signed
          http:
            method: GET
            uri: http://a
            headers: { authorization: Bearer swordfish, Accept: text/plain }
            authentication: { type: Basic, username: ada, password: swordfish }
        - { name: Peek, compose: \"@actions('Signed')['inputs']\" }
        ",
    );
    let play = Play::run(&plan, "answer Secret 200 \"swordfish\"\nanswer Signed 200");
    let tree = view::tree(&plan, &play.run);
    assert!(!format!("{tree:?}").contains("swordfish"), "{tree:#?}");
    assert_eq!(tree[0].outputs.as_deref(), Some(&json!("*sanitized*")));
    assert_eq!(
        tree[2].outputs.as_deref(),
        Some(&json!({
            "method": "GET",
            "uri": "http://a",
            "headers": { "authorization": "*sanitized*", "Accept": "text/plain" },
            "authentication": { "type": "Basic", "value": "*sanitized*" },
        }))
    );
    let open = Play::run(&plan, "answer Secret 200");
    assert!(!format!("{:?}", view::tree(&plan, &open.run)).contains("swordfish"));
}

#[test]
fn kinds_that_do_not_run_yet_fail_and_can_be_caught() {
    check(
        r#"{ "triggers": { "T": { "type": "Request", "kind": "Http", "inputs": {} } }, "actions": {
            "Script": { "type": "Agent", "inputs": { "parameters": {} }, "runAfter": {} },
            "Catch": { "type": "Compose", "inputs": "caught", "runAfter": { "Script": ["Failed"] } } } }"#,
        "",
        r#"
            start null
              finish Succeeded
            Script Failed ActionNotSupported ! ActionNotSupported: actions of the type 'Agent' are read and linted, but this version cannot run them
            Catch Succeeded = "caught"
            run Succeeded
        "#,
    );
}

#[test]
fn tables_quote_only_what_needs_it() {
    check(
        "
        - name: All keys
          table: csv
          from: [{ a: 1, b: 'x, y' }, { c: \"say \\\"hi\\\"\", a: \"@null\" }, { b: \"@concat('two', decodeUriComponent('%0A'), 'lines')\" }]
        - { name: Named, table: csv, from: '@range(1, 2)', columns: [{ header: \"n\", value: '@item()' }, { header: \"@{add(1, 1)}x\", value: '@mul(item(), 2)' }] }
        - { name: Html, table: html, from: [{ 'a<b': 'x & y' }] }
        - { name: Nothing, table: csv, from: [] }
        - { name: No list, table: csv, from: \"@triggerBody()\" }
        - { name: Bad cell, runAfter: { No list: [Failed] }, table: csv, from: [x], columns: [{ header: n, value: '@int(item())' }] }
        ",
        "",
        r#"
            start null
              finish Failed
            All keys Succeeded = {"body":"a,b,c\r\n1,\"x, y\",\r\n,,\"say \"\"hi\"\"\"\r\n,\"two\nlines\",\r\n"}
            Named Succeeded = {"body":"n,2x\r\n1,2\r\n2,4\r\n"}
            Html Succeeded = {"body":"<table><thead><tr><th>a&lt;b</th></tr></thead><tbody><tr><td>x &amp; y</td></tr></tbody></table>"}
            Nothing Succeeded = {"body":""}
            No list Failed BadRequest ! BadRequest: The 'from' property value in the 'table' action inputs is of type 'Null'. The value must be of type 'Array'.
            Bad cell Failed BadRequest ! InvalidTemplate
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn expression_actions_call_the_function_of_their_name() {
    check(
        "
        - { name: Add, expression: AddToTime, with: { baseTime: 2026-01-31T10:00:00Z, interval: 1, timeUnit: Month } }
        - { name: Subtract, expression: SubtractFromTime, with: { baseTime: 2026-01-31T10:00:00Z, interval: \"@triggerBody()\", timeUnit: Day } }
        - { name: Now, expression: CurrentTime }
        - { name: Past, expression: GetPastTime, with: { interval: 1, timeUnit: Hour } }
        - { name: Future, expression: GetFutureTime, with: { interval: 2, timeUnit: Week } }
        - name: Zone
          expression: ConvertTimeZone
          with: { baseTime: 2026-07-01T12:00:00Z, sourceTimeZone: UTC, destinationTimeZone: W. Europe Standard Time, formatString: 'yyyy-MM-dd HH:mm' }
        - { name: Number, expression: FormatNumber, with: { number: 1234.5, format: 'N2', locale: de-DE } }
        - { name: Index, expression: IndexOf, with: { text: Hello, searchText: L } }
        - { name: Tail, expression: Substring, with: { text: Hello, startPosition: 3 } }
        - { name: Part, expression: Substring, with: { text: Hello, startPosition: 1, length: 3 } }
        - { name: Broken, expression: Substring, with: { text: Hello, startPosition: 9 } }
        ",
        "start 30",
        r#"
            start 30
              finish Failed
            Add Succeeded = {"body":"2026-02-28T10:00:00.0000000Z"}
            Subtract Succeeded = {"body":"2026-01-01T10:00:00.0000000Z"}
            Now Succeeded = {"body":"2026-01-01T00:00:00.0000000Z"}
            Past Succeeded = {"body":"2025-12-31T23:00:00.0000000Z"}
            Future Succeeded = {"body":"2026-01-15T00:00:00.0000000Z"}
            Zone Succeeded = {"body":"2026-07-01 14:00"}
            Number Succeeded = {"body":"1.234,50"}
            Index Succeeded = {"body":2}
            Tail Succeeded = {"body":"lo"}
            Part Succeeded = {"body":"ell"}
            Broken Failed BadRequest ! InvalidTemplate
            run Failed {"code":"ActionFailed","message":"An action failed. No dependent actions succeeded."}
        "#,
    );
}

#[test]
fn tracked_properties_are_shown_where_inputs_and_outputs_are() {
    let plan = plan(
        "- { name: Open, compose: 7, trackedProperties: { n: \"@outputs('Open')\" } }\n\
         - { name: Hidden, secure: [inputs], compose: 7, trackedProperties: { n: \"@action()['outputs']\" } }\n\
         - { name: Without, compose: 7 }",
    );
    let run = Play::run(&plan, "").run;
    let tracked: Vec<Option<Value>> =
        view::tree(&plan, &run).into_iter().map(|it| it.tracked).collect();
    assert_eq!(tracked, [Some(json!({ "n": 7 })), Some(crate::HIDDEN.into()), None]);
}
