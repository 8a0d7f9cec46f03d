//! Flows that go from one format to the other and back: nothing is lost on the way.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base::{Severity, Source};
use serde_json::Value;

use super::{lines, said::said};
use crate::{
    Flow,
    export::{self, Form},
    import, read,
};

fn errors(source: &Source, found: Vec<base::Diagnostic>) -> Vec<String> {
    let errors: Vec<_> = found.into_iter().filter(|it| it.severity == Severity::Error).collect();
    lines(source, &errors)
}

/// The flow of a file that has been written.
fn reread(text: &str) -> Result<Flow, String> {
    let source = Source::new("flow.yaml", text);
    let (flow, found) = read(&source);
    let errors = errors(&source, found);
    if errors.is_empty() { Ok(flow) } else { Err(format!("{}\n{text}", errors[0])) }
}

fn imported(json: &Value) -> Result<Flow, String> {
    let source = Source::new("flow.json", &format!("{json:#}"));
    let (flow, found) = import::read(&source);
    let errors = errors(&source, found);
    if errors.is_empty() { Ok(flow) } else { Err(format!("{errors:?}\n{json:#}")) }
}

fn same(what: &str, first: &Flow, second: &Flow) -> Result<(), String> {
    let (first, second) = (said(first), said(second));
    for (name, said) in &first {
        let other = second.get(name).map_or("nothing", String::as_str);
        if said != other {
            let at = said.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
            let from = (0..=at.saturating_sub(200)).rev().find(|it| said.is_char_boundary(*it));
            let cut = |text: &str| {
                let rest: String = text.chars().skip(from.unwrap_or(0)).take(500).collect();
                rest
            };
            return Err(format!("{what}, {name}:\n{}\n{}", cut(said), cut(other)));
        }
    }
    if first.len() == second.len() {
        Ok(())
    } else {
        Err(format!("{what}: another number of actions"))
    }
}

/// `JSON → model → YAML → model` and `YAML → JSON → YAML` are the identity.
pub(crate) fn of_the_cloud(flow: &Flow) -> Result<(), String> {
    let text = export::yaml(flow);
    let ours = reread(&text)?;
    same("as YAML", flow, &ours)?;
    let (json, unwritten) = export::wdl(&ours, Form::Solution);
    if !unwritten.is_empty() {
        return Err(format!("{unwritten:?}"));
    }
    if json != export::wdl(flow, Form::Solution).0 {
        return Err("another definition".to_owned());
    }
    let back = imported(&json)?;
    same("as JSON", flow, &back)?;
    let again = export::yaml(&back);
    if again == text { Ok(()) } else { Err(format!("other YAML\n{text}\n---\n{again}")) }
}

