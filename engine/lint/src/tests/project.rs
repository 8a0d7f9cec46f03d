//! Rules that look beyond the flow: connectors, mappings, environments, other flows.

use base::Source;
use connector::Catalog;
use flow::{Environment, environment, package};

use crate::{FlowFile, Project, Settings, check_with, report::concise};

const CRM: &str = "connector: crm
version: 1.0.0
aliases: [shared_crm]
http: { baseUrl: 'https://crm.example.com' }
schemas:
  Deal: { type: object, properties: { name: { type: string }, items: { type: array }, owner: { $ref: '#/schemas/Person' } } }
  Person: { type: object, properties: { mail: { type: string } } }
  Open: { type: object, properties: { a: { type: string } }, additionalProperties: true }
operations:
  Update:
    effect: update
    request: PATCH /deals/{id}
    params:
      id: { type: string, required: true }
      stage: { type: [string, 'null'], enum: [open, won] }
      $top: { type: integer }
      version: { type: string, required: true, default: v1 }
      secret: { type: string, internal: true, default: x }
    bodyParam: item
    body: { type: object, required: [name], properties: { name: { type: string }, size: { type: integer, enum: [1, 2] } } }
  Hidden: { internal: true, effect: read, request: GET /hidden }
";

/// What is said about flows, mappings and an environment, each with its name.
pub(super) fn lint(files: &[(&str, &str)]) -> Vec<String> {
    lint_with(files, &Settings::default())
}

/// The same with other rules.
pub(super) fn lint_with(files: &[(&str, &str)], settings: &Settings) -> Vec<String> {
    let source = |name: &str, text: &str| Source::new(name, text);
    let mut catalog = Catalog::new(vec![connector::read(&source("connector.yaml", CRM)).0]);
    let (mut mappings, mut chosen): (Vec<_>, Option<Environment>) = (Vec::new(), None);
    for (name, text) in files {
        if let Some(mapping) = name.strip_suffix(".mapping.yaml") {
            mappings.push((mapping.to_owned(), source(name, text)));
        } else if *name == "environment.yaml" {
            chosen = Some(environment::read(&source(name, text)).0);
        } else if *name == "connector.yaml" {
            let (connector, found) = connector::read(&source(name, text));
            assert!(found.is_empty(), "{found:?}");
            catalog = Catalog::new(vec![connector]);
        }
    }
    let flows =
        files.iter().filter(|(name, _)| name.ends_with("flow.yaml") || name.contains("json"));
    let packages: Vec<_> = flows
        .map(|(name, text)| {
            let folder = name.split('/').next().unwrap();
            (folder, package::read(&source(name, text), &mappings))
        })
        .collect();
    let flows: Vec<_> = packages.iter().map(|(name, package)| FlowFile { name, package }).collect();
    let project = Project { flows: &flows, catalog: &catalog, environment: chosen.as_ref() };
    concise(&check_with(&project, settings)).lines().map(str::to_owned).collect()
}

/// What is said about a call with these inputs, which stand in line 6.
fn call(with: &str, expected: &[&str]) {
    let text = format!(
        "flow: F\ntriggers: [{{ name: T, manual: }}]\nconnections: {{ c: crm }}\nactions:\n\
         - name: A\n  with: {with}\n  call: c.Update\n"
    );
    assert_eq!(lint(&[("flow.yaml", &text)]), expected, "{with}");
}

#[test]
fn inputs_fit_the_operation() {
    call("{ id: 7, item: { name: x } }", &[]);
    call("{ id: \"@triggerBody()\", item: \"@triggerBody()\", $top: '5' }", &[]);
    call("{ id: a, item/name: x, stage: null }", &[]);
    call("{ id: a, item/name: x, item/custom_field: 1 }", &[]);
    call(
        "{}",
        &[
            "flow.yaml:7:9: error[bad-input]: `Update` needs the input `id` (add `id:` to `with`)",
            "flow.yaml:7:9: error[bad-input]: `Update` needs `name` in `item`",
        ],
    );
    // Keys that are computed may be any.
    call("{ '@{triggerBody()}': 7 }", &[]);
    call("\"@triggerBody()\"", &[]);
    call(
        "{ id: a, item/name: 7, $top: many, secret: y, size: 1 }",
        &[
            "flow.yaml:6:29: error[bad-input]: `item/name` of `Update` takes string, not integer",
            "flow.yaml:6:38: error[bad-input]: `$top` of `Update` takes integer, not string",
            "flow.yaml:6:44: error[bad-input]: `secret` of `Update` is set by the connector \
             (known: `id`, `stage`, `$top`, `version`, `item`)",
            "flow.yaml:6:55: error[bad-input]: `Update` has no input `size` \
             (known: `id`, `stage`, `$top`, `version`, `item`)",
        ],
    );
    call(
        "{ id: a, item: { name: x, size: 3 }, stage: Open }",
        &["flow.yaml:6:53: error[invalid-choice]: `stage` of `Update` cannot be `Open` \
           (did you mean `open`?)"],
    );
    call(
        "{ id: a, item/name: x, item/size: 3 }",
        &["flow.yaml:6:43: error[invalid-choice]: `item/size` of `Update` cannot be `3` \
           (known: `1`, `2`)"],
    );
}

