//! One small sample of every kind of action, and of the keys that all have.

use super::{around_actions, flow, show};

/// The kind of the first action of a block.
fn check(actions: &str, expected: &str) {
    let flow = flow(&around_actions(actions));
    assert_eq!(show::kind(&flow, &flow.action(0).kind), expected, "{actions}");
}

#[test]
fn calls() {
    check(
        "- name: Create\n  call: crm.CreateRecord\n  with: { entityName: accounts, item/name: \"@triggerBody()?['n']\" }",
        r#"call crm CreateRecord {"entityName":"accounts","item/name":«@triggerBody()?['n']»}"#,
    );
    check("- { name: List, call: crm.List }", "call crm List {}");
    check(
        "- name: Old\n  call: { connection: crm, method: get, path: \"/v2/@{item()}\", webhook: true }",
        "call crm get «/v2/@{item()}» {} waits",
    );
    check(
        "- name: Ask\n  http:\n    method: POST\n    uri: https://example.com/a\n    \
         headers: { Accept: text/plain }\n    queries: { q: 1 }\n    body: { a: $.trigger.body.a }\n    \
         authentication: { type: Basic, username: u }",
        r#"http "POST" "https://example.com/a" headers={"Accept":"text/plain"} queries={"q":1} body={"a":«$.trigger.body.a»} authentication={"type":"Basic","username":"u"}"#,
    );
    check(
        "- name: Wait for the answer\n  httpWebhook:\n    subscribe: { method: POST, uri: https://a, body: \"@listCallbackUrl()\" }\n    \
         unsubscribe: { method: DELETE, uri: https://b }",
        r#"httpWebhook "POST" "https://a" body=«@listCallbackUrl()» / "DELETE" "https://b""#,
    );
    check(
        "- name: Child\n  runFlow: Enrich\n  with: { id: 1 }\n  headers: { x: y }\n  trigger: Start",
        r#"runFlow Enrich Start body={"id":1} headers={"x":"y"}"#,
    );
    check(
        "- name: Answer\n  respond: { status: 201, headers: { a: b }, body: \"{{body.id}}\" }",
        r#"respond 201 headers={"a":"b"} body=«{{body.id}}»"#,
    );
    check("- { name: Answer, respond: }", "respond 200");
}