/// A flow file that was written by hand: the same again, and through the cloud if that has words.
pub(crate) fn of_ours(flow: &Flow) -> Result<bool, String> {
    let text = export::yaml(flow);
    let again = reread(&text)?;
    same("as YAML", flow, &again)?;
    if export::yaml(&again) != text {
        return Err(format!("other YAML\n{text}"));
    }
    let (json, unwritten) = export::wdl(flow, Form::Solution);
    if unwritten.is_empty() {
        of_the_cloud(&imported(&json)?)?;
    }
    Ok(unwritten.is_empty())
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the corpus is outside of the repository")]
fn real_definitions_come_back() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    let (mut n_flows, mut wrong) = (0, Vec::new());
    for path in files(&Path::new(&folder).join("flows"), "json") {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let source = Source::new(&path.to_string_lossy(), &text);
        let (flow, found) = import::read(&source);
        if !errors(&source, found).is_empty() {
            continue;
        }
        n_flows += 1;
        if let Err(why) = of_the_cloud(&flow) {
            wrong.push(format!(
                "{}: {}",
                path.display(),
                why.chars().take(3_000).collect::<String>()
            ));
        }
    }
    let first = wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {n_flows}\n{first}", wrong.len());
    assert!(0 < n_flows, "no definition in {folder}");
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the flows that are shipped are the samples")]
fn flows_of_the_repository_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut in_cloud, mut n_flows, mut wrong) = (0, 0, Vec::new());
    let folders = ["flows", "tests/cases"].map(|it| root.join(it));
    for path in folders.iter().flat_map(|it| files(it, "yaml")) {
        let source = Source::new(&path.to_string_lossy(), &fs::read_to_string(&path).unwrap());
        if !source.text().starts_with("flow:") {
            continue;
        }
        n_flows += 1;
        let (flow, found) = read(&source);
        assert!(errors(&source, found).is_empty(), "{}", path.display());
        match of_ours(&flow) {
            Ok(has_counterpart) => in_cloud += usize::from(has_counterpart),
            Err(why) => wrong.push(format!("{}: {why}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(20 < in_cloud && in_cloud < n_flows, "{in_cloud} of {n_flows} could be exported");
    for path in files(&folders[1], "json") {
        let source = Source::new("definition.json", &fs::read_to_string(&path).unwrap());
        if source.text().contains("\"triggers\"") {
            let (flow, found) = import::read(&source);
            assert!(errors(&source, found).is_empty(), "{}", path.display());
            of_the_cloud(&flow).unwrap();
        }
    }
}

/// Actions of every type, in the forms that definitions have them in.
const ACTIONS: &[&str] = &[
    r#""type": "OpenApiConnection", "inputs": {"host": {"connectionName": "shared_crm", "operationId": "Get",
        "apiId": "/providers/Microsoft.PowerApps/apis/shared_commondataservice"}, "parameters": {"item/a": "@triggerBody()"},
        "authentication": "@parameters('$authentication')", "retryPolicy": {"type": "none"}}, "metadata": {"operationMetadataId": "5f"}"#,
    r#""type": "OpenApiConnectionWebhook", "inputs": {"host": {"connectionName": "a.b", "operationId": "W"}}, "limit": {"timeout": "P1DT30M"}"#,
    r#""type": "ApiConnection", "inputs": {"host": {"connection": {"name": "@parameters('$connections')['office365']['connectionId']"}},
        "method": "post", "path": "/v2/@{encodeURIComponent('a')}", "body": {"a": 1}, "queries": {"q": "@item()"}},
        "runtimeConfiguration": {"paginationPolicy": {"minimumItemCount": 5}, "contentTransfer": {"transferMode": "Chunked"},
        "secureData": {"properties": ["inputs", "outputs"]}, "staticResult": {"name": "r", "staticResultOptions": "Enabled"}}"#,
    r#""type": "ApiConnectionWebhook", "inputs": {"host": {"connection": {"referenceName": "teams"}}, "path": "/x", "body": 1}"#,
    r#""type": "ServiceProvider", "inputs": {"parameters": {"q": "a"}, "serviceProviderConfiguration": {"connectionName": "bus",
        "operationId": "sendMessage", "serviceProviderId": "/serviceProviders/serviceBus"}}"#,
    r#""type": "Function", "inputs": {"function": {"id": "/subscriptions/s/sites/app/functions/f"}, "body": "@item()", "method": "GET"}"#,
    r#""type": "Function", "inputs": {"function": {"id": "[resourceId('x')]"}, "body": 1}"#,
    r#""type": "Function", "inputs": {"function": {"connectionName": "azureFunctionOperation"}, "queries": {"a": 1}}"#,
    r#""type": "InvokeFunction", "inputs": {"functionName": "F", "parameters": {"x": "@item()"}}"#,
    r#""type": "ApiManagement", "inputs": {"api": {"id": "/subscriptions/s/apis/orders"}, "method": "get",
        "pathTemplate": {"template": "/orders/{id}/x", "parameters": {"id": "@item()"}}}"#,
    r#""type": "ApiManagement", "inputs": {"apiManagement": {"connection": "apim", "operationId": "o"}, "method": "post", "body": 1,
        "pathTemplate": {"template": "/orders"}}"#,
    r#""type": "JavaScriptCode", "inputs": {"code": "return {{x}};", "explicitDependencies": {"actions": ["A0"]}}"#,
    r#""type": "Liquid", "kind": "JsonToText", "inputs": {"content": "@item()", "integrationAccount": {"map": {"name": "m"}}}"#,
    r#""type": "XsltOfTomorrow", "kind": "x", "inputs": {"a": "@item()"}, "more": {"deep": [1, null, {}]}, "limit": {}"#,
    r#""type": "SendToBatch", "inputs": {"batchName": "b", "content": "@item()", "messageId": "@guid()", "partitionName": "p",
        "host": {"triggerName": "Batch", "workflow": {"id": "/subscriptions/s/workflows/receiver"}}}"#,
    r#""type": "Workflow", "inputs": {"host": {"workflow": {"id": "/a/workflows/child"}, "triggerName": "manual"}, "body": {"a": 1}, "headers": {"h": "v"}}"#,
    r#""type": "Workflow", "inputs": {"host": {"workflowReferenceName": "751183fc"}}"#,
    r#""type": "Http", "inputs": {"method": "GET", "uri": "https://a", "headers": {"x": null}, "cookie": "c", "queries": {"q": "@1"},
        "authentication": {"type": "Basic", "username": "u"}, "retryPolicy": {"type": "exponential", "count": 3, "interval": "PT7S",
        "minimumInterval": "PT5S", "maximumInterval": "PT1H"}}, "operationOptions": "DisableAsyncPattern, Other", "trackedProperties": {"a": "@1"}"#,
    r#""type": "HttpWebhook", "inputs": {"subscribe": {"method": "POST", "uri": "https://a", "body": {"u": "@{listCallbackUrl()}"}}, "unsubscribe": {}}"#,
    r#""type": "Response", "kind": "PowerApp", "inputs": {"statusCode": "@200", "body": 1, "schema": {"type": "object"}}"#,
    r#""type": "Response", "kind": "http", "inputs": {"statusCode": 200, "headers": {}}"#,
    r#""type": "ParseJson", "inputs": {"content": "@item()", "schema": {"type": "object", "properties": {"$.a": {"type": ["string", "null"]}}}}"#,
    r#""type": "Select", "inputs": {"from": "@item()", "select": {"@{item()}": "@item()"}}"#,
    r#""type": "Table", "inputs": {"from": "@item()", "format": "HTML", "columns": [{"header": "h", "value": "@item()"}]}"#,
    r#""type": "Table", "inputs": {"from": [], "format": "csv"}"#,
    r#""type": "Join", "inputs": {"from": "@item()", "joinWith": ", "}"#,
    r#""type": "Query", "inputs": {"from": "@item()", "where": "@true"}"#,
    r#""type": "Expression", "kind": "ConvertTimezone", "inputs": {"baseTime": "@item()"}"#,
    r#""type": "Wait", "inputs": {"interval": {"count": 5, "unit": "Minute"}}"#,
    r#""type": "Wait", "inputs": {"until": {"timestamp": "@utcNow()"}}"#,
    r#""type": "InitializeVariable", "inputs": {"variables": [{"name": "a", "type": "Array"}, {"name": "s", "type": "string", "value": "{{"}]}"#,
    r#""type": "AppendToArrayVariable", "inputs": {"name": "A", "value": 1}"#,
    r#""type": "AppendToStringVariable", "inputs": {"name": "s", "value": "@1"}"#,
    r#""type": "SetVariable", "inputs": {"name": "s", "value": null}"#,
    r#""type": "IncrementVariable", "inputs": {"name": "s"}"#,
    r#""type": "Foreach", "foreach": "@item()", "actions": {"In": {"type": "Compose", "inputs": 1}}, "operationOptions": "Sequential""#,
    r#""type": "Foreach", "foreach": [1], "actions": {}, "runtimeConfiguration": {"concurrency": {"repetitions": 7}}"#,
    r#""type": "Until", "expression": "@true", "limit": {"count": 9, "timeout": "PT90M"}, "actions": {}, "operationOptions": "FailWhenLimitsReached""#,
    r#""type": "Until", "expression": {"equals": [1, "@1"]}, "actions": {"U": {"type": "Compose", "inputs": "", "runAfter": {}}}"#,
    r#""type": "If", "expression": true, "actions": {}, "else": {"actions": {}}"#,
    r#""type": "If", "expression": "@false", "actions": {"L": {"type": "Compose", "inputs": [], "runAfter": {"K": ["Skipped", "TimedOut"]}},
        "K": {"type": "Compose", "inputs": {}}, "M": {"type": "Compose", "inputs": 1, "runAfter": {"K": ["Succeeded"], "L": ["Failed"]}}}"#,
    r#""type": "Switch", "expression": "@item()", "cases": {"One": {"case": 1, "actions": {}}, "two": {"case": "two", "actions":
        {"S": {"type": "Terminate", "inputs": {"runStatus": "Succeeded"}}}, "metadata": {"x": 1}}}, "default": {"actions": {}}"#,
    r#""type": "Scope", "actions": {"X": {"type": "Scope", "actions": {}}}, "correlation": {"clientTrackingId": "@1"}"#,
];

