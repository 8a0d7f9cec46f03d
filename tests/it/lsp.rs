//! `flowright lsp` and an editor; with `FLOWRIGHT_YAML_LANGUAGE_SERVER` another server and our schemas.

use std::{env, fs, io::Write as _, path::Path, process::Command};

use serde_json::{Value, json};

use crate::support::{
    editor::Editor,
    service::{flowright, root},
};

const FLOW: &str = "flow: Sync
connections: { crm: dynamics-365 }
triggers: [{ name: t, manual: }]
actions:
  - name: Rows
    call: crm.ListRecords
    with: { entityName: accounts, $select: name, $top: 5 }
  - name: First
    compose: \"@first(body('Rows')?['value'])\"
";

/// A project of its own with the shipped connectors.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let connectors = root().join("connectors");
    let settings = format!("flows: [flows]\nconnectors: [\"{}\"]\n", connectors.display());
    fs::write(folder.path().join("flowright.yaml"), settings).unwrap();
    fs::create_dir_all(folder.path().join("flows/sync")).unwrap();
    fs::write(folder.path().join("flows/sync/flow.yaml"), FLOW).unwrap();
    folder
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.canonicalize().unwrap().display())
}

fn editor() -> Editor {
    let mut command = Command::new(flowright());
    command.arg("lsp");
    Editor::start(command, Value::Null)
}

fn slugs(found: &[Value]) -> Vec<&str> {
    found.iter().map(|it| it["code"].as_str().unwrap()).collect()
}

#[test]
fn an_editor_is_served() {
    let folder = project();
    let file = uri(&folder.path().join("flows/sync/flow.yaml"));
    let mut editor = editor();
    assert_eq!(editor.capabilities["textDocumentSync"]["change"], 2);
    editor.open(&file, FLOW);
    editor.wait_for(&file, |it| !slugs(it).contains(&"unknown-operation"));

    // What is typed is looked at, piece by piece.
    let change = |version: u32, from: (u32, u32), to: (u32, u32), text: &str| {
        json!({
            "textDocument": { "uri": file, "version": version },
            "contentChanges": [{
                "range": { "start": { "line": from.0, "character": from.1 }, "end": { "line": to.0, "character": to.1 } },
                "text": text,
            }],
        })
    };
    editor.tell("textDocument/didChange", &change(2, (5, 14), (5, 25), "ListRecrds"));
    editor.wait_for(&file, |it| slugs(it).contains(&"unknown-operation"));
    let found =
        editor.findings[&file].iter().find(|it| it["code"] == "unknown-operation").unwrap().clone();
    assert_eq!(found["range"]["start"]["line"], 5);
    assert!(found["message"].as_str().unwrap().contains("ListRecords"), "{found}");
    let items = editor.at("textDocument/completion", &file, (5, 18));
    assert!(items.as_array().unwrap().iter().any(|it| it["label"] == "crm.ListRecords"));
    editor.tell("textDocument/didChange", &change(3, (5, 14), (5, 24), "ListRecords"));
    editor.wait_for(&file, |it| !slugs(it).contains(&"unknown-operation"));

    let actions = json!({ "textDocument": { "uri": file }, "range": found["range"], "context": { "diagnostics": [] } });
    assert_eq!(editor.ask("textDocument/codeAction", &actions), json!([]));
    let hover = editor.at("textDocument/hover", &file, (8, 16));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("first("), "{hover}");
    let help = editor.at("textDocument/signatureHelp", &file, (8, 21));
    assert!(help["signatures"][0]["label"].as_str().unwrap().starts_with("first("), "{help}");
    let place = editor.at("textDocument/definition", &file, (8, 28));
    assert_eq!(place["range"]["start"], json!({ "line": 4, "character": 10 }));
    let place = editor.at("textDocument/definition", &file, (5, 18));
    assert!(place["uri"].as_str().unwrap().ends_with("dynamics-365/connector.yaml"), "{place}");
    let found = editor.at("textDocument/references", &file, (4, 12));
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert_eq!(editor.at("textDocument/prepareRename", &file, (8, 28))["placeholder"], "Rows");
    assert_eq!(editor.at("textDocument/prepareRename", &file, (0, 8)), Value::Null);
    let rename = |name: &str| json!({ "textDocument": { "uri": file }, "position": { "line": 4, "character": 12 }, "newName": name });
    let edits = editor.ask("textDocument/rename", &rename("All rows"));
    let texts: Vec<&str> = edits["changes"][&file]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["newText"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["All rows", "All_rows"]);
    let refused = editor.ask("textDocument/rename", &rename("First"));
    assert_eq!(refused["error"]["message"], "there is a `First` already");

    let about = json!({ "textDocument": { "uri": file }, "options": { "tabSize": 2, "insertSpaces": true } });
    assert_eq!(editor.ask("textDocument/formatting", &about), json!([]));
    editor.tell("textDocument/didChange", &change(4, (0, 5), (0, 6), "    "));
    let edits = editor.ask("textDocument/formatting", &about);
    assert_eq!(edits[0]["newText"], FLOW);
    let symbols = editor.ask("textDocument/documentSymbol", &about);
    assert!(symbols.as_array().unwrap().iter().any(|it| it["name"] == "Rows"), "{symbols}");
    assert!(!editor.ask("textDocument/foldingRange", &about).as_array().unwrap().is_empty());
    let lenses = editor.ask("textDocument/codeLens", &about);
    assert_eq!(lenses[0]["command"]["command"], "flowright.run");
    assert!(editor.ask("textDocument/nothing", &json!({}))["error"]["code"] == -32601);
    assert_eq!(editor.leave(), 0);
}