#[test]
fn operations_of_the_connector_itself_are_not_for_flows() {
    let text = "flow: F\ntriggers: [{ name: T, manual: }]\nconnections: { c: shared_crm }\n\
                actions: [{ name: A, call: c.Hidden }, { name: B, call: c.update }]\n";
    assert_eq!(
        lint(&[("flow.yaml", text)]),
        [
            "flow.yaml:4:28: error[unknown-operation]: `Hidden` is for the connector's own use",
            "flow.yaml:4:57: error[unknown-operation]: connector `crm` has no operation `update` \
             (did you mean `Update`?)",
        ]
    );
}

#[test]
fn what_the_cloud_has_and_we_do_not_is_a_warning_in_its_definitions() {
    let text = r#"{ "definition": {
 "triggers": { "manual": { "type": "Request", "kind": "Button", "inputs": {} } },
 "actions": {
  "A": { "type": "OpenApiConnection", "inputs": { "host": { "connectionName": "shared_crm", "operationId": "Other" }, "parameters": {} } },
  "B": { "type": "Compose", "inputs": "@concat(appsetting(encodeBase64('a')), parameters('elsewhere'))", "runAfter": {} },
  "C": { "type": "Compose", "inputs": "[concat('@{body(''Nowhere'')}', variables('x'))]", "runAfter": {} },
  "D": { "type": "Compose", "inputs": "[@{body('Nowhere')}]", "runAfter": {} },
  "E": { "type": "Workflow", "inputs": { "host": { "workflowReferenceName": "0b7b" } }, "runAfter": {} }
 } } }"#;
    assert_eq!(
        lint(&[("workflow.json", text)]),
        [
            "workflow.json:4:108: warning[unknown-operation]: connector `crm` has no operation `Other` \
             (known: `Update`)",
            "workflow.json:5:59: warning[unknown-function]: function `encodeBase64` of the cloud \
             is not available here (use `base64`)",
            "workflow.json:5:90: warning[unknown-parameter]: there is no parameter `elsewhere` \
             (declare it: `parameters: { elsewhere: { type: string } }`)",
            "workflow.json:6:39: warning[expression-syntax]: this text is complete only when its \
             deployment template is filled in (import the deployed definition)",
            "workflow.json:7:48: error[unknown-action-reference]: there is no action `Nowhere` \
             (known: `A`, `B`, `C`, `D`, `E`)",
        ]
    );
}

#[test]
fn paths_of_mappings_lead_into_the_source() {
    let flow = "flow: F\ntriggers: [{ name: T, manual: }]\nactions: [{ name: M, map: m, from: \"@triggerBody()\" }]\n";
    let mapping = "mapping: m\nfrom: crm#Deal\nto: crm#Open\nfields:\n  a: $.items.first\n  \
                   b: \"{{owner.mail}} {{actions.x}} {{nobody}}\"\n  c: $.owner.email\n  \
                   d: \"@concat(item()?['name'], variables('v'), parameters('p'))\"\n  e: $.owner[?@.mail]\n  \
                   f: { from: $.name, default: $.title, when: \"@equals(item(), 1)\" }\n";
    assert_eq!(
        lint(&[("flow.yaml", flow), ("m.mapping.yaml", mapping)]),
        [
            "m.mapping.yaml:5:14: error[type-mismatch]: an array has no field `first` \
             (take an item first, such as `[0]`)",
            "m.mapping.yaml:6:22: error[mapping-unknown-field]: `crm#Deal` has no field `actions` \
             (known: `name`, `items`, `owner`)",
            "m.mapping.yaml:6:36: error[mapping-unknown-field]: `crm#Deal` has no field `nobody` \
             (known: `name`, `items`, `owner`)",
            "m.mapping.yaml:7:6: error[mapping-unknown-field]: `crm#Deal` has no field `owner.email` \
             (did you mean `mail`?)",
            "m.mapping.yaml:8:42: error[unknown-variable]: there is no variable `v` \
             (initialize it first, at the top level)",
            "m.mapping.yaml:8:59: error[unknown-parameter]: there is no parameter `p` \
             (declare it: `parameters: { p: { type: string } }`)",
            "m.mapping.yaml:10:31: error[mapping-unknown-field]: `crm#Deal` has no field `title` \
             (known: `name`, `items`, `owner`)",
            "m.mapping.yaml:10:48: warning[type-mismatch]: `equals` compares object with integer, \
             which are never equal",
        ]
    );
    let mapping = "mapping: m\nfrom: cmr#Deal\nto: crm#Dael\nfields: {}\n";
    assert_eq!(
        lint(&[("flow.yaml", flow), ("m.mapping.yaml", mapping)]),
        [
            "m.mapping.yaml:2:7: error[mapping-unknown-field]: there is no connector `cmr` \
             (did you mean `crm`?)",
            "m.mapping.yaml:3:5: error[mapping-unknown-field]: connector `crm` has no schema `Dael` \
             (did you mean `Deal`?)",
        ]
    );
}

