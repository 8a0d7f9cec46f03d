//! Definitions of the cloud's, and what they are read as.

use base::{Source, Status};
use expr::Dialect;

use super::{lines, show};
use crate::{Flow, import};

fn read(text: &str) -> (Flow, Vec<String>) {
    let source = Source::new("flows/Sync/workflow.json", text);
    let (flow, found) = import::read(&source);
    let shown = lines(&source, &found);
    (flow, shown)
}

fn flow(text: &str) -> Flow {
    let (flow, found) = read(text);
    assert_eq!(found, Vec::<String>::new(), "{text}");
    assert_eq!(flow.dialect, Dialect::Wdl);
    flow
}

/// The kind of the first action of an object of actions.
fn check(actions: &str, expected: &str) {
    let flow = flow(&format!("{{\"triggers\": {{}}, \"actions\": {{{actions}}}}}"));
    assert_eq!(show::kind(&flow, &flow.action(0).kind), expected, "{actions}");
}

fn check_trigger(trigger: &str, expected: &str) {
    let flow = flow(&format!("{{\"triggers\": {{\"T\": {{{trigger}}}}}, \"actions\": {{}}}}"));
    assert_eq!(show::trigger(&flow.triggers[0].kind), expected, "{trigger}");
}

#[test]
fn three_forms_are_read() {
    let definition = r#"{"description": "d", "parameters": {"p": {"type": "SecureString", "defaultValue": "x"}},
        "triggers": {"manual": {"type": "Request", "kind": "Button"}},
        "actions": {"A": {"type": "Compose", "inputs": 1}},
        "outputs": {"o": {"type": "string", "value": "@body('A')"}}}"#;
    for (text, name) in [
        (definition.to_owned(), "Sync"),
        (format!("{{\"definition\": {definition}, \"kind\": \"Stateful\"}}"), "Sync"),
        (
            format!(
                "{{\"properties\": {{\"displayName\": \"My flow\", \"definition\": {definition}}}}}"
            ),
            "My flow",
        ),
    ] {
        let flow = flow(&text);
        assert_eq!((flow.name.as_str(), flow.description.as_deref()), (name, Some("d")));
        assert!(flow.parameters[0].secure && flow.parameters[0].default == Some("x".into()));
        assert_eq!(show::trigger(&flow.triggers[0].kind), "request None None Some(\"Button\")");
        assert_eq!(show::tree(&flow.outputs[0].1), "«@body('A')»");
        assert_eq!(flow.actions.len(), 1);
    }
    let (_, found) = read("{\"a\": 1}");
    assert_eq!(
        found,
        [
            "1:2 missing-key this is not a workflow definition: it has no `actions` and no `triggers` \
          (expected a definition, `{definition: …}` or `{properties: {definition: …}}`)"
        ]
    );
}

#[test]
fn connector_calls() {
    check(
        r#""A": {"type": "OpenApiConnection", "inputs": {"host": {"connectionName": "shared_crm", "operationId": "Get",
            "apiId": "/providers/Microsoft.PowerApps/apis/shared_crm"}, "parameters": {"item/a": "@triggerBody()"}}}"#,
        r#"call shared_crm Get {"item/a":«@triggerBody()»}"#,
    );
    check(
        r#""A": {"type": "openapiconnectionWebhook", "inputs": {"host": {"connectionName": "c", "operationId": "W"}}}"#,
        "call c W {} waits",
    );
    check(
        r#""A": {"type": "ApiConnection", "inputs": {"host": {"connection": {"name": "@parameters('$connections')['office365']['connectionId']"}},
            "method": "post", "path": "/v2/@{encodeURIComponent('a')}", "body": {"a": 1}, "queries": {"q": "@item()"}}}"#,
        r#"call office365 post «/v2/@{encodeURIComponent('a')}» {"queries":{"q":«@item()»},"body":{"a":1}}"#,
    );
    check(
        r#""A": {"type": "ApiConnectionWebhook", "inputs": {"host": {"connection": {"referenceName": "teams"}}, "path": "/x", "body": 1}}"#,
        r#"call teams post "/x" {"body":1} waits"#,
    );
}