#[test]
fn data() {
    check("- { name: C, compose: [1, \"@@x\", a@b.c] }", r#"compose [1,"@x","a@b.c"]"#);
    check("- { name: C, compose: }", "compose null");
    check(
        "- name: C\n  compose: { \"@@odata.type\": t, \"x@{item()}\": 1 }",
        r#"compose {"@odata.type":"t",«x@{item()}»:1}"#,
    );
    check(
        "- name: P\n  parseJson: \"@body('A')\"\n  schema: { type: object }",
        r#"parseJson «@body('A')» as {"type":"object"}"#,
    );
    check(
        "- name: S\n  select: { id: \"@item()?['id']\" }\n  from: $.trigger.body.value",
        r#"select {"id":«@item()?['id']»} from «$.trigger.body.value»"#,
    );
    check(
        "- name: F\n  filter: { greater: [$.item.n, 3] }\n  from: $.trigger.body",
        "filter «$.trigger.body» by greater(«$.item.n», 3)",
    );
    check("- { name: J, join: \", \", from: [a, b] }", r#"join ["a","b"] with ", ""#);
    check(
        "- name: T\n  table: HTML\n  from: $.trigger.body\n  columns: [{ header: Id, value: \"@item()?['id']\" }]",
        r#"table Html «$.trigger.body» ["Id"=«@item()?['id']»]"#,
    );
    check("- { name: T, table: csv, from: [] }", "table Csv [] []");
    check("- { name: M, map: contact, from: $.trigger.body }", "map contact from «$.trigger.body»");
    check(
        "- name: D\n  compare: $.trigger.body\n  with: { a: 1 }\n  base: { a: 0 }",
        r#"compare «$.trigger.body» with {"a":1} base {"a":0} using "#,
    );
    check(
        "- name: D\n  compare: $.trigger.body\n  with: { a: 1 }\n  using: contact",
        r#"compare «$.trigger.body» with {"a":1} using contact"#,
    );
    check(
        "- name: E\n  expression: addToTime\n  with: { baseTime: \"@utcNow()\", interval: 1, timeUnit: Day }",
        r#"expression AddToTime {"baseTime":«@utcNow()»,"interval":1,"timeUnit":"Day"}"#,
    );
    check("- { name: U, unsupported: Liquid, with: { a: 1 } }", r#"unsupported Liquid {"a":1}"#);
}

#[test]
fn variables() {
    check(
        "- name: I\n  initialize: { name: count, type: integer, value: 0 }",
        "initialize count integer value=0",
    );
    check(
        "- name: I\n  initialize: [{ name: a, type: Array }, { name: b, type: string, value: x }]",
        r#"initialize a array; b string value="x""#,
    );
    check("- { name: S, set: { name: a, value: } }", "set a value=null");
    check("- { name: S, increment: { name: a } }", "increment a");
    check("- { name: S, decrement: { name: a, value: 2 } }", "decrement a value=2");
    check("- { name: S, append: { name: a, value: [1] } }", "append a value=[1]");
}

#[test]
fn control() {
    check("- { name: S, scope: [{ name: A, compose: 1 }] }", "scope [A: compose 1]");
    check(
        "- name: I\n  if:\n    and:\n      - equals: [$.trigger.body.type, Shared]\n      \
         - not: { or: [\"@empty(body())\", { startsWith: [a, b] }] }\n  then: [{ name: A, compose: 1 }]",
        "if and(equals(«$.trigger.body.type», \"Shared\"), not(or(«@empty(body())», startsWith(\"a\", \"b\")))) \
         [A: compose 1] else []",
    );
    check(
        "- name: I\n  if: true\n  then: []\n  else: [{ name: A, compose: 1 }]",
        "if «true» [] else [A: compose 1]",
    );
    check(
        "- name: S\n  switch: $.trigger.body.type\n  cases:\n    - { case: Shared, actions: [{ name: A, compose: 1 }] }\n    \
         - { case: 2, name: Two, actions: [] }\n  default: [{ name: B, compose: 2 }]",
        r#"switch «$.trigger.body.type» Shared="Shared": [A: compose 1] Two=2: [] default [B: compose 2]"#,
    );
    check(
        "- name: F\n  foreach: $.trigger.body.value\n  concurrency: 5\n  actions: [{ name: A, compose: $.item.id }]",
        "foreach «$.trigger.body.value» x5 [A: compose «$.item.id»]",
    );
    check("- { name: F, foreach: [1], actions: [] }", "foreach [1] x1 []");
    check(
        "- name: U\n  until: { equals: [$.variables.done, true] }\n  actions: [{ name: A, compose: 1 }]",
        "until equals(«$.variables.done», true) 60/PT3600S fail [A: compose 1]",
    );
    check(
        "- name: U\n  until: \"@variables('done')\"\n  limit: { count: 5, timeout: PT10M }\n  onLimit: continue\n  actions: []",
        "until «@variables('done')» 5/PT600S continue []",
    );
    check("- { name: T, terminate: Cancelled }", "terminate Cancelled");
    check(
        "- name: T\n  terminate: { status: failed, code: E1, message: \"no {{x}}\" }",
        r#"terminate Failed code="E1" message=«no {{x}}»"#,
    );
    check("- { name: W, wait: PT5M }", r#"wait "PT5M""#);
    check("- { name: W, wait: { interval: 5, unit: Minute } }", r#"wait 5 "Minute""#);
    check("- { name: W, wait: { until: $.trigger.body.at } }", "wait until «$.trigger.body.at»");
}

#[test]
fn common_keys_go_with_every_kind() {
    let actions = around_actions(
        "- name: Get it\n  description: why\n  call: crm.List\n  timeout: PT1H\n  \
         retryPolicy: { type: exponential, count: 4, interval: PT7S, maximumInterval: PT1H }\n  \
         secure: [inputs, outputs]\n  trackedProperties: { id: \"@action()\" }\n  staticResult: none\n  \
         minimumItemCount: 5000\n  operationOptions: DisableAsyncPattern, Chunked",
    );
    let action = flow(&(actions + "staticResults: { none: {} }\n")).actions.remove(0);
    assert_eq!(action.name.as_str(), "Get_it");
    assert_eq!((action.display.as_str(), action.description.as_deref()), ("Get it", Some("why")));
    assert_eq!(action.timeout, Some(base::Duration::seconds(3600)));
    assert_eq!(show::retry(action.retry.as_ref()), "exponential 4 PT7S -..PT3600S");
    assert!(action.secure_inputs && action.secure_outputs);
    assert_eq!(
        action.tracked_properties.as_ref().map(show::tree).unwrap(),
        r#"{"id":«@action()»}"#
    );
    assert_eq!(
        (action.static_result.as_deref(), action.minimum_item_count),
        (Some("none"), Some(5000))
    );
    assert!(action.has_option("disableasyncpattern") && action.has_option("chunked"));
}

#[test]
fn the_flow_s_own_keys() {
    let flow = flow(
        "flow: Name\ndescription: What\nparameters:\n  mark: { type: boolean, default: true, secure: true, description: d }\n\
         connections: { crm: dynamics-365 }\noutputs: { n: \"@body('A')\" }\n\
         staticResults: { none: { status: Succeeded } }\ntriggers: [{ name: T t, manual: }]\n\
         actions: [{ name: A, compose: 1 }]\n",
    );
    assert_eq!((flow.name.as_str(), flow.description.as_deref()), ("Name", Some("What")));
    let parameter = &flow.parameters[0];
    assert_eq!(
        (parameter.name.as_str(), parameter.ty.name(), parameter.secure),
        ("mark", "boolean", true)
    );
    assert_eq!(parameter.default, Some(true.into()));
    assert_eq!(
        (&*flow.connections[0].name, &*flow.connections[0].connector),
        ("crm", "dynamics-365")
    );
    assert_eq!(
        (flow.outputs[0].0.as_str(), show::tree(&flow.outputs[0].1)),
        ("n", "«@body('A')»".to_owned())
    );
    assert!(flow.static_results.contains_key("none"));
    assert!(flow.trigger("t_T").is_some() && flow.find("a") == Some(0));
}
