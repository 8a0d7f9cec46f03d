//! The forms in which the cloud gives definitions out, good and bad, through the program.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{service::flowright, zip};

/// A definition whose only action gives this text.
fn saying(text: &str) -> Value {
    json!({
        "triggers": { "manual": { "type": "Request" } },
        "actions": { "Say": { "type": "Compose", "inputs": text } },
    })
}

/// A flow that answers its caller.
fn answering(x: &str) -> Value {
    let inputs = json!({ "statusCode": 200, "body": { "x": x } });
    json!({
        "triggers": { "manual": { "type": "Request" } },
        "actions": { "Response": { "type": "Response", "kind": "Http", "inputs": inputs } },
    })
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn program(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(flowright());
    command.args(args).current_dir(folder).env_remove("FLOWRIGHT_ENVIRONMENT").output().unwrap()
}

/// Exit code, what was printed as JSON, and the talk.
fn run(folder: &Path, args: &[&str]) -> (i32, Value, String) {
    fs::write(folder.join("none.yaml"), "{}").unwrap();
    let fixed = ["--mocks", "none.yaml", "--output", "json"];
    let output = program(folder, &[&["run"], args, &fixed].concat());
    let talk = String::from_utf8(output.stderr).unwrap();
    let shown = serde_json::from_slice(&output.stdout);
    let shown = shown.unwrap_or_else(|error| panic!("{args:?}: {error}\n{talk}"));
    (output.status.code().unwrap(), shown, talk)
}

/// What the flow that these arguments choose says.
fn said(folder: &Path, args: &[&str]) -> Value {
    let (code, shown, talk) = run(folder, args);
    assert_eq!(code, 0, "{args:?}: {shown:#}\n{talk}");
    shown["actions"]["Say"]["outputs"].clone()
}

const ID: &str = "01234567-89AB-CDEF-0123-456789ABCDEF";

#[test]
fn every_form_of_one_definition_runs() {
    let flow = saying("hello");
    let solution = json!({ "properties": { "definition": flow, "connectionReferences": {} } });
    let resource = json!({ "type": "Microsoft.Logic/workflows", "name": "x", "properties": { "definition": flow } });
    let forms = [
        ("bare.json", flow.to_string()),
        ("wrapped.json", json!({ "definition": flow, "kind": "Stateful" }).to_string()),
        ("solution.json", solution.to_string()),
        ("template.json", json!({ "resources": [resource] }).to_string()),
        ("resource.json", resource.to_string()),
        ("no-ending", flow.to_string()),
        ("lenient.json", format!("\u{feff}// x\n{}", flow.to_string().replace("}}", "},}"))),
    ];
    for (name, text) in &forms {
        let folder = folder(&[(name, text)]);
        assert_eq!(said(folder.path(), &[name]), "hello", "{name}");
    }
    let wide: Vec<u8> =
        format!("\u{feff}{flow}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = folder(&[]);
    fs::write(folder.path().join("wide.json"), wide).unwrap();
    assert_eq!(said(folder.path(), &["wide.json"]), "hello");
}

#[test]
fn one_of_several_is_chosen_by_its_name() {
    let resource = |name: &str| {
        json!({
            "type": "Microsoft.Logic/workflows",
            "name": name,
            "properties": { "definition": saying(name) },
        })
    };
    let template = json!({ "resources": [resource("first"), resource("second")] }).to_string();
    let folder = folder(&[("template.json", &template)]);
    let at = folder.path();
    assert_eq!(said(at, &["template.json#second"]), "second");
    assert_eq!(said(at, &["template.json", "--workflow", "FIRST"]), "first");
    let (code, shown, talk) = run(at, &["template.json"]);
    assert_eq!((code, &shown["code"]), (2, &json!("FlowNotFound")), "{shown:#}");
    assert!(talk.contains("first, second") && talk.contains("--workflow"), "{talk}");
    let (code, shown, _) = run(at, &["template.json#secnd"]);
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(code == 2 && message.contains("did you mean `second`?"), "{message}");
}

#[test]
fn a_standard_project_gives_its_workflows_their_connections_and_parameters() {
    let caller = json!({
        "definition": {
            "triggers": { "manual": { "type": "Request" } },
            "actions": {
                "Call": {
                    "type": "Workflow",
                    "inputs": { "host": { "workflow": { "id": "Answers" } }, "body": {} },
                },
                "Read": {
                    "type": "ApiConnection",
                    "inputs": {
                        "host": { "connection": { "referenceName": "offce" } },
                        "method": "get",
                        "path": "/x",
                    },
                    "runAfter": { "Call": ["Failed"] },
                },
                "Say": {
                    "type": "Compose",
                    "inputs": "@{body('Call')?['x']} @{parameters('Place')} @{parameters('Key')}",
                    "runAfter": { "Read": ["Skipped"] },
                },
            },
        },
    });
    let answers = json!({ "definition": answering("yes") });
    let connections = json!({
        "managedApiConnections": { "office": { "api": { "id": "/x/managedApis/office365" } } },
        "serviceProviderConnections": { "bus": { "serviceProvider": { "id": "/serviceProviders/serviceBus" } } },
        "agentConnections": { "model": {} },
    });
    let parameters = json!({
        "Place": { "type": "String", "value": "here" },
        "Key": { "type": "String", "value": "@appsetting('KEY')" },
    });
    let folder = folder(&[
        ("host.json", "{}"),
        ("connections.json", &connections.to_string()),
        ("parameters.json", &parameters.to_string()),
        ("Caller/workflow.json", &caller.to_string()),
        ("Answers/workflow.json", &answers.to_string()),
    ]);
    let at = folder.path();
    for flow in [&["."][..], &["Caller/workflow.json"]] {
        let choice = if flow == ["."] { &["--workflow", "Caller"][..] } else { &[] };
        let args = [flow, choice].concat();
        let (code, shown, _) = run(at, &args);
        let message = shown["actions"]["Say"]["error"]["message"].to_string();
        assert!(code == 1 && message.contains("'Key' has no value: the app setting 'KEY' is"));
        let set = [&args[..], &["--set", "Key=k"]].concat();
        assert_eq!(said(at, &set), "yes here k");
    }
    let talk = run(at, &["Caller"]).2;
    for text in [
        "`KEY`, which no `local.settings.json` gives",
        "no connection `offce` in `connections.json`",
    ] {
        assert!(talk.contains(text), "{talk}");
    }
    let output = program(at, &["import", "--check", ".", "--output", "json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&Value> =
        shown["flows"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["Answers", "Caller"]);
    assert!(shown.to_string().contains("of `parameters.json`"), "{shown:#}");
    let output = program(at, &["lint", ".", "--output-format", "concise"]);
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(found.contains("Caller/workflow.json:1:"), "{found}");
}

#[test]
fn solutions_and_packages_run_as_folders_and_as_archives() {
    let child = json!({ "properties": { "definition": answering("child") } }).to_string();
    let parent = json!({
        "properties": { "definition": {
            "triggers": { "manual": { "type": "Request" } },
            "actions": {
                "Call": { "type": "Workflow", "inputs": { "host": { "workflowReferenceName": ID.to_lowercase() } } },
                "Say": {
                    "type": "Compose",
                    "inputs": "@body('Call')?['x']",
                    "runAfter": { "Call": ["Succeeded"] },
                },
            },
        } },
    })
    .to_string();
    let child_name = format!("Workflows/Child-{ID}.json");
    let parent_name = format!("Workflows/Parent-{}.json", ID.replace('0', "F"));
    let files = [(child_name.as_str(), child.as_str()), (&parent_name, &parent)];
    let unpacked = folder(&files);
    let at = unpacked.path();
    let archive = zip::of(&[&files[..], &[("customizations.xml", "<x/>")]].concat());
    fs::write(at.join("solution.zip"), archive).unwrap();
    for flow in [".#Parent", "solution.zip#Parent", &parent_name] {
        assert_eq!(said(at, &[flow]), "child", "{flow}");
    }

    let call = json!({
        "type": "OpenApiConnection",
        "inputs": { "host": { "connectionName": "shared_x", "operationId": "Get" } },
    });
    let mut definition = saying("packed");
    definition["actions"]["Call"] = call;
    let package = json!({ "name": "x", "properties": { "definition": definition } }).to_string();
    let flow = format!("Microsoft.Flow/flows/{ID}/definition.json");
    let [apis, connections] =
        ["apisMap", "connectionsMap"].map(|it| flow.replace("definition", it));
    let mut resources = serde_json::Map::new();
    let details = json!({ "displayName": "My package" });
    resources
        .insert(ID.to_lowercase(), json!({ "type": "Microsoft.Flow/flows", "details": details }));
    resources.insert("api".to_owned(), json!({ "name": "shared_office365" }));
    let manifest = json!({ "schema": "1.0", "resources": resources }).to_string();
    let archive = zip::of(&[
        ("manifest.json", &manifest),
        (&flow, &package),
        (&apis, r#"{ "shared_x": "api" }"#),
        (&connections, r#"{ "shared_x": "connection" }"#),
    ]);
    fs::write(at.join("package.zip"), archive).unwrap();
    let (_, shown, talk) = run(at, &["package.zip#My package"]);
    assert_eq!(shown["actions"]["Say"]["outputs"], "packed", "{talk}");
    let output = program(at, &["import", "--check", "package.zip", "--output", "json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["flows"][0]["name"], "My package", "{shown:#}");
    assert_eq!(shown["flows"][0]["file"], format!("package.zip!{flow}"));
    let needed = "needs the connection `shared_x` of the connector `shared_office365`";
    assert!(shown.to_string().contains(needed), "{shown:#}");
}

#[test]
fn a_template_gives_settings_and_parameters_their_values() {
    let template = json!({
        "parameters": {
            "kind": { "type": "string", "defaultValue": "Compose" },
            "unit": { "type": "string", "defaultValue": "Hour" },
            "place": { "type": "string", "defaultValue": "there" },
        },
        "variables": { "type": "[parameters('kind')]" },
        "resources": [{
            "type": "Microsoft.Logic/workflows",
            "name": "x",
            "properties": {
                "definition": {
                    "parameters": { "place": { "type": "String", "defaultValue": "nowhere" } },
                    "triggers": {
                        "Timer": { "type": "Recurrence", "recurrence": { "frequency": "[parameters('unit')]", "interval": 1 } },
                    },
                    "actions": {
                        "Say": {
                            "type": "[variables('type')]",
                            "inputs": "@{parameters('place')} [parameters('place')]",
                        },
                    },
                },
                "parameters": { "place": { "value": "[parameters('place')]" } },
            },
        }],
    })
    .to_string();
    let values = json!({ "parameters": { "place": { "value": "elsewhere" } } }).to_string();
    let folder = folder(&[("azuredeploy.json", &template)]);
    let at = folder.path();
    assert_eq!(said(at, &["azuredeploy.json"]), "there [parameters('place')]");
    fs::write(at.join("azuredeploy.parameters.json"), values).unwrap();
    assert_eq!(said(at, &["azuredeploy.json"]), "elsewhere [parameters('place')]");
}

#[test]
fn what_belongs_to_many_files_is_bounded() {
    let resource =
        json!({ "type": "Microsoft.Logic/workflows", "properties": { "definition": saying("x") } });
    let template = json!({ "resources": vec![resource; 1001] }).to_string();
    let large = format!("{{ \"x\": \"{}\" }}", "x".repeat(1 << 20));
    let folder = folder(&[
        ("template.json", &template),
        ("Flow/workflow.json", &saying("x").to_string()),
        ("Flow/connections.json", &large),
    ]);
    let at = folder.path();
    let (code, shown, _) = run(at, &["template.json"]);
    let message = &shown["diagnostics"][0]["message"];
    assert_eq!((code, message), (1, &json!("a file holds at most 1000 definitions")));
    let (code, shown, _) = run(at, &["Flow/workflow.json"]);
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(code == 2 && message.contains("connections.json"), "{shown:#}");
    // One file that belongs to hundreds of others.
    let names: Vec<String> = (0..300).map(|it| format!("{it}/workflow.json")).collect();
    let text = saying("x").to_string();
    let mut files: Vec<(&str, &str)> =
        names.iter().map(|it| (it.as_str(), text.as_str())).collect();
    files.push(("connections.json", &large));
    fs::write(at.join("many.zip"), zip::of(&files)).unwrap();
    let (code, shown, _) = run(at, &["many.zip#1"]);
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(code == 2 && message.contains("too many files"), "{shown:#}");
}

/// The first thing that is said of a file that is no good, in JSON and with the exit code.
fn refused(bytes: &[u8]) -> (i32, String) {
    let folder = folder(&[]);
    fs::write(folder.path().join("flow.json"), bytes).unwrap();
    let begun = Instant::now();
    let (code, shown, _) = run(folder.path(), &["flow.json"]);
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    let output = program(folder.path(), &["import", "--check", "flow.json", "--output", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 1)));
    let found = &shown["diagnostics"][0];
    let place = format!("{}:{}", found["line"], found["column"]);
    let message = found["message"].as_str().or(shown["error"]["message"].as_str());
    (code, format!("{place} {}", message.unwrap_or_default()))
}

#[test]
fn a_file_that_is_no_good_says_so_precisely() {
    let actions = |text: &str| {
        format!(
            "{{\"triggers\": {{\"manual\": {{\"type\": \"Request\"}}}}, \"actions\": {{\n{text}\n}}}}"
        )
    };
    let cycle = r#""A": {"type": "Scope", "actions": {}, "runAfter": {"B": []}}, "B": {"type": "Scope", "actions": {}, "runAfter": {"A": []}}"#;
    let twice = r#""A": {"type": "Scope", "actions": {"a": {"type": "Compose", "inputs": 1}}}"#;
    let rows: &[(Vec<u8>, i32, &str)] = &[
        (b"".to_vec(), 1, "1:1 this is not a workflow definition"),
        (b"{".to_vec(), 1, "1:2 expected a key in double quotes"),
        (b"{\"actions\": {}\0}".to_vec(), 1, "1:15 expected `,` or `}`, found `\\0`"),
        (
            b"{\"actions\": {\"\xff\": {}}}".to_vec(),
            1,
            "1:15 the byte 0xff at offset 14 is not UTF-8",
        ),
        (b"\xff\xfe{".to_vec(), 1, "1:1 the byte 0x7b at offset 2 is not UTF-16"),
        (b"PK\x03\x04 nonsense".to_vec(), 2, "null:null cannot read `flow.json`"),
        ("[".repeat(1 << 20).into_bytes(), 1, "1:385 values nest at most 384 deep"),
        ("{\"a\":".repeat(1 << 20).into_bytes(), 1, "1:1921 values nest at most 384 deep"),
        (actions(cycle).into_bytes(), 1, "2:"),
        (actions(twice).into_bytes(), 1, "2:36 two actions are called `a`"),
        (
            actions(r#""A": {"type": "Compose", "type": "Compose", "inputs": 1}"#).into_bytes(),
            1,
            "2:26 the key `type` is written twice",
        ),
        (
            actions(r#""A": {"type": "Compose", "inputs": 1, "runAfter": {"Z": ["Succeeded"]}}"#)
                .into_bytes(),
            1,
            "2:52 there is no action `Z`",
        ),
        (
            actions(r#""A": {"type": "Compose", "inputs": 1e999}"#).into_bytes(),
            1,
            "2:36 `1e999` is too large",
        ),
        (vec![b' '; (32 << 20) + 1], 2, "null:null `"),
    ];
    let mut wrong = Vec::new();
    for (bytes, code, expected) in rows {
        let (actual, message) = refused(bytes);
        if !message.starts_with(expected) || actual != *code {
            wrong.push(format!("{expected}: {actual} {message}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn large_and_deep_definitions_run() {
    let folder = folder(&[]);
    let at = folder.path();
    let write = |flow: &Value| fs::write(at.join("flow.json"), flow.to_string()).unwrap();
    // A thousand actions in a row.
    let mut flow = saying("first");
    let actions = flow["actions"].as_object_mut().unwrap();
    let mut before = "Say".to_owned();
    for index in 1..1000 {
        let name = format!("Action_{index}");
        let after = json!({ before: ["Succeeded"] });
        actions.insert(
            name.clone(),
            json!({ "type": "Compose", "inputs": "@utcNow()", "runAfter": after }),
        );
        before = name;
    }
    write(&flow);
    let begun = Instant::now();
    let (code, shown, _) = run(at, &["flow.json"]);
    assert_eq!((code, shown["actions"].as_object().unwrap().len()), (0, 1000));
    // Sixty containers in each other, in the form that takes most levels of JSON.
    let mut inner = saying("deep")["actions"].clone();
    for index in 0..60 {
        let name = format!("Switch_{index}");
        let case = json!({ "case": "a", "actions": inner });
        inner = json!({ name: { "type": "Switch", "expression": "a", "cases": { "A": case } } });
    }
    flow["actions"] = inner;
    write(&flow);
    assert_eq!(said(at, &["flow.json"]), "deep");
    // Twenty megabytes of data.
    let mut flow = saying("large");
    let row = json!({ "name": "a value of some length", "numbers": [1, 2.5, null] });
    let rows = vec![row.clone(); (20 << 20) / row.to_string().len()];
    flow["actions"]["Data"] = json!({ "type": "Compose", "inputs": rows });
    write(&flow);
    assert_eq!(said(at, &["flow.json", "--until", "Say"]), "large");
    assert!(begun.elapsed() < Duration::from_mins(2), "{:?}", begun.elapsed());
}

#[test]
fn a_run_can_be_stopped_behind_an_action() {
    let flow = json!({
        "triggers": { "manual": { "type": "Request" } },
        "actions": {
            "A": { "type": "Compose", "inputs": 1 },
            "Each": {
                "type": "Foreach",
                "foreach": [1, 2],
                "actions": { "Part": { "type": "Compose", "inputs": "@div(1, 0)" } },
                "runAfter": { "A": ["Succeeded"] },
            },
            "B": { "type": "Compose", "inputs": 2, "runAfter": { "Each": ["Succeeded", "Failed"] } },
        },
    });
    let folder = folder(&[("flow.json", &flow.to_string())]);
    let at = folder.path();
    let statuses = |until: &str| {
        let (code, shown, _) = run(at, &["flow.json", "--until", until]);
        let status = |name: &str| shown["actions"][name]["status"].as_str().unwrap().to_owned();
        let actions = ["A", "Each", "Part", "B"].map(status).join(" ");
        format!("{code} {}: {actions}", shown["status"].as_str().unwrap())
    };
    assert_eq!(statuses("a"), "0 Stopped: Succeeded NotReached NotReached NotReached");
    assert_eq!(statuses("Part"), "1 Stopped: Succeeded Waiting Failed NotReached");
    assert_eq!(statuses("Each"), "1 Stopped: Succeeded Failed Failed NotReached");
    assert_eq!(statuses("B"), "0 Stopped: Succeeded Failed Failed Succeeded");
    let text = program(at, &["run", "flow.json", "--until", "A"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("Each not reached") && text.contains("stopped here"), "{text}");
}

#[test]
fn every_trouble_is_told_in_json() {
    let mut flow = saying("hello");
    flow["parameters"] = json!({ "p": { "type": "Int", "defaultValue": 1 } });
    flow["triggers"]["manual"]["conditions"] =
        json!([{ "expression": "@greater(triggerBody()?['n'], 1)" }]);
    let folder = folder(&[
        ("flow.json", &flow.to_string()),
        ("bad.json", "{ \"a\": "),
        ("huge.json", "{ \"a\": 1e400 }"),
        ("deep.json", &"[".repeat(100_000)),
        ("list.json", "[]"),
        ("other.json", "{ \"a\": 1 }"),
        ("two.json", "{ \"n\": 2 }"),
    ]);
    let rows: [(&[&str], i32, &str, &str); 13] = [
        (&["flow.json"], 1, "Failed", "InvalidTemplate"),
        (&["flow.json", "--event", "bad.json"], 2, "NotStarted", "InvalidEvent"),
        (&["flow.json", "--event", "huge.json"], 2, "NotStarted", "InvalidEvent"),
        (&["flow.json", "--event", "deep.json"], 2, "NotStarted", "InvalidEvent"),
        (&["flow.json", "--event", "none.json"], 2, "NotStarted", "InvalidEvent"),
        (&["flow.json", "--trigger", "x"], 2, "NotStarted", "UnknownTrigger"),
        (&["flow.json", "--until", "sya"], 2, "NotStarted", "UnknownAction"),
        (&["flow.json", "--set", "q=1"], 2, "NotStarted", "InvalidParameter"),
        (&["flow.json", "--set", "p=x"], 2, "NotStarted", "InvalidParameter"),
        (&["flow.json", "--workflow", "x"], 2, "NotStarted", "FlowNotFound"),
        (&["nowhere.json"], 2, "NotStarted", "FlowNotFound"),
        (&["other.json"], 1, "NotStarted", "InvalidDefinition"),
        (&["flow.json", "--environment", "x"], 2, "NotStarted", "InvalidProject"),
    ];
    for (args, expected, status, error) in rows {
        let (code, shown, _) = run(folder.path(), args);
        let actual = (code, shown["status"].as_str(), shown["code"].as_str());
        assert_eq!(actual, (expected, Some(status), Some(error)), "{args:?} {shown:#}");
        assert!(shown["error"]["message"].is_string(), "{args:?} {shown:#}");
    }
    let run = |mocks: &str| {
        let args =
            ["run", "flow.json", "--event", "two.json", "--mocks", mocks, "--output", "json"];
        let output = program(folder.path(), &args);
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), shown["code"].clone())
    };
    assert_eq!(run("list.json"), (Some(2), json!("InvalidMocks")));
    assert_eq!(run("bad.json"), (Some(2), json!("InvalidMocks")));
    let output = program(folder.path(), &["run", "flow.json", "--event", "bad.json"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("EOF while parsing"));
}

/// The values of the project below, which nothing may show.
const VALUES: [&str; 3] = ["https://shop.example", "s3cret-key", "4711"];

fn with_settings(settings: Option<&str>) -> TempDir {
    let inputs = json!({
        "url": "@equals(appsetting('SHOP_URL'), 'https://shop.example')",
        "text": "@{appsetting('shop_url')}/orders",
        "computed": "@length(appsetting(concat('SHOP', '_URL')))",
        "number": "@add(parameters('Count'), 1)",
        "path": "@parameters('Path')",
        "own": "@parameters('Own')",
    });
    let definition = json!({
        "definition": {
            "parameters": { "Own": { "type": "String", "defaultValue": "@appsetting('SHOP_KEY')" } },
            "triggers": { "manual": {
                "type": "Request",
                "conditions": [{ "expression": "@startsWith(appsetting('SHOP_URL'), 'https')" }],
            } },
            "actions": { "Say": { "type": "Compose", "inputs": inputs } },
        },
    });
    let parameters = json!({
        "Count": { "type": "Int", "value": "@appsetting('COUNT')" },
        "Path": { "type": "String", "value": "@{appsetting('SHOP_URL')}/x" },
    });
    let folder = folder(&[
        ("host.json", "{}"),
        ("parameters.json", &parameters.to_string()),
        ("Order/workflow.json", &definition.to_string()),
    ]);
    if let Some(text) = settings {
        fs::write(folder.path().join("local.settings.json"), text).unwrap();
    }
    folder
}

#[test]
fn app_settings_come_from_the_file_beside_the_project_or_the_environment() {
    let [url, key, count] = VALUES;
    let all = json!({ "IsEncrypted": false, "Values": { "SHOP_URL": url, "SHOP_KEY": key, "COUNT": 4711 } });
    let some = json!({ "Values": { "SHOP_KEY": key, "count": count } });
    for (settings, environment) in [
        (Some(all), &[][..]),
        (Some(some), &[("SHOP_URL", url)]),
        (None, &[("SHOP_URL", url), ("SHOP_KEY", key), ("COUNT", count)]),
    ] {
        let folder = with_settings(settings.map(|it| it.to_string()).as_deref());
        fs::write(folder.path().join("none.yaml"), "{}").unwrap();
        for flow in [".", "Order/workflow.json"] {
            let mut command = Command::new(flowright());
            command.args(["run", flow, "--mocks", "none.yaml", "--output", "json"]);
            command.current_dir(folder.path()).env_remove("FLOWRIGHT_ENVIRONMENT");
            let output = command.envs(environment.iter().copied()).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let talk = String::from_utf8(output.stderr).unwrap();
            let shown: Value =
                serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{talk}"));
            let hidden = "*sanitized*";
            let expected = json!({
                "url": true, "text": format!("{hidden}/orders"), "computed": 20, "number": 4712,
                "path": format!("{hidden}/x"), "own": hidden,
            });
            assert_eq!(shown["actions"]["Say"]["outputs"], expected, "{flow} {talk}");
            for value in VALUES.into_iter().filter(|it| *it != "4711") {
                assert!(!text.contains(value) && !talk.contains(value), "{text}{talk}");
            }
        }
    }
}

#[test]
fn an_app_setting_that_nobody_gives_is_named() {
    let cases = [
        ("{}", "the app setting 'SHOP_URL' is neither"),
        (
            r#"{"IsEncrypted": true, "Values": {"SHOP_URL": "x"}}"#,
            "the app setting 'SHOP_URL' is neither",
        ),
        (
            r#"{"Values": {"SHOP_URL": "https", "SHOP_KEY": "k"}}"#,
            "'Count' has no value: the app setting 'COUNT' is neither",
        ),
        (r#"{"Values": {"SHOP_URL": "https:secret"#, "local.settings.json` is not JSON"),
    ];
    for (settings, expected) in cases {
        let folder = with_settings(Some(settings));
        let (code, shown, talk) = run(folder.path(), &["."]);
        let text = format!("{shown}{talk}");
        assert!(code != 0 && text.contains(expected) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn what_the_service_itself_is_told_is_no_app_setting() {
    let definition = json!({
        "triggers": { "manual": { "type": "Request" } },
        "actions": { "Say": { "type": "Compose", "inputs": "@appsetting('Flowright_Database')" } },
    });
    let folder = folder(&[("flow.json", &definition.to_string()), ("none.yaml", "{}")]);
    let mut command = Command::new(flowright());
    command.args(["run", "flow.json", "--mocks", "none.yaml", "--output", "json"]);
    command.current_dir(folder.path()).env_remove("FLOWRIGHT_ENVIRONMENT");
    let output = command.env("Flowright_Database", "postgres://a:canary@b/c").output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(text.contains("the app setting 'Flowright_Database' is neither"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn settings_are_neither_imported_nor_shown_by_checks() {
    let [url, key, _] = VALUES;
    let settings =
        json!({ "Values": { "SHOP_URL": url, "SHOP_KEY": key, "COUNT": "1" } }).to_string();
    let folder = with_settings(Some(&settings));
    for args in [&["import", "--check", "."][..], &["lint", "."], &["import", ".", "-o", "made"]] {
        let output = program(folder.path(), args);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains(url) && !text.contains(key), "{args:?} {text}");
        assert!(!text.contains("which no `local.settings.json` gives"), "{text}");
    }
    fs::write(folder.path().join("local.settings.json"), settings.replace('}', "")).unwrap();
    let output = program(folder.path(), &["import", "--check", "."]);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(text.contains("is not JSON") && !text.contains(key) && !text.contains(url), "{text}");
    let mut folders = vec![folder.path().join("made")];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(fs::read_dir(path).unwrap().map(|it| it.unwrap().path()));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(key), "{path:?} {text}");
        }
    }
}