/// Triggers of every type.
const TRIGGERS: &[&str] = &[
    r#""type": "Request", "kind": "Skills", "inputs": {"schema": {}, "method": "PUT", "relativePath": "/a/{b}"}, "operationOptions": "SingleInstance",
        "correlation": {"clientTrackingId": "@triggerBody()"}, "conditions": [{"expression": "@true"}]"#,
    r#""type": "Recurrence", "recurrence": {"frequency": "week", "interval": "2", "startTime": "2026-01-01T00:00:00Z", "timeZone": "UTC",
        "schedule": {"hours": ["8", 9], "minutes": [0], "weekDays": ["Monday"]}}, "evaluatedRecurrence": {"frequency": "Week", "interval": 2}"#,
    r#""type": "SlidingWindow", "inputs": {"delay": "PT5M"}, "recurrence": {"frequency": "Hour", "interval": 1}"#,
    r#""type": "Recurrence", "recurrence": {"frequency": "[parameters('f')]", "interval": 1}"#,
    r#""type": "OpenApiConnectionWebhook", "inputs": {"host": {"connectionName": "c", "operationId": "Sub"}, "parameters": {"a": 1}}"#,
    r#""type": "OpenApiConnection", "recurrence": {"frequency": "Day", "interval": 1}, "inputs": {"host": {"connectionName": "c", "operationId": "P"}},
        "splitOn": "@triggerOutputs()?['body/value']""#,
    r#""type": "ApiConnection", "inputs": {"host": {"connection": {"name": "@parameters('$connections')['o']['connectionId']"}}, "method": "get",
        "path": "/datasets/@{encodeURIComponent('a b')}", "queries": {"q": 1}}, "recurrence": {"frequency": "Second", "interval": 30},
        "runtimeConfiguration": {"concurrency": {"runs": 5, "maximumWaitingRuns": 10}}"#,
    r#""type": "ApiConnectionNotification", "inputs": {"host": {"connection": {"name": "x"}}, "fetch": {"method": "get", "pathTemplate": {"template": "/a"}},
        "subscribe": {"body": 1}}"#,
    r#""type": "ServiceProvider", "inputs": {"parameters": {"q": "a"}, "serviceProviderConfiguration": {"connectionName": "bus",
        "operationId": "receive", "serviceProviderId": "/serviceProviders/serviceBus"}}, "retryPolicy": {"type": "fixed", "count": 2, "interval": "PT20S"}"#,
    r#""type": "Batch", "inputs": {"mode": "Inline", "configurations": {"b": {"releaseCriteria": {"messageCount": 5, "batchSize": 100,
        "recurrence": {"frequency": "Hour", "interval": 1}}}}}"#,
    r#""type": "Http", "inputs": {"method": "GET", "uri": "https://a"}, "recurrence": {"frequency": "Hour", "interval": 1}"#,
    r#""type": "HttpWebhook", "inputs": {"subscribe": {"method": "POST", "uri": "https://a"}, "unsubscribe": {"method": "DELETE", "uri": "https://a"}}"#,
    r#""type": "EventOfTomorrow", "kind": "k", "inputs": {"a": [1, {}]}, "recurrence": {"frequency": "Day", "interval": 1}"#,
];

