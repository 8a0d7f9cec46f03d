//! Definitions of the cloud's as the program takes them: what `run --output json` prints of them.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use base::{Source, Timestamp};
use cli::summary;
use flow::{
    fidelity::{Checked, check},
    import::Beside,
};
use interp::{Run, fire};
use journal::{Event, EventKind};
use serde_json::{Map, Value, json};
use worker::Mocks;

use crate::support::{
    case::{deployed, drive, package},
    service::flowright,
};

const NOW: &str = "2026-01-01T00:00:00Z";
const EVERY_STATUS: [&str; 4] = ["Succeeded", "Failed", "Skipped", "TimedOut"];

/// A definition with these actions, and what its trigger has besides.
fn definition(trigger: &Value, actions: &Value) -> Value {
    let mut request = json!({ "type": "Request", "kind": "Http" });
    request.as_object_mut().unwrap().extend(trigger.as_object().unwrap().clone());
    json!({ "triggers": { "manual": request }, "actions": actions })
}

/// What is printed of the runs that an event starts.
fn printed(definition: &Value, body: &Value, mocks: &Value) -> Value {
    let files = vec![("case.json".to_owned(), definition.to_string())];
    let read = package(&files);
    if read.has_errors() {
        return summary::of_errors(&read.diagnostics);
    }
    let flow = deployed("case", files, &Map::new());
    let (now, mocks) = (Timestamp::parse(NOW).unwrap(), Mocks::new(mocks).unwrap());
    let (of_flow, parameters) = (&flow.plan.flow, &flow.parameters);
    let outputs = &json!({ "headers": {}, "body": body });
    let trigger = &of_flow.triggers[0];
    let firings = fire::fire(&fire::Event {
        flow: of_flow,
        trigger,
        parameters,
        secure_parameters: &flow.plan.secure_parameters,
        outputs: &outputs.clone().into(),
        now,
        callback_url: None,
    });
    let started = firings.unwrap().into_iter().map(|firing| EventKind::Started {
        trigger: trigger.name.as_str().to_owned(),
        outputs: firing.outputs,
        parameters: parameters.clone(),
        seed: 1,
        run: "run".to_owned(),
        callback: None,
        again: None,
        by: None,
    });
    let events = started.map(|kind| Event { at: now, path: journal::Path::run(), kind });
    let runs: Vec<Run> =
        events.map(|it| drive(&flow, &mocks, &BTreeMap::new(), now, vec![it]).run).collect();
    let shown = summary::of_runs(&flow, &runs.iter().collect::<Vec<_>>(), now);
    serde_json::to_value(shown).unwrap()
}

#[test]
fn a_run_is_shown_with_its_actions_by_name() {
    let mut flow = definition(
        &json!({}),
        &json!({
            "Ask it": { "type": "Http", "inputs": { "method": "GET", "uri": "https://x.example" } },
            "Each": {
                "type": "Foreach",
                "foreach": [1, 0],
                "actions": { "Part": { "type": "Compose", "inputs": "@div(1, item())" } },
                "runAfter": { "Ask it": ["Succeeded"] },
            },
        }),
    );
    flow["outputs"] = json!({
        "answer": { "type": "String", "value": "@{outputs('Ask_it')['statusCode']}" },
    });
    let mocks = json!({ "Ask_it": [{ "statusCode": 503 }, { "statusCode": 200, "body": "yes" }] });
    let shown = printed(&flow, &json!({}), &mocks);
    let keys: Vec<&String> = shown.as_object().unwrap().keys().collect();
    let all = [
        "status",
        "code",
        "error",
        "correlation",
        "trigger",
        "response",
        "variables",
        "actions",
        "outputs",
    ];
    assert_eq!(keys, all);
    let (ask, each) = (&shown["actions"]["Ask_it"], &shown["actions"]["Each"]);
    assert_eq!(ask["attempts"], 2);
    assert_eq!(ask["waits_s"], json!([7.5]));
    assert_eq!(ask["outputs"]["body"], "yes");
    assert_eq!(each["iterations"], 2);
    assert_eq!(each.get("attempts"), None);
    let part = &shown["actions"]["Part"];
    assert_eq!(part["statuses"], json!(["Succeeded", "Failed"]));
    assert_eq!((&part["status"], &part["code"]), (&json!("Failed"), &json!("BadRequest")));
    assert_eq!((&shown["status"], &shown["code"]), (&json!("Failed"), &shown["error"]["code"]));
    assert_eq!(shown["trigger"]["name"], "manual");
    assert_eq!(shown["outputs"], json!({ "answer": "200" }));
}

