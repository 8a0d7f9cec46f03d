//! JSON: what the lenient reader accepts, and what it does not.

use serde_json::{Value, json};

use super::{check_spans, lines};
use crate::{Kind, parse_json};

fn check(text: &str, expected: &Value) {
    let (node, found) = parse_json(text);
    assert_eq!(lines(text, &found), Vec::<String>::new(), "{text}");
    let node = node.unwrap();
    check_spans(text, &node);
    assert_eq!(&node.to_json(), expected, "{text}");
}

#[test]
fn json_is_read_leniently() {
    for (text, value) in [
        (
            "{\"a\": [1, -2.5, 1e3, true, false, null]}",
            json!({ "a": [1, -2.5, 1000.0, true, false, null] }),
        ),
        ("\u{feff}{}", json!({})),
        ("// x\n{ /* y */ \"a\": 1, /*/ z */ }", json!({ "a": 1 })),
        ("[1, 2, ]", json!([1, 2])),
        (r#""a\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00""#, json!("a\"\\/\u{8}\u{c}\n\r\tä😀")),
        ("\"two\nlines\"", json!("two\nlines")),
        ("9223372036854775808", json!(9_223_372_036_854_775_808_f64)),
        ("", json!(null)),
    ] {
        check(text, &value);
    }
}

#[test]
fn text_without_escapes_is_verbatim() {
    let text = r#"["plain", "esc\n"]"#;
    let (node, _) = parse_json(text);
    let node = node.unwrap();
    let places = node.as_seq().unwrap().iter().map(|it| match &it.kind {
        Kind::Str(scalar) => scalar.verbatim_at,
        other => panic!("{other:?}"),
    });
    assert_eq!(places.collect::<Vec<_>>(), [Some(2), None]);
}

#[test]
fn faults_are_placed() {
    for (text, expected) in [
        ("{\"a\": 1,\n \"a\": 2}", "2:2 duplicate-key the key `a` is written twice"),
        ("{\"a\" 1}", "1:6 invalid-yaml expected `:`, found `1`"),
        ("{a: 1}", "1:2 invalid-yaml expected a key in double quotes or `}`, found `a`"),
        ("[1 2]", "1:4 invalid-yaml expected `,` or `]`, found `2`"),
        ("[1,", "1:4 invalid-yaml expected a value, found the end of the file"),
        ("\"abc", "1:1 invalid-yaml the text is never closed by `\"`"),
        ("01", "1:1 invalid-yaml `01` is not a number"),
        ("1e999", "1:1 invalid-yaml `1e999` is not a number"),
        ("{} x", "1:4 invalid-yaml expected the end of the file, found `x`"),
        ("\"\\ud800\"", "1:2 invalid-yaml half of a surrogate pair is no character"),
        ("\"\\ud800\\u0041\"", "1:2 invalid-yaml half of a surrogate pair is no character"),
        ("\"\\q\"", "1:2 invalid-yaml `\\q` is no escape"),
        ("/* x", "1:1 invalid-yaml the comment is never closed"),
        ("tru", "1:1 invalid-yaml expected a value, found `t`"),
    ] {
        let (_, found) = parse_json(text);
        assert_eq!(lines(text, &found), [expected], "{text}");
    }
    let (_, found) = parse_json(&"[".repeat(100_000));
    assert_eq!(found[0].message, "values nest at most 128 deep");
}