#[test]
fn environments_give_what_flows_need() {
    let flow = "flow: F\nparameters: { a: { type: string }, b: { type: string, default: x } }\n\
                connections: { c: crm }\ntriggers: [{ name: T, manual: }]\nactions: []\n";
    for (connections, expected) in [
        ("{ c: { connector: shared_crm } }", None),
        ("{ other: { connector: crm } }", None),
        ("{ crm: {} }", None),
        ("{}", Some("connection `c` is not in this environment")),
        (
            "{ c: { connector: other } }",
            Some("connection `c` is one of `other` in this environment"),
        ),
        (
            "{ x: { connector: crm }, y: { connector: crm } }",
            Some(
                "this environment has several connections to `crm` \
                 (name one of them `c`, as the flow does)",
            ),
        ),
    ] {
        let environment = format!("parameters: {{ A: 1 }}\nconnections: {connections}\n");
        let found = lint(&[("flow.yaml", flow), ("environment.yaml", &environment)]);
        let expected =
            expected.map(|it| format!("flow.yaml:3:19: error[unknown-connection]: {it}"));
        assert_eq!(found, Vec::from_iter(expected), "{connections}");
    }
    let found = lint(&[("flow.yaml", flow), ("environment.yaml", "connections: { crm: {} }\n")]);
    assert_eq!(
        found,
        [
            "flow.yaml:2:15: error[unknown-parameter]: parameter `a` has no value in this environment, \
          nor a default (add `a` to the `parameters` of the environment)"
        ]
    );
}

#[test]
fn flows_may_call_each_other_but_not_in_a_circle() {
    let flow = |name: &str, calls: &str| {
        format!(
            "flow: {name}\ntriggers: [{{ name: T, flow: }}, {{ name: R, recurrence: {{ frequency: Day, interval: 1 }} }}]\n\
             actions: [{{ name: A, runFlow: {calls} }}]\n"
        )
    };
    let leaf = "flow: Leaf\ntriggers: [{ name: T, flow: }]\nactions: []\n";
    let (a, b, me) = (flow("A a", "b"), flow("B", "leaf"), flow("Me", "me"));
    let files = [("a/flow.yaml", &*a), ("b/flow.yaml", &*b), ("leaf/flow.yaml", leaf)];
    assert_eq!(lint(&files), Vec::<String>::new());
    let (b, c) = (flow("B", "c"), flow("C", "a_A"));
    assert_eq!(
        lint(&[
            ("x/flow.yaml", &a),
            ("b/flow.yaml", &b),
            ("c/flow.yaml", &c),
            ("me/flow.yaml", &me)
        ]),
        [
            "x/flow.yaml:3:31: error[subflow-contract]: flows call each other: `A a` calls `B` calls \
             `C` calls `A a` (such a run never ends; break the circle)",
            "b/flow.yaml:3:31: error[subflow-contract]: flows call each other: `B` calls `C` calls \
             `A a` calls `B` (such a run never ends; break the circle)",
            "c/flow.yaml:3:31: error[subflow-contract]: flows call each other: `C` calls `A a` calls \
             `B` calls `C` (such a run never ends; break the circle)",
            "me/flow.yaml:3:31: error[subflow-contract]: flows call each other: `Me` calls `Me` \
             (such a run never ends; break the circle)",
        ]
    );
}