#[test]
fn what_is_secure_is_hidden() {
    let secure = json!({ "secureData": { "properties": ["inputs", "outputs"] } });
    let key = json!({ "type": "Compose", "inputs": "secret", "runtimeConfiguration": secure });
    let mut flow = definition(
        &json!({}),
        &json!({
            "Key": key,
            "Plain": { "type": "Compose", "inputs": "pass: @{parameters('password')}" },
            "Answer": {
                "type": "Response",
                "inputs": { "statusCode": 200, "body": "secret" },
                "runtimeConfiguration": { "secureData": { "properties": ["inputs"] } },
            },
        }),
    );
    flow["parameters"] =
        json!({ "password": { "type": "SecureString", "defaultValue": "secret-2" } });
    flow["outputs"] = json!({
        "key": { "type": "String", "value": "@outputs('Key')" },
        "password": { "type": "String", "value": "@parameters('password')" },
    });
    let shown = printed(&flow, &json!({}), &json!({}));
    assert_eq!(shown["status"], "Succeeded", "{shown:#}");
    assert!(!shown.to_string().contains("secret"), "{shown:#}");
    assert_eq!(shown["actions"]["Key"]["outputs"], "*sanitized*");
    assert_eq!(shown["actions"]["Plain"]["outputs"], "pass: *sanitized*");
    assert_eq!(shown["outputs"], json!({ "key": "*sanitized*", "password": "*sanitized*" }));
}

#[test]
fn several_runs_and_none_are_shown_as_a_list() {
    let compose = json!({ "Item": { "type": "Compose", "inputs": "@triggerBody()" } });
    let flow = definition(&json!({ "splitOn": "@triggerBody()" }), &compose);
    let shown = printed(&flow, &json!(["a", "b"]), &json!({}));
    let runs = shown["runs"].as_array().unwrap().iter();
    let outputs: Vec<&Value> = runs.map(|it| &it["actions"]["Item"]["outputs"]).collect();
    assert_eq!(outputs, ["a", "b"]);
    let condition = json!({ "conditions": [{ "expression": "@equals(1, 2)" }] });
    let shown = printed(&definition(&condition, &compose), &json!({}), &json!({}));
    assert_eq!(shown, json!({ "runs": [] }));
}

#[test]
fn a_definition_that_cannot_be_saved_says_where() {
    let actions = json!({
        "A": { "type": "Compose", "inputs": 1, "runAfter": { "Nothing": ["Succeeded"] } },
    });
    let shown = printed(&definition(&json!({}), &actions), &json!({}), &json!({}));
    assert_eq!(shown["save_error"], true);
    let first = &shown["diagnostics"][0];
    assert!(first["message"].as_str().unwrap().contains("Nothing"), "{shown}");
    assert_eq!(first["line"], 1);
    assert!(first["column"].is_u64() && first["code"].is_string(), "{shown}");
}