#[test]
fn every_type_comes_back() {
    let parts = |parts: &[&str], name: &str| {
        let parts = parts.iter().enumerate();
        parts.map(|(nth, it)| format!("\"{name}{nth}\": {{{it}}}")).collect::<Vec<_>>().join(",")
    };
    let definition = format!(
        r#"{{"properties": {{"displayName": "All: 'types'", "connectionReferences": {{"shared_crm": {{"runtimeSource": "embedded",
        "api": {{"name": "shared_commondataservice"}}, "connection": {{"connectionReferenceLogicalName": "x"}}}}}},
        "definition": {{"$schema": "https://x", "contentVersion": "1.2.0.0", "parameters": {{"$authentication": {{"type": "SecureObject", "defaultValue": {{}}}},
            "n": {{"type": "Int", "allowedValues": [1, 2], "metadata": {{"description": "d", "more": 1}}}}, "f": {{"type": "float", "defaultValue": 1.0}}}},
        "triggers": {{{}}}, "actions": {{{}}}, "staticResults": {{"r": {{"status": "Succeeded"}}}}, "outputs": {{"o": {{"type": "Int", "value": 1}}}}}}}}, "schemaVersion": "1.0.0.0"}}"#,
        parts(TRIGGERS, "T"),
        parts(ACTIONS, "A"),
    );
    let source = Source::new("flow.json", &definition);
    let (flow, found) = import::read(&source);
    assert_eq!(errors(&source, found), Vec::<String>::new());
    of_the_cloud(&flow).unwrap();
    // Nothing of the definition is lost, but for what is read in another spelling.
    let (json, _) = export::wdl(&flow, Form::Solution);
    let written = json.to_string();
    for part in [
        "1.2.0.0",
        "embedded",
        "allowedValues",
        "transferMode",
        "clientTrackingId",
        "operationMetadataId",
        "Skills",
        "explicitDependencies",
        "[resourceId('x')]",
        "JsonToText",
        r#""deep":[1,null,{}]"#,
        r#""mode":"Inline""#,
        r#""more":1"#,
    ] {
        assert!(written.contains(part), "{part} in {json:#}");
    }
}