#[test]
fn called_flows_get_what_they_take() {
    let form = "manual: { inputs: { id: { title: Id, type: string, required: true }, n: { title: N, type: integer, choices: [1, 2] }, d: { title: D, type: string, required: true, default: x } } }";
    let schema = "flow: { schema: { type: object, required: [id], properties: { id: { type: string }, n: { type: integer } } } }";
    let lax = "request: { validate: false, schema: { type: object, required: [id] } }";
    for (trigger, with, expected) in [
        (form, "", 1),
        (form, ", with: {}", 1),
        (form, ", with: { id: 7 }", 1),
        (form, ", with: { id: x, n: 3 }", 1),
        (form, ", with: { id: x, more: 1 }", 1),
        (form, ", with: { n: \"@length(triggerBody())\" }", 1),
        (form, ", with: { id: \"@triggerBody()\", more: 1 }", 1),
        (form, ", with: { id: \"@triggerBody()\" }", 0),
        (form, ", with: { id: x, n: 2 }", 0),
        (form, ", with: \"@triggerBody()\"", 0),
        (form, ", with: { '@{triggerBody()}': 1 }", 0),
        (schema, "", 1),
        (schema, ", with: { n: 1 }", 1),
        (schema, ", with: { id: \"@triggerBody()\", n: x }", 1),
        (schema, ", with: { id: \"@triggerBody()\", n: 1, more: 1 }", 0),
        (schema, ", with: $.trigger.body", 0),
        (lax, "", 0),
        ("flow:", "", 0),
        ("flow:", ", with: { any: 1 }", 0),
        ("manual:", ", with: { any: 1 }", 0),
    ] {
        let caller = format!(
            "flow: F\ntriggers: [{{ name: T, manual: }}]\nactions: [{{ name: A, runFlow: Child{with} }}]\n"
        );
        let child = format!("flow: Child\ntriggers: [{{ name: X, {trigger} }}]\nactions: []\n");
        let found = lint(&[("f/flow.yaml", &caller), ("c/flow.yaml", &child)]);
        let count = found.iter().filter(|it| it.contains("does not take this")).count();
        assert_eq!(count, expected, "{trigger} {with}: {found:?}");
    }
}

#[test]
fn circles_are_those_of_triggers() {
    // The flow calls B behind a condition, and B calls back its trigger `Called`.
    let said = |actions: &str, trigger: &str, back: &str| {
        let a = format!(
            "flow: A\ntriggers: [{{ name: Daily, recurrence: {{ frequency: Day, interval: 1 }} }}, {{ name: Called, flow: {trigger} }}]\n\
             actions:\n- {{ name: Start, compose: 1 }}\n{actions}\n"
        );
        let b = format!(
            "flow: B\ntriggers: [{{ name: T, flow: }}]\nactions: [{{ name: Back, {back} }}]\n"
        );
        let found = lint(&[("a/flow.yaml", &a), ("b/flow.yaml", &b)]);
        let found = found.iter().filter(|it| it.contains("flows call each other"));
        let severity = |it: &String| it.split(": ").nth(1)?.split('[').next().map(str::to_owned);
        let mut found: Vec<String> = found.filter_map(severity).collect();
        found.dedup();
        found
    };
    let call = "- { name: Go, runFlow: B }";
    let back = "runFlow: A, trigger: Called";
    assert_eq!(said(call, "", back), ["error"]);
    // Only a run of the other trigger goes there.
    for condition in [
        "\"@equals(trigger()['name'], 'Daily')\"",
        "\"@equals(trigger()?.name, 'Daily')\"",
        "{ equals: [$.trigger.name, Daily] }",
        "{ equals: [\"@{trigger().name}\", Daily] }",
        "{ not: { equals: [\"@trigger()?['name']\", Called] } }",
        "{ and: [\"@equals(trigger().name, 'Daily')\", \"@empty(triggerBody())\"] }",
    ] {
        let asked = format!("- {{ name: I, if: {condition}, then: [{{ name: Go, runFlow: B }}] }}");
        assert!(said(&asked, "", back).is_empty(), "{condition}");
        let asked = format!(
            "- {{ name: I, if: {condition}, then: [{{ name: N, compose: 1 }}], else: [{{ name: Go, runFlow: B }}] }}"
        );
        assert!(!said(&asked, "", back).is_empty(), "{condition}");
    }
    for asked in [
        "- { name: I, switch: $.trigger.name, cases: [{ case: Daily, actions: [{ name: Go, runFlow: B }] }] }",
        "- { name: I, if: \"@equals(trigger().name, 'Called')\", then: [{ name: E, terminate: Succeeded }] }\n- { name: Go, runFlow: B }",
    ] {
        assert!(said(asked, "", back).is_empty(), "{asked}");
    }
    // What may end by itself is not sure to go on for ever.
    for asked in [
        "- { name: I, if: \"@empty(triggerBody())\", then: [{ name: Go, runFlow: B }] }",
        "- { name: I, if: \"@equals(trigger().outputs.body.name, 'Daily')\", then: [{ name: Go, runFlow: B }] }",
        "- { name: L, foreach: \"@triggerBody()\", actions: [{ name: Go, runFlow: B }] }",
        "- { name: Go, runFlow: B, runAfter: { Start: [Failed] } }",
        "- { name: I, if: \"@empty(triggerBody())\", then: [{ name: E, terminate: Succeeded }] }\n- { name: Go, runFlow: B }",
    ] {
        assert_eq!(said(asked, "", back), ["warning"], "{asked}");
    }
    assert_eq!(said(call, ", conditions: \"@empty(triggerBody())\"", back), ["warning"]);
    assert!(said(call, "", "compose: 1").is_empty());
}

