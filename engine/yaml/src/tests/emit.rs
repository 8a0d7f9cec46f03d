//! Values that are written, and read back as the same.

use serde_json::{Map, Value, json};

use super::lines;
use crate::{Draft, emit, parse};

fn check(draft: &Draft, expected: &str) {
    assert_eq!(emit(draft), expected);
}

/// What is written is read as the same value, and written again as the same text.
fn comes_back(value: &Value) {
    let text = emit(&value.clone().into());
    let (root, found) = parse(&text);
    assert_eq!(lines(&text, &found), Vec::<String>::new(), "{text}");
    let read = root.unwrap().to_json();
    assert_eq!(&read, value, "{text}");
    assert_eq!(read.to_string(), value.to_string(), "{text}");
    assert_eq!(emit(&read.into()), text);
}

#[test]
fn files_look_as_people_write_them() {
    let action = |name: &str| {
        Draft::Block(vec![
            ("name".into(), name.into()),
            ("compose".into(), json!({ "a": 1 }).into()),
        ])
    };
    let long =
        "@concat('a very long expression', ' that does not fit', \" into the line\") and even more";
    let draft = Draft::Block(vec![
        ("flow".into(), "Get it: now".into()),
        ("triggers".into(), Draft::List(vec![Draft::Block(vec![("name".into(), "No".into())])])),
        ("actions".into(), Draft::List(vec![action("A"), action("@B")])),
        ("none".into(), Draft::List(vec![])),
        ("nothing".into(), Value::Null.into()),
        ("small".into(), json!([["a", 1], { "b": ["x", {}] }, "c,d"]).into()),
        ("deep".into(), json!({ "a": { "b": { "c": { "d": 1 } } } }).into()),
        ("lines".into(), "one\n  two: #\n\nthree\n".into()),
        ("long".into(), long.repeat(2).into()),
    ]);
    check(
        &draft,
        r#"flow: "Get it: now"

triggers:
  - name: "No"

actions:
  - name: A
    compose: { a: 1 }

  - name: "@B"
    compose: { a: 1 }

none: []
nothing: null

small:
  - [a, 1]
  - { b: [x, {}] }
  - c,d

deep:
  a: { b: { c: { d: 1 } } }

lines: |
  one
    two: #

  three

long: >-
  @concat('a very long expression', ' that does not fit', " into the line") and even more@concat('a
  very long expression', ' that does not fit', " into the line") and even more
"#,
    );
}

/// Texts that YAML, or a part of it, has a meaning for.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    " a",
    "a ",
    "a  b",
    "yes",
    "No",
    "~",
    "null",
    "true",
    "12",
    "0x1f",
    "1e5",
    ".5",
    ".",
    "-",
    "- a",
    "-a",
    "?",
    "? a",
    ":",
    "a:",
    "a: b",
    "a:b",
    ": a",
    "#",
    "a #b",
    "a#b",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "{a",
    "}",
    "[a",
    "]",
    "a,b",
    ",",
    "a{b}",
    "{{a}}",
    "x {{a}}",
    "$.a",
    "$$.a",
    "'",
    "''",
    "a'b",
    "\"",
    "a\"b",
    "a\"'b",
    "\\",
    "a\\b",
    "\n",
    "a\n",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n",
    "\na",
    "\n\n",
    " a\nb",
    "a\n b\n  c",
    "a\n \nb",
    "a\n\t\nb",
    "\ta\nb",
    "a\tb",
    "a\r\nb",
    "a\rb",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "a\u{2028}b",
    "\u{feff}",
    "é",
    "日本",
    "😀",
    "a\u{1b}b",
    "---",
    "--- a",
    "...",
    "<<",
    "=",
    "2020-01-01",
    "12:30",
    "1_000",
    "https://a.example/b?c=d#e",
    "a\n---\nb",
    "a\n# b",
    "C:\\a\\b",
    "@{a}",
    "ends\\",
    "key\nnext",
];

#[test]
fn every_text_comes_back() {
    for text in TEXTS {
        let entry = Map::from_iter([((*text).to_owned(), json!(text))]);
        comes_back(&json!(text));
        comes_back(&json!([text, [text], { "a": text }]));
        comes_back(&Value::Object(entry.clone()));
        comes_back(&json!({ "outer": entry, "list": [entry, [[entry]]] }));
        let long = format!("{}{text}{}", "word ".repeat(30), " word".repeat(30));
        comes_back(&json!([{ "a": long, "b": [long] }]));
        comes_back(&json!({ "a": { "b": format!("first\n{text}\nlast {text}") } }));
        comes_back(&json!({ "a": text.repeat(60), "b": format!("{text} {text} ").repeat(40) }));
    }
    comes_back(&Value::Object(Map::from_iter([
        ("k".repeat(2_000), json!(1)),
        ("z".into(), json!(2)),
    ])));
    comes_back(&json!([{ "key with ".repeat(300): { "a": [1, { "b\n".repeat(900): "c" }] } }]));
}

#[test]
fn numbers_come_back() {
    comes_back(&json!([
        0,
        -1,
        i64::MAX,
        i64::MIN,
        1.0,
        -0.5,
        1e300,
        5e-324,
        0.1,
        1e21,
        123_456_789_012_345_680.0
    ]));
    comes_back(&json!({ "a": null, "b": true, "c": [false, null], "d": [], "e": {} }));
}

/// Values of all shapes from a generator with a seed.
#[test]
fn any_value_comes_back() {
    let mut state = 7_u64;
    for _ in 0..3_000 {
        let value = any(&mut state, 5);
        comes_back(&value);
    }
}

fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % below
}

fn text(state: &mut u64) -> String {
    let pieces = [
        "a", "b c", " ", "\n", ":", "#", "\"", "'", "{", "}", "[", ",", "@", "\\", "-", "\t", "é",
        "1", "  ",
    ];
    let count = [1, 2, 4, 8, 60][next(state, 5)];
    (0..count).map(|_| pieces[next(state, pieces.len())]).collect()
}

fn any(state: &mut u64, depth: usize) -> Value {
    match next(state, if depth == 0 { 4 } else { 6 }) {
        0 => json!(next(state, 1_000)),
        1 | 2 => json!(text(state)),
        3 => [json!(null), json!(true), json!(1.5), json!("")][next(state, 4)].clone(),
        4 => (0..next(state, 5)).map(|_| any(state, depth - 1)).collect(),
        _ => (0..next(state, 5))
            .map(|_| (text(state), any(state, depth - 1)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