#[test]
fn connections_are_known_by_reference() {
    let flow = flow(
        r#"{"definition": {"triggers": {}, "actions": {}},
        "connectionReferences": {"shared_a_1": {"api": {"name": "shared_a"}}, "b": {"id": "/providers/x/apis/shared_b"}},
        "parameters": {"$connections": {"value": {"office365-1": {"connectionId": "i", "id": "/x/managedApis/office365"}}}}}"#,
    );
    let shown: Vec<_> =
        flow.connections.iter().map(|it| format!("{}={}", it.name, it.connector)).collect();
    assert_eq!(shown, ["shared_a_1=shared_a", "b=shared_b", "office365-1=office365"]);
}

#[test]
fn control() {
    check(
        r#""A": {"type": "If", "expression": {"and": [{"equals": ["@a()", 1]}, {"not": {"contains": ["@b()", "x"]}}]},
            "actions": {"B": {"type": "Compose", "inputs": 1}}, "else": {"actions": {"C": {"type": "Compose", "inputs": 2}}}}"#,
        "if and(equals(«@a()», 1), not(contains(«@b()», \"x\"))) [B: compose 1] else [C: compose 2]",
    );
    check(
        r#""A": {"type": "Switch", "expression": "@a()", "cases": {"Case": {"case": 1, "actions": {}}, "Case_2": {"case": "x", "actions":
            {"B": {"type": "Compose", "inputs": 1}}}}, "default": {"actions": {}}}"#,
        "switch «@a()» Case=1: [] Case_2=\"x\": [B: compose 1] default []",
    );
    check(
        r#""A": {"type": "Until", "expression": "@a()", "limit": {"count": 5, "timeout": "PT1M"}, "actions": {}}"#,
        "until «@a()» 5/PT60S continue []",
    );
    check(
        r#""A": {"type": "Until", "expression": "@a()", "operationOptions": "FailWhenLimitsReached", "actions": {}}"#,
        "until «@a()» 60/PT3600S fail []",
    );
    check(
        r#""A": {"type": "Terminate", "inputs": {"runStatus": "FAILED", "runError": {"code": "1", "message": "@a()"}}}"#,
        r#"terminate Failed code="1" message=«@a()»"#,
    );
    check(r#""A": {"type": "scope", "actions": {}}"#, "scope []");
    check(
        r#""A": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "/a/workflows/child"}, "triggerName": "manual"}, "body": {"a": 1}}}"#,
        r#"runFlow child manual body={"a":1}"#,
    );
    check(
        r#""A": {"type": "Workflow", "inputs": {"host": {"workflowReferenceName": "751183fc"}}}"#,
        "runFlow 751183fc -",
    );
}

#[test]
fn loops_are_as_parallel_as_in_the_cloud() {
    let open_api = r#", "B": {"type": "OpenApiConnection", "inputs": {"host": {"connectionName": "c", "operationId": "o"}}}"#;
    let function =
        r#", "B": {"type": "Function", "inputs": {"function": {"id": "/f"}, "method": "GET"}}"#;
    for (foreach, rest, repetitions) in [
        ("", "", 1),
        ("", open_api, 1),
        ("", function, 20),
        (r#", "operationOptions": "Sequential""#, "", 1),
        (r#", "runtimeConfiguration": {"concurrency": {"repetitions": 50}}"#, open_api, 50),
    ] {
        check(
            &format!(
                r#""A": {{"type": "Foreach", "foreach": "@a()", "actions": {{}}{foreach}}}{rest}"#
            ),
            &format!("foreach «@a()» x{repetitions} []"),
        );
    }
    let inner = r#"{"type": "Foreach", "foreach": "@b()", "actions": {}}"#;
    let flow = flow(&format!(
        r#"{{"kind": "Stateful", "definition": {{"triggers": {{}}, "actions": {{
            "A": {{"type": "Foreach", "foreach": "@a()", "actions": {{"I": {inner}}}}}, "B": {inner}}}}}}}"#
    ));
    let at = |name: &str| {
        let id = flow.find(name).unwrap();
        show::kind(&flow, &flow.action(id).kind)
    };
    assert_eq!(
        (at("I").as_str(), at("B").as_str()),
        ("foreach «@b()» x1 []", "foreach «@b()» x20 []")
    );
}