#[test]
fn errors_are_told_apart_from_what_does_not_run_here() {
    let folder = tempfile::tempdir().unwrap();
    let compose = |after: &str| {
        let after = if after.is_empty() { json!({}) } else { json!({ after: ["Succeeded"] }) };
        json!({ "type": "Compose", "inputs": 1, "runAfter": after })
    };
    let call = json!({ "type": "OpenApiConnection", "inputs": { "host": { "connectionName": "x", "operationId": "y" } } });
    let flows = [
        ("fine", json!({ "A": compose("") }), "exact", 0),
        ("circle", json!({ "A": compose("B"), "B": compose("A") }), "exact", 1),
        ("call", json!({ "A": compose("Nobody"), "C": call }), "needs a connection", 1),
        (
            "agent",
            json!({ "A": compose("Nobody"), "G": { "type": "Agent", "inputs": {} } }),
            "unsupported",
            1,
        ),
    ];
    for (name, actions, ..) in &flows {
        let text = definition(&json!({}), actions).to_string();
        fs::write(folder.path().join(format!("{name}.json")), text).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(flowright());
        command.args(["import", "--check", "."]).args(arguments);
        let output = command.current_dir(folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let shown: Value = serde_json::from_str(&run(&["--output", "json"])).unwrap();
    for (name, _, fidelity, errors) in &flows {
        let all = shown["flows"].as_array().unwrap();
        let flow = all.iter().find(|it| it["name"] == *name).unwrap();
        assert_eq!(flow["fidelity"], *fidelity, "{flow:#}");
        assert_eq!(flow["has_errors"], 0 < *errors, "{flow:#}");
        let reasons = flow["reasons"].as_array().unwrap();
        let found = reasons.iter().filter(|it| it["fidelity"] == "error").count();
        assert_eq!(0 < found, 0 < *errors, "{flow:#}");
    }
    let summary = &shown["summary"];
    let all = json!({ "exact": 2, "notes": 0, "needs a connection": 1, "unsupported": 1 });
    assert_eq!(summary["fidelity"], all);
    assert_eq!(
        (&summary["with_errors"], &summary["without_unsupported_types"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(summary["percent_without_unsupported_types"], 75.0);
    let text = run(&[]);
    for line in [
        "exact               ./circle.json, has errors",
        "    line 1: error: ",
        "     3 definitions (75.0 %) have no type that does not run here",
        "     3 definitions with errors: the cloud would not save them either",
        "     1 Agent",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "says that it was left out")]
fn the_program_runs_recorded_definitions_as_the_cloud_did() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of the recorded runs");
        return;
    };
    let text = fs::read_to_string(Path::new(&corpus).join("wdl-run-cases.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(!rows.is_empty());
    let wrong: Vec<String> = rows.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What the program prints of one recorded run that was otherwise in the cloud.
fn difference(row: &Value) -> Option<String> {
    let mut row = row.clone();
    let scopes: Vec<String> = members(&row["expected"], "result").map(|it| it.0.clone()).collect();
    for scope in scopes {
        row["definition"]["actions"][format!("Names_of_{scope}")] = json!({
            "type": "Select",
            "inputs": { "from": format!("@result('{scope}')"), "select": "@item()['name']" },
            "runAfter": { scope.as_str(): EVERY_STATUS },
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let none = json!({});
    let write = |name: &str, value: &Value| {
        fs::write(folder.path().join(name), value.to_string()).unwrap();
    };
    write("case.json", &row["definition"]);
    write("event.json", &row["trigger"]);
    write("mocks.json", row.get("http").unwrap_or(&none));
    let mut command = Command::new(flowright());
    command.args(["run", "case.json", "--event", "event.json", "--mocks", "mocks.json"]);
    command.args(["--output", "json"]).current_dir(folder.path());
    let output = command.env_remove("FLOWRIGHT_ENVIRONMENT").output().unwrap();
    let shown: Value = match serde_json::from_slice(&output.stdout) {
        Ok(shown) => shown,
        Err(error) => {
            return Some(format!(
                "{}: {error}: {}",
                row["id"],
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    };
    let expected = &row["expected"];
    let mut wrong = Vec::new();
    match (expected["runs"].as_array(), shown["runs"].as_array()) {
        (Some(many), Some(runs)) if many.len() == runs.len() => {
            runs.iter().zip(many).for_each(|(run, it)| compare(run, it, &mut wrong));
        }
        (None, None) if expected["save_error"] == true => {
            if shown["save_error"] != true || output.status.code() != Some(1) {
                wrong.push("it must not load".to_owned());
            }
        }
        (None, None) => compare(&shown, expected, &mut wrong),
        (_, _) => wrong.push("another number of runs".to_owned()),
    }
    (!wrong.is_empty()).then(|| format!("{}: {}", row["id"], wrong.join(", ")))
}

fn compare(run: &Value, expected: &Value, wrong: &mut Vec<String>) {
    let mut same = |what: &str, actual: &Value, expected: &Value| {
        if actual != expected {
            wrong.push(format!("{what} is {actual} instead of {expected}"));
        }
    };
    same("run", &run["status"], &expected["run_status"]);
    if let Some(response) = expected.get("response") {
        same("response", &run["response"]["statusCode"], &response["statusCode"]);
    }
    for (name, value) in members(expected, "variables") {
        same(name, &run["variables"][name], value);
    }
    for (scope, names) in members(expected, "result") {
        let sorted = |list: &Value| {
            let items = list.as_array().into_iter().flatten().map(ToString::to_string);
            let mut items: Vec<String> = items.collect();
            items.sort();
            json!(items)
        };
        let actual = &run["actions"][format!("Names_of_{scope}")]["outputs"]["body"];
        same(scope, &sorted(actual), &sorted(names));
    }
    for (name, properties) in members(expected, "actions") {
        let action = &run["actions"][name];
        for (key, value) in members(properties, "") {
            let what = format!("{name} {key}");
            match key.as_str() {
                "error_code" => same(&what, &action["error"]["code"], value),
                "error_message" => same(&what, &action["error"]["message"], value),
                "error_message_contains" => {
                    let message = action["error"]["message"].as_str().unwrap_or_default();
                    let holds = message.contains(value.as_str().unwrap());
                    same(&what, &json!(holds), &json!(true));
                }
                _ => same(&what, &action[key.as_str()], value),
            }
        }
    }
}

/// The members of an object, or of a member of it.
fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let value = if key.is_empty() { Some(value) } else { value.get(key) };
    value.and_then(Value::as_object).into_iter().flatten()
}

#[test]
fn the_program_takes_each_form_of_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut flow = definition(
        &json!({}),
        &json!({ "Seen": { "type": "Compose", "inputs": "@concat(triggerBody()?['x'], parameters('p'))" } }),
    );
    flow["parameters"] = json!({ "p": { "type": "String", "defaultValue": "-" } });
    fs::write(folder.path().join("flow.json"), flow.to_string()).unwrap();
    let forms = [
        json!({ "x": "1" }),
        json!({ "headers": {}, "body": { "x": "1" } }),
        json!({ "outputs": { "headers": {}, "body": { "x": "1" } } }),
        json!({ "name": "manual", "status": "Succeeded", "outputs": { "body": { "x": "1" } } }),
    ];
    for (event, set) in forms.iter().zip(["p=a", "p=b", "p=c", "p=d"]) {
        fs::write(folder.path().join("event.json"), event.to_string()).unwrap();
        let mut command = Command::new(flowright());
        command.args(["run", "flow.json", "--event", "event.json", "--output", "json"]);
        command.args(["--set", set]).current_dir(folder.path());
        let output = command.env_remove("FLOWRIGHT_ENVIRONMENT").output().unwrap();
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        let wanted = set.replace("p=", "1");
        assert_eq!(shown["actions"]["Seen"]["outputs"], *wanted, "{event}");
    }
}

/// Name, fidelity and first reason of each definition of a file.
fn told(file: &Value) -> Vec<(String, &'static str, String)> {
    let source = Source::new("folder/flow.json", &file.to_string());
    let Checked::Definitions(reports) = check(&source, &Beside::default(), None) else {
        return Vec::new();
    };
    let told = reports.into_iter().map(|it| {
        let error = it.reasons.iter().find(|reason| reason.fidelity.is_none());
        let worst = it.reasons.iter().find(|reason| reason.fidelity == Some(it.fidelity));
        let worst = error.or(worst);
        let message = worst.map_or(String::new(), |it| it.message.clone());
        (it.name, it.fidelity.name(), message)
    });
    told.collect()
}

#[test]
fn a_definition_is_as_good_as_its_worst_part() {
    let compose = json!({ "type": "Compose", "inputs": 1 });
    let hook = json!({ "method": "POST", "uri": "https://x.example" });
    let host = json!({ "connection": { "referenceName": "x" } });
    let call = json!({
        "type": "OpenApiConnection",
        "inputs": { "host": { "connectionName": "shared_x", "operationId": "Get" } },
    });
    let http = json!({
        "type": "Http",
        "inputs": {
            "method": "GET",
            "uri": "https://x.example",
            "authentication": { "type": "ManagedServiceIdentity" },
        },
    });
    let response = json!({
        "type": "Response",
        "inputs": { "statusCode": 200 },
        "operationOptions": "Asynchronous",
    });
    let mocked = json!({
        "type": "Compose",
        "inputs": 1,
        "runtimeConfiguration": {
            "staticResult": { "name": "Compose0", "staticResultOptions": "Enabled" },
        },
    });
    let nested = json!({
        "type": "If",
        "expression": "@true",
        "else": { "actions": { "Odd": { "type": "Compose", "inputs": 1, "correlation": {} } } },
    });
    let deployed = json!({ "type": "Compose", "inputs": "[parameters('place')]" });
    let cyclic = json!({ "type": "Compose", "inputs": 1, "runAfter": { "A": ["Succeeded"] } });
    let rows = [
        (compose, "exact", ""),
        (mocked, "notes", "`A` has the static result `Compose0`: the flow runs with mocks only"),
        (response, "exact", ""),
        (nested, "notes", "`correlation` of the action `Odd` has no effect here"),
        (deployed, "notes", "1 text is known only when the template around it is deployed"),
        (call, "needs a connection", "needs the connection `shared_x`"),
        (
            http,
            "needs a connection",
            "authentication of the type `ManagedServiceIdentity` needs a connector",
        ),
        (
            json!({ "type": "Agent", "inputs": {} }),
            "unsupported",
            "the action `A` is of type `Agent`, which does not run here",
        ),
        (
            json!({ "type": "HttpWebhook", "inputs": { "subscribe": hook, "unsubscribe": {} } }),
            "exact",
            "",
        ),
        (
            json!({ "type": "ApiConnection", "inputs": { "method": "get", "path": "/x", "host": host } }),
            "needs a connection",
            "needs the connection `x`",
        ),
        (cyclic, "exact", "`A` runs after itself"),
    ];
    for (action, fidelity, message) in rows {
        let flow = definition(&json!({}), &json!({ "A": action }));
        let expected = vec![("flow".to_owned(), fidelity, message.to_owned())];
        assert_eq!(told(&flow), expected, "{action}");
    }
}

#[test]
fn triggers_that_nothing_fires_are_told() {
    let schedule = json!({ "frequency": "Day", "interval": 1 });
    let nowhere = json!({ "frequency": "Day", "interval": 1, "timeZone": "Middle Earth" });
    let get = json!({ "method": "GET", "uri": "https://news.example/" });
    let host = json!({ "connectionName": "shared_x", "operationId": "New" });
    let rows = [
        (json!({ "type": "Request" }), "exact"),
        (json!({ "type": "Request", "inputs": { "relativePath": "/x/{id}" } }), "exact"),
        (json!({ "type": "Recurrence", "recurrence": schedule }), "exact"),
        (json!({ "type": "SlidingWindow", "recurrence": schedule }), "exact"),
        (json!({ "type": "Recurrence", "recurrence": nowhere }), "notes"),
        (json!({ "type": "Http", "recurrence": schedule, "inputs": get }), "exact"),
        (json!({ "type": "HttpWebhook", "inputs": { "subscribe": get } }), "exact"),
        (
            json!({ "type": "OpenApiConnectionWebhook", "inputs": { "host": host } }),
            "needs a connection",
        ),
        (json!({ "type": "OpenApiConnection", "inputs": { "host": host } }), "needs a connection"),
        // What it lacks is an error, for which the cloud would not save it either.
        (json!({ "type": "Batch", "inputs": {} }), "exact"),
    ];
    for (trigger, fidelity) in rows {
        let flow = json!({ "triggers": { "T": trigger }, "actions": {} });
        let told = told(&flow);
        assert_eq!(told.iter().map(|it| it.1).collect::<Vec<_>>(), [fidelity], "{told:?}");
    }
}

#[test]
fn definitions_are_found_in_every_form() {
    let bare = definition(&json!({}), &json!({ "A": { "type": "Compose", "inputs": 1 } }));
    let names = |file: &Value| told(file).into_iter().map(|it| it.0).collect::<Vec<_>>();
    let resource = |name: &str| {
        json!({
            "type": "microsoft.logic/Workflows",
            "name": name,
            "properties": { "definition": bare },
        })
    };
    let template = json!({
        "parameters": { "named": { "defaultValue": "third" } },
        "resources": [
            resource("first"),
            { "type": "Microsoft.Web/connections", "name": "not this" },
            {
                "type": "Microsoft.Resources/deployments",
                "properties": { "template": { "resources": { "x": resource("second") } } },
            },
            resource("[parameters('named')]"),
        ],
    });
    let rows = [
        (bare.clone(), vec!["flow"]),
        (json!({ "definition": bare }), vec!["flow"]),
        (json!({ "definition": bare, "kind": "Stateful" }), vec!["flow"]),
        (json!({ "properties": { "definition": bare, "displayName": "Mine" } }), vec!["Mine"]),
        (template, vec!["first", "second", "third"]),
        (json!({ "resources": [] }), vec![]),
        (json!([1]), vec![]),
        (Value::Null, vec![]),
    ];
    for (file, expected) in rows {
        assert_eq!(names(&file), expected, "{file}");
    }
    let broken = check(&Source::new("x.json", "{ \"actions\": "), &Beside::default(), None);
    assert!(matches!(broken, Checked::Broken(message) if message.contains("line 1")));
}

#[test]
fn reasons_say_where_they_stand() {
    let part = |name: &str| {
        format!(
            r#"{{"type": "Microsoft.Logic/workflows", "name": "{name}", "properties": {{"definition":
            {{"triggers": {{}}, "actions": {{ "é": {{"type": "Agent"}}, "B": {{"type": "Nonsense"}} }} }} }} }}"#
        )
    };
    let text = format!("{{\"resources\": [\n{},{}\n]}}", part("a"), part("b"));
    let Checked::Definitions(reports) =
        check(&Source::new("x.json", &text), &Beside::default(), None)
    else {
        panic!("no definitions")
    };
    let source = Source::new("x.json", &text);
    let places = text.match_indices(r#""é""#).chain(text.match_indices(r#""B""#));
    let mut expected: Vec<_> = places.map(|(at, _)| source.location(at)).collect();
    expected.sort_by_key(|it| (it.line, it.column));
    let all = reports.iter().flat_map(|it| &it.reasons);
    let found = all.filter(|it| it.message.contains("is of type")).map(|it| it.at);
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn import_reports_on_every_file_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let agent = definition(&json!({}), &json!({ "A": { "type": "agent", "inputs": {} } }));
    write("a.json", &agent.to_string());
    write("b.json", &format!("\u{feff}{}", agent.to_string().replace("agent", "Agent")));
    write("connections.json", "{ \"managedApiConnections\": {} }");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(flowright());
        command.args(["import", "--check", "."]).args(arguments);
        let output = command.current_dir(folder.path()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, out) = run(&["--output", "json"]);
    let shown: Value = serde_json::from_str(&out).unwrap();
    let summary = &shown["summary"];
    assert_eq!((code, &summary["definitions"]), (0, &json!(2)), "{out}");
    assert_eq!(summary["fidelity"]["unsupported"], 2);
    assert_eq!(summary["unsupported_types"], json!({ "agent": 2 }));
    assert_eq!(summary["percent_without_unsupported_types"], 0.0);
    assert_eq!(shown["other_files"], json!(["./connections.json"]));
    let name = folder.path().join("d.json");
    let text = definition(&json!({}), &json!({ "A": { "type": "Compose", "inputs": "~" } }));
    fs::write(&name, text.to_string().replace('~', "?")).unwrap();
    let bytes = fs::read(&name).unwrap().into_iter().map(|it| if it == b'?' { 0xff } else { it });
    fs::write(&name, bytes.collect::<Vec<u8>>()).unwrap();
    let (code, out) = run(&["d.json"]);
    assert!(code == 0 && out.contains("not UTF-8"), "{out}");
    fs::remove_file(&name).unwrap();
    write("c.json", "{");
    let (code, out) = run(&[]);
    assert_eq!(code, 1, "{out}");
    for text in ["unsupported         ./a.json", "     2 agent", "cannot be read      ./c.json"] {
        assert!(out.contains(text), "{out}");
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "says that it was left out")]
fn every_real_definition_is_reported_on() {
    let Some(corpus) = env::var_os("FLOWRIGHT_CORPUS") else {
        eprintln!("left out: FLOWRIGHT_CORPUS does not name the folder of the definitions");
        return;
    };
    let mut command = Command::new(flowright());
    command.args(["import", "--check", "--output", "json"]).arg(Path::new(&corpus).join("flows"));
    let output = command.output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (flows, summary) = (shown["flows"].as_array().unwrap(), &shown["summary"]);
    assert_eq!(output.status.code(), Some(0), "{summary:#}");
    assert!(!flows.is_empty());
    assert_eq!(summary["definitions"], flows.len());
    let total: u64 =
        summary["fidelity"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(total, flows.len() as u64);
    for flow in flows {
        let reasons = flow["reasons"].as_array().unwrap();
        let (errors, others): (Vec<_>, Vec<_>) =
            reasons.iter().partition(|it| it["fidelity"] == "error");
        assert_eq!(flow["fidelity"] == "exact", others.is_empty(), "{flow:#}");
        assert_eq!(flow["has_errors"], !errors.is_empty(), "{flow:#}");
        let types = flow["unsupported_types"].as_object().unwrap();
        assert_eq!(flow["fidelity"] == "unsupported", !types.is_empty(), "{flow:#}");
    }
}
