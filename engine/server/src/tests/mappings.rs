//! Changes of a mapping in its text: only what is meant changes, comments and layout stay.

use serde_json::{Value, json};

use crate::pages::mappings::{change, show};

const FILE: &str = "\
# What is synchronised.
mapping: referral-to-opportunity
fields:
  name: $.name                               # the deal
  value: { from: $.details.value, as: money, compare: money }
  # The close date.
  closed: {from: $.closed, as: date}
  state:
    from: $.status                           # of the referral
    values: { New: 2, Active: 1 }
    otherwise: 1
  \"@{parameters('link')}\": \"@{parameters('prefix')}@{item()?['id']}\"
  synced: true
";

/// Applies changes; `expected` is pairs of a text that is gone and what stands in its place, `None` that
/// it is refused.
fn check(edits: &Value, expected: Option<&[(&str, &str)]>) {
    let changed = change(FILE, edits);
    let Some(pairs) = expected else {
        assert!(changed.is_err(), "{edits}: {changed:?}");
        return;
    };
    let mut wanted = FILE.to_owned();
    for (from, to) in pairs {
        assert!(wanted.contains(from), "{from}");
        wanted = wanted.replacen(from, to, 1);
    }
    assert_eq!(changed.as_deref(), Ok(wanted.as_str()), "{edits}");
}

fn set(target: &str, setting: &str, value: &Value) -> Value {
    json!([{ "do": "set", "target": target, "setting": setting, "value": value }])
}

#[test]
fn settings_are_changed_where_they_stand() {
    check(&set("name", "from", &json!("$.title")), Some(&[("$.name  ", "$.title  ")]));
    check(&set("name", "from", &json!("a: b")), Some(&[("$.name  ", "\"a: b\"  ")]));
    check(
        &set("name", "as", &json!("text")),
        Some(&[("$.name  ", "{ from: $.name, as: text }  ")]),
    );
    check(&set("value", "as", &json!("number")), Some(&[("as: money", "as: number")]));
    check(&set("value", "as", &Value::Null), Some(&[(", as: money", "")]));
    check(
        &set("value", "required", &json!("true")),
        Some(&[("compare: money }", "compare: money, required: true }")]),
    );
    check(
        &set("closed", "default", &json!("2030-01-01")),
        Some(&[("as: date}", "as: date, default: \"2030-01-01\"}")]),
    );
    check(&set("state", "otherwise", &json!("2")), Some(&[("otherwise: 1", "otherwise: 2")]));
    check(&set("state", "otherwise", &Value::Null), Some(&[("    otherwise: 1\n", "")]));
    check(
        &set("state", "default", &json!("3")),
        Some(&[("    otherwise: 1\n", "    otherwise: 1\n    default: 3\n")]),
    );
    check(&set("synced", "from", &json!("false")), Some(&[("synced: true", "synced: false")]));
    check(
        &set("synced", "from", &json!("\"false\"")),
        Some(&[("synced: true", "synced: \"false\"")]),
    );
    check(
        &set("@{parameters('link')}", "compare", &json!("text")),
        Some(&[(
            "\"@{parameters('prefix')}@{item()?['id']}\"",
            "{ from: \"@{parameters('prefix')}@{item()?['id']}\", compare: text }",
        )]),
    );
}

#[test]
fn rows_come_and_go() {
    check(
        &json!([{ "do": "rename", "target": "closed", "to": "closeDate" }]),
        Some(&[("closed: {", "closeDate: {")]),
    );
    check(
        &json!([{ "do": "remove", "target": "state" }]),
        Some(&[(
            "  state:\n    from: $.status                           # of the referral\n    values: { New: 2, Active: 1 }\n    otherwise: 1\n",
            "",
        )]),
    );
    check(
        &json!([{ "do": "remove", "target": "name" }]),
        Some(&[("  name: $.name                               # the deal\n", "")]),
    );
    check(
        &json!([{ "do": "add", "target": "notes", "from": "$.details.notes" }]),
        Some(&[("  synced: true\n", "  synced: true\n  notes: $.details.notes\n")]),
    );
    check(
        &json!([
            { "do": "add", "target": "a", "from": "1" },
            { "do": "set", "target": "a", "setting": "as", "value": "integer" },
            { "do": "rename", "target": "a", "to": "b/c" },
        ]),
        Some(&[("  synced: true\n", "  synced: true\n  b/c: { from: 1, as: integer }\n")]),
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for edits in [
        set("nothing", "from", &json!("$.x")),
        set("name", "fields", &json!("x")),
        set("state", "from", &Value::Null),
        json!([{ "do": "rename", "target": "name", "to": "value" }]),
        json!([{ "do": "rename", "target": "name", "to": " " }]),
        json!([{ "do": "add", "target": "name", "from": "$.x" }]),
        json!([{ "do": "remove", "target": "nothing" }]),
    ] {
        if edits[0]["setting"] == "from" && edits[0]["value"].is_null() {
            // A source may go from the text; the reader then says that it is missing.
            let changed = change(FILE, &edits).unwrap();
            assert!(!show(&changed)["findings"].as_array().unwrap().is_empty());
            continue;
        }
        check(&edits, None);
    }
}

#[test]
fn odd_files_are_refused_and_shown() {
    for text in [
        "",
        "fields: {}",
        "fields: []",
        "fields: { a: $.b }",
        "- 1",
        "a: [",
        "fields:\n  ? [a]\n  : b\n",
    ] {
        let rows = show(text)["fields"].as_array().unwrap().len();
        let edits = json!([{ "do": "add", "target": "x", "from": "$.y" }]);
        // In brackets a row cannot be put on a line of its own.
        assert!(change(text, &edits).is_err(), "{text}: {rows}");
    }
    assert_eq!(show(FILE)["fields"].as_array().unwrap().len(), 6);
}

/// Whatever is typed into a cell comes out of the file as it was typed, or is refused.
#[test]
fn what_is_typed_comes_back() {
    for typed in [
        "$.a.b",
        "plain",
        "a: b",
        "# no comment",
        "@{x}",
        "'quoted'",
        "\"quoted\"",
        "true",
        "12",
        "12.5",
        "null",
        "{}",
        "{a: b}",
        "[1,2]",
        "*alias",
        "&anchor",
        "!tag",
        "- item",
        "? key",
        "%",
        "a #b",
        "ends with ",
        " begins",
        "tab\there",
        "line\nline",
        "ünï😀",
        "yes",
        "~",
        "0x1f",
        "2030-01-01",
        "{{name}}",
        "a,b",
        "}",
        "]",
        ":",
        "\u{7f}",
        "\u{2028}",
    ] {
        for target in ["name", "value", "state", "synced"] {
            if let Ok(changed) = change(FILE, &set(target, "from", &json!(typed))) {
                let table = show(&changed);
                let rows = table["fields"].as_array().unwrap();
                let row = rows.iter().find(|it| it["target"] == target).unwrap();
                let meant = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                let meant: (Value, Value) = (meant(row["from"].as_str().unwrap()), meant(typed));
                assert_eq!(meant.0, meant.1, "{target}: {changed}");
                assert!(changed.starts_with("# What is synchronised.\n"));
                assert!(changed.contains("# The close date.\n"));
            }
        }
    }
}