/// Strings that mean something in our files and nothing in the cloud's.
const TRAPS: &[&str] = &[
    "{{x}}",
    "\\{{x}}",
    "{{{x}}} $.y",
    "$.a",
    "$[0]",
    "$$.a",
    "$.a @{body('b')}",
    "{{a}} @{body('b')} \\{{",
    "@@a",
    "@@{{a}}",
    "a @@{b} {{c}}",
    "@concat('{{', '$.')",
    "[parameters('a')]",
    "[concat('@{', 'a', '{{')]",
    "",
    "null",
    "12",
    "yes",
    "~",
    "- a",
    "a: b",
    "# a",
    " a ",
    "one\ntwo\n",
    "one\r\ntwo",
    "\u{1}\u{feff}",
];

#[test]
fn strings_with_a_meaning_of_ours_keep_their_own() {
    for trap in TRAPS {
        let text = serde_json::to_string(trap).unwrap();
        let name = serde_json::to_string(&format!("It's: {}", trap.replace(char::is_control, "")))
            .unwrap();
        let definition = format!(
            r#"{{"parameters": {{"p": {{"type": "String", "defaultValue": {text}}}}},
            "triggers": {{"T": {{"type": "Request", "description": {text}, "inputs": {{"schema": {{"title": {text}}}}},
                "conditions": [{{"expression": {text}}}], "splitOn": {text}, "metadata": {{{text}: {text}}}}}}},
            "actions": {{
            {name}: {{"type": "Compose", "inputs": {{{text}: {text}, "list": [{text}, {{"x": {text}}}]}}}},
            "Text": {{"type": "Compose", "inputs": {text}, "description": {text}, "trackedProperties": {{"a": {text}}},
                "runAfter": {{{name}: ["Succeeded", "Failed"]}}}},
            "If": {{"type": "If", "expression": {{"and": [{{"equals": [{text}, {text}]}}, {{"not": {{"contains": [{text}, "x"]}}}}]}},
                "actions": {{}}, "else": {{"actions": {{"Q": {{"type": "Query", "inputs": {{"from": {text}, "where": {text}}}}}}}}}}},
            "Call": {{"type": "OpenApiConnection", "inputs": {{"host": {{"connectionName": "c.d", "operationId": "o"}},
                "parameters": {{"a/b": {text}}}}}, "metadata": {{"note": {text}}}}},
            "Switch": {{"type": "Switch", "expression": {text}, "cases": {{"One": {{"case": {text}, "actions": {{}}}}}},
                "default": {{"actions": {{"End": {{"type": "Terminate", "inputs": {{"runStatus": "Failed", "runError": {{"message": {text}}}}}}}}}}}}},
            "Odd": {{"type": "Xslt", "inputs": {{"content": {text}}}, "kind": {text}, "limit": {{"count": 5}}, "odd": [{text}, {{}}]}}
            }},
            "outputs": {{"o": {{"type": "String", "value": {text}}}}},
            "staticResults": {{"r": {{"outputs": {{"body": {text}}}}}}}}}"#
        );
        let source = Source::new("flow.json", &definition);
        let (flow, _) = import::read(&source);
        if let Err(why) = of_the_cloud_lenient(&flow) {
            panic!("{trap:?}: {why}");
        }
    }
}