#[test]
fn fixes_of_the_linter_are_offered() {
    let folder = project();
    let file = uri(&folder.path().join("flows/sync/flow.yaml"));
    let mut editor = editor();
    let text = FLOW.replace("\"@first(body('Rows')?['value'])\"", "@first(body('Rows')?['value'])");
    editor.open(&file, &text);
    editor.wait_for(&file, |it| slugs(it).contains(&"unquoted-expression"));
    let found = &editor.findings[&file];
    let found = found.iter().find(|it| it["code"] == "unquoted-expression").unwrap();
    let range = found["range"].clone();
    let about = json!({ "textDocument": { "uri": file }, "range": range, "context": { "diagnostics": [] } });
    let actions = editor.ask("textDocument/codeAction", &about);
    let edit = &actions[0]["edit"]["changes"][&file][0];
    assert_eq!(edit["newText"], "\"@first(body('Rows')?['value'])\"", "{actions}");
}

#[test]
fn what_is_saved_elsewhere_counts() {
    let folder = project();
    let path = folder.path().join("flows/sync/flow.yaml");
    let file = uri(&path);
    let mut editor = editor();
    editor.open(&file, &FLOW.replace("compose:", "map: fields\n    from:"));
    editor.wait_for(&file, |it| slugs(it).contains(&"mapping-unknown-field"));
    fs::write(
        folder.path().join("flows/sync/fields.mapping.yaml"),
        "mapping: fields\nfields: { a: $.b }\n",
    )
    .unwrap();
    let change = json!({ "changes": [{ "uri": file, "type": 1 }] });
    editor.tell("workspace/didChangeWatchedFiles", &change);
    editor.wait_for(&file, |it| !slugs(it).contains(&"mapping-unknown-field"));
    // A file that is closed has nothing to say any more.
    editor.open(&file, "flow: [\n");
    editor.wait_for(&file, |it| !it.is_empty());
    editor.tell("textDocument/didClose", &json!({ "textDocument": { "uri": file } }));
    editor.wait_for(&file, <[Value]>::is_empty);
    // A folder without a project is served as well.
    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("flow.yaml");
    fs::write(&path, "flw: x\n").unwrap();
    editor.open(&uri(&path), "flw: x\n");
    editor.wait_for(&uri(&path), |it| slugs(it).contains(&"unknown-key"));
    assert_eq!(editor.leave(), 0);
}

