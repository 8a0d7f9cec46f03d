//! Faults of flow files: the exact place, the words and the way out.

use super::{around_actions, around_trigger, faults};

fn check_actions(actions: &str, expected: &[&str]) {
    assert_eq!(faults(&around_actions(actions)), expected, "{actions}");
}

fn check_trigger(keys: &str, expected: &[&str]) {
    assert_eq!(faults(&around_trigger(keys)), expected, "{keys}");
}

#[test]
fn the_frame() {
    for (text, expected) in [
        (
            "",
            vec![
                "1:1 missing-key the flow needs the key `flow` (add `flow:`)",
                "1:1 missing-key the flow needs the key `triggers` (add `triggers:`)",
                "1:1 missing-key the flow needs the key `actions` (add `actions:`)",
            ],
        ),
        ("- a\n", vec!["1:1 wrong-type the flow must be an object, not a list"]),
        (
            "flow: 1\ntrigers: []\ntriggers: []\nactions: {}\n",
            vec![
                "1:7 wrong-type `flow` must be text, not a number",
                "2:1 unknown-key unknown key `trigers` in the flow (did you mean `triggers`?)",
                "3:11 missing-key nothing starts this flow: it has no trigger",
                "4:10 wrong-type `actions` must be a list, not an object",
            ],
        ),
        (
            "flow: F\nparameters:\n  a: { type: int }\n  b: { type: string, default: 1 }\n  c: x\n\
             triggers: [{ name: T, flow: }]\nactions: []\n",
            vec![
                "3:14 wrong-type `type` cannot be `int` \
                 (one of string, integer, float, boolean, array, object)",
                "4:31 wrong-type `default` must be text, not a number",
                "5:6 wrong-type parameter `c` must be an object, not text",
            ],
        ),
        (
            "flow: F\ntriggers: [{ name: T, flow: }]\nactions:\n  - name: A\n    compose: @body()\n",
            vec![
                "5:14 unquoted-expression a value that begins with `@` must be quoted \
                 (quote the expression: \"@body()\")",
            ],
        ),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn actions_have_one_name_and_one_kind() {
    check_actions(
        "- compose: 1\n\
         - { name: A, compose: 1, descripton: x }\n\
         - { name: a, compose: 2, http: { method: GET, uri: x } }\n\
         - { name: B }\n\
         - { name: C, compse: 1 }\n\
         - { name: ' ', compose: 1 }",
        &[
            "5:5 missing-key this action needs the key `name` (add `name:`)",
            "6:28 unknown-key unknown key `descripton` in action `A` (did you mean `description`?)",
            "7:13 duplicate-name two actions are called `a` \
             (names are unique in the whole flow, case and blanks aside)",
            "7:28 wrong-type action `a` has two kinds: `compose` and `http` (split it in two)",
            "8:13 missing-key action `B` does nothing: it has no kind (add one of call, http, \
             httpWebhook, approval, compose, parseJson, select, filter, join, table, initialize, \
             set, increment, decrement, append, wait, map, compare, expression, scope, if, switch, \
             foreach, until, terminate, respond, runFlow, sendToBatch, unsupported)",
            "9:16 unknown-key unknown key `compse` in action `C` (did you mean `compose`?)",
            "10:13 invalid-name the name of this action is empty",
        ],
    );
}

#[test]
fn inputs_have_types() {
    check_actions(
        "- { name: A, call: List }\n\
         - { name: B, call: cmr.List }\n\
         - { name: C, http: { method: GET, url: x } }\n\
         - { name: D, timeout: 5 minutes, compose: 1 }\n\
         - { name: E, wait: soon }\n\
         - { name: F, retryPolicy: { type: fixed, count: 91 }, compose: 1 }\n\
         - { name: G, retryPolicy: { type: linear }, compose: 1 }\n\
         - { name: H, initialize: { name: x, type: text } }\n\
         - { name: I, set: { name: x } }\n\
         - { name: J, foreach: [], actions: [], concurrency: 0 }\n\
         - { name: K, until: '@true', actions: [], limit: { count: 5001 } }\n\
         - { name: L, secure: [input], compose: 1 }\n\
         - { name: M, expression: AddTime }",
        &[
            "5:22 wrong-type `call` must be `connection.Operation`, not `List` \
             (the connection is one of the flow's `connections`)",
            "6:22 unknown-connection there is no connection `cmr` (did you mean `crm`?)",
            "7:24 missing-key `http` needs the key `uri` (add `uri:`)",
            "7:37 unknown-key unknown key `url` in `http` (did you mean `uri`?)",
            "8:25 invalid-time `timeout` is not an ISO 8601 duration: `5 minutes` \
             (write `PT30S`, `PT5M`, `PT1H` or `P1D`)",
            "9:22 invalid-time `wait` is not an ISO 8601 duration: `soon` \
             (write `PT30S`, `PT5M`, `PT1H` or `P1D`)",
            "10:31 missing-key `retryPolicy` needs the key `interval` (add `interval:`)",
            "10:51 limit-exceeded `count` must be from 1 to 90",
            "11:37 wrong-type `type` of `retryPolicy` cannot be `linear` \
             (one of none, fixed, exponential)",
            "12:45 wrong-type `type` cannot be `text` \
             (one of string, integer, float, boolean, array, object)",
            "13:23 missing-key the change of a variable needs the key `value` (add `value:`)",
            "14:55 limit-exceeded `concurrency` must be from 1 to 1000",
            "15:61 limit-exceeded `count` must be from 1 to 5000",
            "16:25 wrong-type an item of `secure` cannot be `input` (did you mean `inputs`?)",
            "17:28 wrong-type `expression` cannot be `AddTime` (did you mean `AddToTime`?)",
        ],
    );
}

#[test]
fn conditions_have_one_operator() {
    check_actions(
        "- { name: A, then: [], if: { equals: [1] } }\n\
         - { name: B, then: [], if: { equal: [1, 2] } }\n\
         - { name: C, then: [], if: { equals: [1, 2], less: [1, 2] } }\n\
         - { name: D, then: [], if: {} }\n\
         - { name: E, then: [], if: [1] }\n\
         - { name: F, if: '@true' }",
        &[
            "5:40 wrong-type `equals` compares two values, not 1",
            "6:32 unknown-key unknown key `equal` in `if` (did you mean `equals`?)",
            "7:48 wrong-type `if` has more than one operator (join them by `and: […]` or `or: […]`)",
            "8:30 missing-key `if` is empty",
            "9:30 wrong-type `if` must be an expression or an object with an operator, not a list",
            "10:13 missing-key action `F` needs the key `then` (add `then:`)",
        ],
    );
}

#[test]
fn some_kinds_have_their_place() {
    check_actions(
        "- name: S\n  scope:\n    - { name: I, initialize: { name: x, type: string } }\n\
         - name: L\n  foreach: []\n  actions:\n    - { name: T, terminate: Failed }\n    \
         - { name: C, if: '@true', then: [{ name: U, terminate: Failed }] }\n\
         - name: W\n  switch: 1\n  cases: [{ case: a, actions: [] }, { case: a, actions: [] }, { actions: [] }]",
        &[
            "7:32 wrong-type a variable can be initialized at the top level only \
             (initialize it before the container, set it here)",
            "11:31 wrong-type a run cannot be terminated from inside a loop \
             (set a variable and terminate after the loop)",
            "12:62 wrong-type a run cannot be terminated from inside a loop \
             (set a variable and terminate after the loop)",
            "15:47 duplicate-name two cases have the value `a`",
            "15:67 missing-key a case needs the key `case` (add `case:`)",
        ],
    );
}

#[test]
fn deep_flows_are_refused() {
    let depth = base::limits::NESTING_MAX;
    let open = |n: usize| format!("{{ name: S{n}, scope: [");
    let text = (0..=depth).map(open).collect::<String>() + &"] }".repeat(depth + 1);
    let found = faults(&around_actions(&format!("- {text}")));
    assert!(found[0].contains("limit-exceeded"), "{found:?}");
}

#[test]
fn triggers_have_one_kind() {
    check_trigger(
        "request:\nmanual:",
        &["6:5 wrong-type trigger `T` has two kinds: `request` and `manual` (split it in two)"],
    );
    check_trigger(
        "descr: x",
        &["5:5 unknown-key unknown key `descr` in trigger `T` (known keys: name, description, \
             conditions, splitOn, dedupe, concurrency, respond, clientTrackingId, retryPolicy, secure, \
             operationOptions, cloud, request, manual, recurrence, on, http, httpWebhook, flow, \
             batch, unsupported)"],
    );
    check_trigger(
        "recurrence: { frequency: Fortnight, interval: 0 }\nconcurrency: { key: a }",
        &[
            "5:30 wrong-type `frequency` cannot be `Fortnight` \
             (one of Second, Minute, Hour, Day, Week, Month, Year)",
            "5:51 limit-exceeded `interval` must be from 1 to 9999999",
            "6:20 missing-key `concurrency` needs the key `runs` (add `runs:`)",
        ],
    );
    check_trigger(
        "request: {}\nconcurrency: { runs: 1, group: deals }",
        &["6:20 missing-key `concurrency` needs the key `key` (add `key:`)"],
    );
    check_trigger(
        "recurrence: { frequency: Day, interval: 1, startTime: noon, schedule: { hours: [24], monthDays: [0] } }",
        &[
            "5:59 invalid-time `startTime` is not an ISO 8601 time: `noon` \
             (write `2026-01-31T08:00:00` or `2026-01-31T08:00:00Z`)",
            "5:85 limit-exceeded an item of `hours` must be from 0 to 23",
            "5:102 limit-exceeded an item of `monthDays` is a day from 1 to 31, or from -31 to -1",
        ],
    );
    check_trigger(
        "recurrence: { cron: 0 24 * * *, timeZone: Middle Earth }",
        &[
            "5:25 invalid-cron `24` is none of the hours of `cron`, which go from 0 to 23 \
             (such as `0 8 * * 1-5`)",
            "5:47 invalid-time there is no time zone `Middle Earth` \
             (write `W. Europe Standard Time` or `Europe/Berlin`)",
        ],
    );
    check_trigger(
        "recurrence: { cron: 0 8 }",
        &["5:25 invalid-cron `cron` has five or six fields, not 2 (such as `0 8 * * 1-5`)"],
    );
    check_trigger(
        "on: crm\nsplitOn: [1]",
        &[
            "5:9 wrong-type `on` must be `connection.Operation`, not `crm` \
             (the connection is one of the flow's `connections`)",
            "6:14 wrong-type `splitOn` must be text with an expression, not a list",
        ],
    );
}

#[test]
fn expressions_are_placed_exactly() {
    let found = faults(&around_actions(
        "- name: A\n  compose: \"@concat('a', )\"\n- name: B\n  compose: |\n    @{concat('a', )}\n    x",
    ));
    assert!(found[0].starts_with("6:28 expression-syntax"), "{found:?}");
    assert!(found[1].starts_with("9:7 expression-syntax"), "{found:?}");
}

#[test]
fn answers_need_a_caller_and_no_loop() {
    let answer = "- name: A\n  respond: { status: 200 }";
    check_actions(
        "- name: L\n  foreach: [1]\n  actions:\n    - name: A\n      respond:",
        &[
            "8:15 wrong-type an action inside a loop cannot answer the caller (answer after the loop)",
        ],
    );
    let text = around_actions(answer).replace("request:", "recurrence: { cron: 0 8 * * * }");
    assert_eq!(
        faults(&text),
        ["5:11 wrong-type `A` has nobody to answer (only a flow with a `request`, `manual` or \
          `flow` trigger has a caller)"]
    );
    for caller in ["request:", "manual:", "flow:"] {
        assert_eq!(faults(&around_actions(answer).replace("request:", caller)), [""; 0]);
    }
}

#[test]
fn static_results_are_there() {
    let text = around_actions("- name: A\n  staticResult: Oh\n  http: { method: GET, uri: u }");
    assert_eq!(
        faults(&format!("{text}staticResults: {{ Ohm: {{}} }}\n")),
        ["5:11 missing-key there is no static result `Oh` for `A` (did you mean `Ohm`?)"]
    );
}

#[test]
fn schemas_and_paths_are_checked_where_they_are_written() {
    check_trigger(
        "request: { schema: { properties: { n: { type: strin } } } }",
        &[
            "5:51 wrong-type `schema` is not a JSON Schema: \"strin\" is not valid under any of the \
         schemas listed in the 'anyOf' keyword",
        ],
    );
    for (path, reason) in [
        ("/", "it has no segments"),
        ("/a//b", "it has an empty segment"),
        ("/a/{}", "it has an empty segment"),
        ("/{a}.csv", "`{a}.csv` is neither plain nor one parameter like `{id}`"),
        ("/{a}/{a}", "it has two parameters `a`"),
    ] {
        check_trigger(
            &format!("request: {{ relativePath: \"{path}\" }}"),
            &[&format!(
                "5:30 wrong-type `relativePath` cannot be `{path}`: {reason} (write it like \
             `/orders/{{id}}`)"
            )],
        );
    }
}