/// As [`of_the_cloud`], for a flow whose conditions are no conditions.
fn of_the_cloud_lenient(flow: &Flow) -> Result<(), String> {
    let text = export::yaml(flow);
    let (ours, _) = read(&Source::new("flow.yaml", &text));
    same("as YAML", flow, &ours)?;
    let (json, unwritten) = export::wdl(&ours, Form::Solution);
    assert!(unwritten.is_empty(), "{unwritten:?}");
    let (back, _) = import::read(&Source::new("flow.json", &json.to_string()));
    same("as JSON", flow, &back)?;
    assert_eq!(export::yaml(&back), text);
    Ok(())
}

/// What is compared notices what it is there for.
#[test]
fn branches_are_written_as_parallel() {
    let written = |after: &str| {
        let text = format!(
            r#"{{"triggers": {{}}, "actions": {{
            "A": {{"type": "Compose", "inputs": 1}},
            "B1": {{"type": "Compose", "inputs": 1, "runAfter": {{"A": ["Succeeded"]}}}},
            "C1": {{"type": "Compose", "inputs": 1, "runAfter": {{"A": ["Succeeded"]}}}},
            "B2": {{"type": "Compose", "inputs": 1, "runAfter": {{"B1": ["Succeeded"]}}}},
            "J": {{"type": "Compose", "inputs": 1, "runAfter": {after}}}}}}}"#
        );
        let yaml = export::yaml(&import::read(&Source::new("flow.json", &text)).0);
        yaml.split_once("actions:").unwrap().1.replace("compose: 1", "").replace([' ', '\n'], "")
    };
    assert_eq!(
        written(r#"{"C1": ["Succeeded"], "B2": ["Succeeded"]}"#),
        "-name:A-parallel:--name:C1--name:B1-name:B2-name:J"
    );
    // What waits for more, or for less, says so itself.
    assert_eq!(
        written(r#"{"C1": ["Succeeded"], "B2": ["Failed"]}"#),
        "-name:A-name:B1-name:B2-name:C1runAfter:{A:[Succeeded]}\
         -name:JrunAfter:{C1:[Succeeded],B2:[Failed]}"
    );
}

#[test]
fn a_difference_is_found() {
    let json = |inputs: &str, after: &str, besides: &str| {
        let text = format!(
            r#"{{"triggers": {{}}, "actions": {{"A": {{"type": "Compose", "inputs": 1}},
            "B": {{"type": "Compose", "inputs": {inputs}, "runAfter": {{"A": {after}}}{besides}}}}}}}"#
        );
        import::read(&Source::new("flow.json", &text)).0
    };
    let first = json("\"@body('a')\"", "[\"Succeeded\"]", "");
    for other in [
        json("\"@body('b')\"", "[\"Succeeded\"]", ""),
        json("\"@body('a')\"", "[\"Failed\"]", ""),
        json("\"@body('a')\"", "[\"Succeeded\"]", ", \"metadata\": {\"a\": 1}"),
        json("\"@@body('a')\"", "[\"Succeeded\"]", ""),
    ] {
        assert!(same("", &first, &other).is_err(), "{other:?}");
        assert_ne!(export::wdl(&first, Form::Solution), export::wdl(&other, Form::Solution));
    }
    assert_eq!(same("", &first, &json("  \"@body('a')\"", " [\"succeeded\"]", "")), Ok(()));
}