/// A project with findings that its configuration, its comments and its past keep quiet, and with others.
fn configured() -> tempfile::TempDir {
    let folder = project();
    let path = folder.path();
    let faulty = FLOW.replace("@first(body('Rows')?['value'])", "@nothing(outputs('Nowhere'))");
    let put = |name: &str, text: &str| {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let connectors = root().join("connectors");
    let lint = "lint:
  exclude: flows/left/**
  extend: [default-name]
  severity: { unknown-function: warning }
  files:
    - { paths: flows/quiet/**, ignore: [unknown-function] }
    - { paths: environments/**, ignore: [invalid-choice] }
";
    let settings = format!(
        "flows: [flows]\nconnectors: [\"{}\"]\nenvironment: test\nenvironments: environments\n",
        connectors.display()
    );
    put("flowright.yaml", &format!("{settings}{lint}"));
    put(
        "environments/test.yaml",
        "parameter: {}\nconnections: { crm: { connector: dynamics-365, auth: nothing } }\n",
    );
    for name in ["sync", "quiet", "left", "ignored", "old"] {
        put(&format!("flows/{name}/flow.yaml"), &faulty);
    }
    put(".gitignore", "flows/ignored/\n");
    let comment = "  # lint: ignore[unknown-function] later\n  - name: First\n    compose:";
    put("flows/said/flow.yaml", &faulty.replace("  - name: First\n    compose:", comment));
    put("flows/said/tests/a.test.yaml", "tests: [{ nam: x }]\n");
    let known = Command::new(flowright())
        .args(["lint", "--update-baseline", "--baseline", "known.json", "flows/old"])
        .current_dir(path)
        .output()
        .unwrap();
    assert!(known.status.success(), "{}", String::from_utf8_lossy(&known.stderr));
    put("flowright.yaml", &format!("{settings}{lint}  baseline: known.json\n"));
    folder
}

/// Line, rule and severity of findings of one file.
type Shown = Vec<(u64, String, String)>;

#[test]
fn editors_show_what_the_program_shows() {
    let folder = configured();
    let path = folder.path();
    let out = Command::new(flowright())
        .args(["lint", "--output-format", "json"])
        .current_dir(path)
        .output()
        .unwrap();
    let all: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let mut editor = editor();
    let mut told = 0;
    for name in [
        "flows/sync/flow.yaml",
        "flows/quiet/flow.yaml",
        "flows/left/flow.yaml",
        "flows/ignored/flow.yaml",
        "flows/said/flow.yaml",
        "flows/said/tests/a.test.yaml",
        "flows/old/flow.yaml",
        "environments/test.yaml",
        "flowright.yaml",
    ] {
        let file = uri(&path.join(name));
        editor.open(&file, &fs::read_to_string(path.join(name)).unwrap());
        editor.wait_for(&file, |_| true);
        let of_file = all.iter().filter(|it| it["file"] == name);
        let mut shown: Shown = of_file
            .map(|it| (it["line"].as_u64().unwrap(), text(&it["slug"]), text(&it["severity"])))
            .collect();
        let mut seen: Shown = editor.findings[&file]
            .iter()
            .map(|it| {
                let severity = match it["severity"].as_u64().unwrap() {
                    1 => "error",
                    2 => "warning",
                    _ => "info",
                };
                let line = it["range"]["start"]["line"].as_u64().unwrap() + 1;
                (line, text(&it["code"]), severity.to_owned())
            })
            .collect();
        shown.sort();
        seen.sort();
        assert_eq!(seen, shown, "{name}");
        told += shown.len();
    }
    assert_eq!(told, all.len(), "{all:#?}");
    assert!(3 < told, "{all:#?}");
    assert_eq!(editor.leave(), 0);
}

#[test]
fn flows_that_are_open_follow_each_other() {
    let folder = project();
    let path = folder.path();
    let (one, other) = (path.join("flows/sync/flow.yaml"), path.join("flows/other/flow.yaml"));
    let child = "flow: Child\ntriggers: [{ name: t, flow: }]\nactions: []\n";
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, child).unwrap();
    let (one, other) = (uri(&one), uri(&other));
    let mut editor = editor();
    editor.open(&one, &format!("{FLOW}  - name: Call\n    runFlow: Child\n"));
    editor.open(&other, child);
    editor.wait_for(&one, |it| !slugs(it).contains(&"subflow-contract"));
    let daily = child.replace("flow: }", "recurrence: { frequency: Day, interval: 1 } }");
    let change = json!({
        "textDocument": { "uri": other, "version": 2 },
        "contentChanges": [{ "text": daily }],
    });
    editor.tell("textDocument/didChange", &change);
    editor.wait_for(&one, |it| slugs(it).contains(&"subflow-contract"));
    assert_eq!(editor.leave(), 0);
}

/// The YAML language server, installed into the folder that is named.
fn yaml_language_server() -> Option<Command> {
    let Ok(folder) = env::var("FLOWRIGHT_YAML_LANGUAGE_SERVER") else {
        let skipped = b"skipped: FLOWRIGHT_YAML_LANGUAGE_SERVER names no folder\n";
        std::io::stderr().write_all(skipped).unwrap();
        return None;
    };
    let program = Path::new(&folder).join("node_modules/.bin/yaml-language-server");
    if !program.exists() {
        fs::create_dir_all(&folder).unwrap();
        let status = Command::new("npm")
            .args([
                "install",
                "--no-fund",
                "--no-audit",
                "--prefix",
                &folder,
                "yaml-language-server",
            ])
            .status()
            .unwrap();
        assert!(status.success(), "npm cannot install yaml-language-server");
    }
    let mut command = Command::new(program);
    command.arg("--stdio");
    Some(command)
}

#[test]
#[allow(clippy::print_stderr, reason = "who runs the tests has to know what was not tested")]
fn the_yaml_language_server_completes_and_checks() {
    let Some(command) = yaml_language_server() else { return };
    let folder = project();
    let schemas = folder.path().join("schemas");
    let written = Command::new(flowright())
        .args(["schema", "--output"])
        .arg(&schemas)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(written.status.success());
    let schema = uri(&schemas.join("flow.schema.json"));
    let settings = json!({ "yaml": {
        "schemas": { schema: "flow.yaml" },
        "completion": true, "hover": true, "validate": true, "schemaStore": { "enable": false },
    }});
    let mut editor = Editor::start(command, settings.clone());
    editor.tell("workspace/didChangeConfiguration", &json!({ "settings": settings }));
    let file = uri(&folder.path().join("flows/sync/flow.yaml"));
    editor.open(&file, FLOW);
    editor.wait_for(&file, <[Value]>::is_empty);
    let labels = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().or(answer.as_array()).unwrap();
        items.iter().map(|it| it["label"].as_str().unwrap().to_owned()).collect()
    };
    let open = |editor: &mut Editor, number: u32, text: &str| -> String {
        let path = folder.path().join(format!("flows/{number}"));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("flow.yaml"), text).unwrap();
        let file = uri(&path.join("flow.yaml"));
        editor.open(&file, text);
        file
    };
    let begun = format!("{FLOW}  - name: x\n    call: crm.\n");
    let file = open(&mut editor, 1, &begun);
    let found = labels(&editor.at("textDocument/completion", &file, (10, 14)));
    assert!(found.contains(&"crm.CreateRecord".to_owned()), "{found:?}");
    let begun = format!("{FLOW}  - name: x\n    call: crm.ListRecords\n    with:\n      \n");
    let file = open(&mut editor, 2, &begun);
    let found = labels(&editor.at("textDocument/completion", &file, (12, 6)));
    assert!(
        found.contains(&"$filter".to_owned()) && !found.contains(&"item".to_owned()),
        "{found:?}"
    );
    let wrong = FLOW.replace("entityName: accounts", "entityName: accounts, foo: 1");
    let file = open(&mut editor, 3, &wrong);
    editor
        .wait_for(&file, |it| it.iter().any(|it| it["message"].as_str().unwrap().contains("foo")));
    let hover = editor.at("textDocument/hover", &file, (6, 14));
    assert!(hover.to_string().contains("Name of the table"), "{hover}");
}