#[test]
fn called_flows_need_one_trigger_to_be_called_by() {
    let caller = |rest: &str| {
        format!(
            "flow: F\ntriggers: [{{ name: T, manual: }}]\nactions: [{{ name: A, runFlow: Child{rest} }}]\n"
        )
    };
    let child = |triggers: &str| format!("flow: Child\ntriggers: [{triggers}]\nactions: []\n");
    let (daily, two) = (
        "{ name: D, recurrence: { frequency: Day, interval: 1 } }",
        "{ name: X, manual: }, { name: Y, flow: }",
    );
    for (rest, triggers, expected) in [
        ("", "{ name: X, flow: }", ""),
        (", trigger: y", two, ""),
        ("", daily, "flow `Child` has no trigger that can be called (give it the trigger `flow:`)"),
        (
            "",
            two,
            "flow `Child` has several triggers that can be called \
                   (name one: `trigger: X` or `trigger: Y`)",
        ),
        (", trigger: Z", two, "flow `Child` has no trigger `Z` (known: `X`, `Y`)"),
        (
            ", trigger: d",
            daily,
            "the trigger `d` of flow `Child` cannot be called \
             (name a `flow:`, `request:` or `manual:` trigger)",
        ),
    ] {
        let found = lint(&[("f/flow.yaml", &caller(rest)), ("c/flow.yaml", &child(triggers))]);
        let expected: Vec<String> = std::iter::once(expected)
            .filter(|it| !it.is_empty())
            .map(|it| format!("f/flow.yaml:3:31: error[subflow-contract]: {it}"))
            .collect();
        assert_eq!(found, expected, "{rest} {triggers}");
    }
}

#[test]
fn quoted_operands_are_found_where_they_stand() {
    let flow = "flow: F\ntriggers: [{ name: T, manual: }]\nactions:\n- name: A\n  then:\n  - name: B\n    \
                if: { equals: [\"'x'\", 1] }\n    then: []\n  if:\n    or:\n    \
                - equals: [\"@triggerBody()\", \"'x'\"]\n    - not: { contains: [\"'x'\", \"'tis\"] }\n    \
                - equals: [\"'a','b'\", \"@{'x'}\"]\n";
    let message = |line: usize, column: usize| {
        format!(
            "flow.yaml:{line}:{column}: warning[quoted-literal]: the quotes are part of the value: \
             this is compared with `'x'` (write `x`: texts need quotes in expressions only)"
        )
    };
    let mut found = lint(&[("flow.yaml", flow)]);
    found.retain(|it| it.contains("quoted-literal"));
    assert_eq!(found, [message(7, 20), message(11, 34), message(12, 25)]);
}

#[test]
fn triggers_that_check_who_asks_are_silent() {
    for (trigger, expected) in [
        ("{ name: T, request: }", 1),
        ("{ name: T, request: { kind: http } }", 1),
        ("{ name: T, request: { kind: Button } }", 0),
        (
            "{ name: T, request: , conditions: \"@equals(triggerOutputs()?['headers']?['k'], 'x')\" }",
            0,
        ),
        ("{ name: T, request: , conditions: \"@equals(triggerBody()?['k'], 'x')\" }", 1),
    ] {
        let flow = format!("flow: F\ntriggers: [{trigger}]\nactions: []\n");
        let found = lint(&[("flow.yaml", &flow)]);
        let count = found.iter().filter(|it| it.contains("unauthenticated-trigger")).count();
        assert_eq!(count, expected, "{trigger}: {found:?}");
    }
}