#[test]
fn data() {
    for (ty, inputs, expected) in [
        (
            "Compose",
            r#"{"@@odata.type": "x", "a": "{{x}} $.y"}"#,
            r#"compose {"@odata.type":"x","a":"{{x}} $.y"}"#,
        ),
        (
            "ParseJson",
            r#"{"content": "@a()", "schema": {"type": "object"}}"#,
            r#"parseJson «@a()» as {"type":"object"}"#,
        ),
        (
            "Query",
            r#"{"from": "@a()", "where": "@equals(item(), 1)"}"#,
            "filter «@a()» by «@equals(item(), 1)»",
        ),
        (
            "Select",
            r#"{"from": "@a()", "select": {"x": "@item()"}}"#,
            r#"select {"x":«@item()»} from «@a()»"#,
        ),
        ("Join", r#"{"from": "@a()", "joinWith": ", "}"#, r#"join «@a()» with ", ""#),
        (
            "Table",
            r#"{"from": "@a()", "format": "HTML", "columns": [{"header": "h", "value": "@item()"}]}"#,
            r#"table Html «@a()» ["h"=«@item()»]"#,
        ),
        (
            "InitializeVariable",
            r#"{"variables": [{"name": "a", "type": "Boolean", "value": false}]}"#,
            "initialize a boolean value=false",
        ),
        ("SetVariable", r#"{"name": "a", "value": null}"#, "set a value=null"),
        ("IncrementVariable", r#"{"name": "a"}"#, "increment a"),
        ("DecrementVariable", r#"{"name": "a", "value": 2}"#, "decrement a value=2"),
        ("AppendToArrayVariable", r#"{"name": "a", "value": 1}"#, "append a value=1"),
        ("AppendToStringVariable", r#"{"name": "a", "value": "x"}"#, r#"append a value="x""#),
        ("Http", r#"{"method": "GET", "uri": "https://a"}"#, r#"http "GET" "https://a""#),
        (
            "HttpWebhook",
            r#"{"subscribe": {"method": "POST", "uri": "https://a"}, "unsubscribe": {}}"#,
            r#"httpWebhook "POST" "https://a" / "#,
        ),
        ("Response", r#"{"statusCode": 200, "body": "@a()"}"#, "respond 200 body=«@a()»"),
        ("Wait", r#"{"interval": {"count": 5, "unit": "Minute"}}"#, r#"wait 5 "Minute""#),
        ("Wait", r#"{"until": {"timestamp": "@a()"}}"#, "wait until «@a()»"),
    ] {
        check(&format!("\"A\": {{\"type\": \"{ty}\", \"inputs\": {inputs}}}"), expected);
    }
    check(
        r#""A": {"type": "Expression", "kind": "ConvertTimezone", "inputs": {"baseTime": "@a()"}}"#,
        r#"expression ConvertTimeZone {"baseTime":«@a()»}"#,
    );
}

#[test]
fn triggers() {
    check_trigger(
        r#""type": "Request", "kind": "Http", "inputs": {"schema": {}, "method": "PUT"}"#,
        r#"request Some("PUT") None Some("Http") {}"#,
    );
    check_trigger(
        r#""type": "recurrence", "recurrence": {"frequency": "Week", "interval": "2", "schedule": {"hours": ["8"], "weekDays": ["Monday"]}}"#,
        "recurrence every 2 Week hours=8 weekDays=Monday",
    );
    check_trigger(
        r#""type": "SlidingWindow", "inputs": {"delay": "PT5M"}, "recurrence": {"frequency": "Hour", "interval": 1}"#,
        "recurrence every 1 Hour delay=PT300S sliding",
    );
    check_trigger(
        r#""type": "OpenApiConnectionWebhook", "inputs": {"host": {"connectionName": "c", "operationId": "Sub"}, "parameters": {"a": 1}}"#,
        r#"on c Sub {"a":1} webhook=true"#,
    );
    check_trigger(
        r#""type": "ApiConnection", "recurrence": {"frequency": "Minute", "interval": 3}, "inputs": {"host": {"connection": {"name": "@parameters('$connections')['o']['connectionId']"}}, "method": "get", "path": "/OnNewEmail", "queries": {"q": 1}}"#,
        r#"on o get /OnNewEmail {"queries":{"q":1}} every 3 Minute webhook=false"#,
    );
    check_trigger(
        r#""type": "Http", "inputs": {"method": "GET", "uri": "https://a"}, "recurrence": {"frequency": "Day", "interval": 1}"#,
        r#"http "GET" "https://a" every 1 Day"#,
    );
}

#[test]
fn common_keys_go_with_every_type() {
    let flow = flow(
        r#"{"triggers": {"T": {"type": "Request", "splitOn": "@triggerBody()", "conditions": [{"expression": "@equals(1, 1)"}],
            "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 10}, "secureData": {"properties": ["inputs"]}}}},
        "actions": {
            "A_a": {"type": "Http", "description": "d", "inputs": {"method": "GET", "uri": "u", "retryPolicy": {"type": "fixed", "count": "@int('3')", "interval": "PT5S"}},
                "limit": {"timeout": "PT1H"}, "trackedProperties": {"a": 1}, "operationOptions": "DisableAsyncPattern, Asynchronous",
                "runtimeConfiguration": {"paginationPolicy": {"minimumItemCount": 5000}, "secureData": {"properties": ["Outputs"]},
                    "staticResult": {"name": "Http0", "staticResultOptions": "Enabled"}}},
            "B": {"type": "Compose", "inputs": 1, "runAfter": {"a a": ["FAILED", "TimedOut"]}},
            "C": {"type": "Compose", "inputs": 1, "runAfter": {"T": ["Succeeded"]}},
            "D": {"type": "Compose", "inputs": 1}},
        "staticResults": {"Http0": {}}}"#,
    );
    let trigger = &flow.triggers[0];
    assert_eq!(trigger.split_on.as_ref().unwrap().template.source(), "@triggerBody()");
    assert_eq!(trigger.conditions[0].template.source(), "@equals(1, 1)");
    assert!(trigger.secure_inputs && !trigger.secure_outputs);
    let concurrency = trigger.concurrency.as_ref().unwrap();
    assert_eq!((concurrency.runs, concurrency.max_waiting), (1, Some(10)));
    let action = flow.action(0);
    assert_eq!(show::retry(action.retry.as_ref()), "fixed 3 PT5S");
    assert_eq!(action.timeout, Some(base::Duration::seconds(3600)));
    assert_eq!(
        (action.minimum_item_count, action.static_result.as_deref()),
        (Some(5000), Some("Http0"))
    );
    assert!(action.secure_outputs && action.has_option("Asynchronous"));
    let after = &flow.action(1).run_after;
    assert_eq!((after.len(), after[0].predecessor), (1, 0));
    assert_eq!(after[0].statuses.iter().collect::<Vec<_>>(), [Status::Failed, Status::TimedOut]);
    assert!(flow.action(2).run_after.is_empty() && flow.action(3).run_after.is_empty());
}

#[test]
fn what_the_cloud_does_not_save_is_an_error_and_what_it_does_is_none() {
    let check = |action: &str, expected: &str| {
        let (_, found) =
            read(&format!("{{\"triggers\": {{}}, \"actions\": {{\"A\": {{{action}}}}}}}"));
        assert_eq!(found.join("; "), expected, "{action}");
    };
    let set = |value: &str| {
        format!(r#""type": "SetVariable", "inputs": {{"name": "N", "value": {value}}}"#)
    };
    let own = "wrong-type the variable `N` cannot be set from itself (compute the value with a \
               `Compose` before)";
    check(&set(r#"["@{concat(variables('n'), 1)}"]"#), &format!("1:113 {own}"));
    check(&set(r#""@variables('N')?['x']""#), &format!("1:104 {own}"));
    check(&set(r#""@variables('other')""#), "");
    check(&set(r#""variables('N')""#), "");
    let hook = |unsubscribe: &str| {
        let subscribe = r#"{"method": "POST", "uri": "https://x.example"}"#;
        format!(
            r#""type": "HttpWebhook", "inputs": {{"subscribe": {subscribe}, "unsubscribe": {unsubscribe}}}"#
        )
    };
    check(&hook("{}"), "");
    check(
        &hook(r#"{"body": 1}"#),
        "1:146 missing-key `unsubscribe` has no `uri`; nothing is unsubscribed",
    );
    check(
        r#""type": "Compose""#,
        "1:30 missing-key action `A` has no `inputs`; it fails when it is reached",
    );
    check(r#""type": "Compose", "inputs": null"#, "");
    check(r#""type": "Expression", "kind": "CurrentTime""#, "");
}

#[test]
fn names_and_ids_come_from_files_where_definitions_have_none() {
    let id = "01234567-89AB-CDEF-0123-456789ABCDEF";
    let lower = id.to_lowercase();
    for (path, name, expected) in [
        ("flow.json", "flow", None),
        ("a/workflow.json", "a", None),
        ("workflow.json", "workflow", None),
        (&format!("Workflows/My-Flow-{id}.json"), "My-Flow", Some(&lower)),
        (&format!("{id}.json"), id, None),
        (&format!("x.zip!Workflows\\My flow-{id}.json"), "My flow", Some(&lower)),
        (&format!("p.zip!Microsoft.Flow/flows/{id}/definition.json"), id, Some(&lower)),
        (
            "é-01234567-89AB-CDEF-0123-456789ABCDE.json",
            "é-01234567-89AB-CDEF-0123-456789ABCDE",
            None,
        ),
    ] {
        let (flow, _) = import::read(&Source::new(path, "{\"actions\": {}}"));
        assert_eq!((flow.name.as_str(), import::id_of_file(path).as_ref()), (name, expected));
    }
}

#[test]
fn what_does_not_run_here_is_said() {
    let (flow, found) = read(
        r#"{"triggers": {"T": {"type": "PowerVirtual", "inputs": {}}, "R": {"type": "Recurrence", "recurrence": {"frequency": "[parameters('f')]", "interval": 1}}},
"actions": {"A": {"type": "Agent", "inputs": {"a": "@b()"}},
"B": {"type": "Nonsense"}, "C": {"type": "Compose", "inputs": "[concat('@{body(''', variables('q'), 'x'')}')]"},
"L": {"type": "Foreach", "foreach": [], "actions": {"T": {"type": "Terminate", "inputs": {"runStatus": "Failed"}},
"I": {"type": "InitializeVariable", "inputs": {"variables": []}}}},
"D": {"type": "SetVariable"}}}"#,
    );
    assert_eq!(
        found,
        [
            "1:29 unknown-type triggers of type `PowerVirtual` do not run here; this one never fires",
            "1:116 wrong-type `[parameters('f')]` is known only when the flow is deployed (write the value here)",
            "2:27 unknown-type actions of type `Agent` do not run here; this one fails when it is reached",
            "3:15 unknown-type there is no action type `Nonsense`; this one fails when it is reached",
            "3:63 expression-syntax this text is complete only when its deployment template is filled in \
             (import the deployed definition)",
            "4:53 wrong-type a run cannot be terminated from inside a loop (set a variable and terminate after the loop)",
            "5:1 wrong-type a variable can be initialized at the top level only (initialize it before the container, set it here)",
            "6:1 missing-key action `D` has no `inputs`; it fails when it is reached",
        ]
    );
    assert_eq!(show::kind(&flow, &flow.action(0).kind), r#"unsupported Agent {"a":«@b()»}"#);
    assert_eq!(show::trigger(&flow.triggers[1].kind), "unsupported Recurrence");
}
