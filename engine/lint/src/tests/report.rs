//! The two forms of a report, and what a hostile file may write into them.

use base::{Diagnostic, Source, Span, code};

use crate::{
    FileFindings,
    report::{concise, json},
};

fn hostile() -> Vec<FileFindings> {
    let source = Source::new("a\u{1b}[2J.yaml", "äb\ncd\n");
    let message = "there is no `x\u{202e}y\nz`";
    let found = Diagnostic::new(code::UNKNOWN_VARIABLE, Span::new(4, 6), message)
        .hint("say \u{7f}what")
        .label(Span::new(0, 2), "here");
    vec![FileFindings { source, found: vec![found] }]
}

#[test]
fn concise_is_one_printable_line() {
    assert_eq!(
        concise(&hostile()),
        "a\\u{1b}[2J.yaml:2:1: error[unknown-variable]: there is no `x\\u{202e}y\\u{a}z` \
         (say \\u{7f}what)\n"
    );
}

#[test]
fn json_keeps_its_keys_and_is_printable() {
    let text: String = json(&hostile()).collect();
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7f}']), "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!([{
        "code": "FL205",
        "slug": "unknown-variable",
        "severity": "error",
        "message": "there is no `x\u{202e}y\nz`",
        "file": "a\u{1b}[2J.yaml",
        "line": 2,
        "column": 1,
        "end": { "line": 2, "column": 3 },
        "hint": "say \u{7f}what",
        "labels": [{ "line": 1, "column": 1, "end": { "line": 1, "column": 2 }, "message": "here" }],
        "path": null,
        "fingerprint": "5b0ef7a69401a48d1eb87efad7312a7e",
        "fix": null,
    }]);
    assert_eq!(value, expected);
    assert_eq!(json(&[]).collect::<String>(), "[]\n");
}
