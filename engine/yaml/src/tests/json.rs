//! JSON: what the lenient reader accepts, and what it does not.

use base::Severity;
use serde_json::{Value, json};

use super::{check_spans, lines};
use crate::{Kind, decode, parse_json};

fn check(text: &str, expected: &Value) {
    let (node, found) = parse_json(text);
    assert!(found.iter().all(|it| it.severity == Severity::Warning), "{text}");
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
        ("9223372036854775807", json!(i64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!(18_446_744_073_709_551_616_f64)),
        ("-0", json!(0)),
        ("1.0", json!(1.0)),
        ("", json!(null)),
    ] {
        check(text, &value);
    }
}

#[test]
fn each_lenience_is_a_warning_once() {
    let nothing: [&str; 0] = [];
    for (text, expected) in [
        ("{\"a\": [1, -2.5e3, \"\\u0000\", 18446744073709551615]}", &nothing[..]),
        ("\u{feff}{}", &["1:1 invalid-yaml a byte order mark is no part of JSON; it is left out"]),
        (
            "[ // x\n1, /* y */ 2]",
            &["1:3 invalid-yaml a comment is no part of JSON; comments are left out"],
        ),
        (
            "{\"a\": [1,\n ], }",
            &["1:9 invalid-yaml JSON has no comma behind the last value; it is left out"],
        ),
        (
            "[\"a\nb\", \"\u{0}\"]",
            &[
                "1:4 invalid-yaml JSON writes control characters as escapes; they are kept as they are",
            ],
        ),
        (
            "[18446744073709551616, -9223372036854775809]",
            &[
                "1:2 invalid-yaml the number is beyond 64 bits; of such numbers the nearest float is \
               kept",
            ],
        ),
    ] {
        let (_, found) = parse_json(text);
        assert_eq!(lines(text, &found), expected, "{text}");
        assert!(found.iter().all(|it| it.severity == Severity::Warning));
    }
}

#[test]
fn bytes_are_text_or_it_is_said_which_are_not() {
    let wide = |text: &str, to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect();
    let [little, big]: [fn(u16) -> [u8; 2]; 2] = [u16::to_le_bytes, u16::to_be_bytes];
    let is_wide = Some("the file is UTF-16, which JSON files are not; it is read all the same");
    for (bytes, text, said) in [
        ("{\"ä\": 1}".as_bytes().to_vec(), "{\"ä\": 1}", None),
        (vec![], "", None),
        (vec![0], "\0", None),
        (wide("\u{feff}{\"ä😀\": 1}", little), "{\"ä😀\": 1}", is_wide),
        (wide("\u{feff}{\"ä😀\": 1}", big), "{\"ä😀\": 1}", is_wide),
        (wide("{}", little), "{}", is_wide),
        (wide("{}", big), "{}", is_wide),
        (b"ab\xffc".to_vec(), "ab\u{fffd}c", Some("the byte 0xff at offset 2 is not UTF-8")),
        (b"\xff\xfea".to_vec(), "", Some("the byte 0x61 at offset 2 is not UTF-16")),
        (
            b"\xff\xfea\0\0\xd8b\0".to_vec(),
            "a\u{fffd}b",
            Some("the byte 0x00 at offset 4 is not UTF-16"),
        ),
    ] {
        let (read, found) = decode(&bytes);
        assert_eq!(read, text);
        assert_eq!(found.as_ref().map(|it| it.message.as_str()), said, "{text}");
    }
}

#[test]
fn long_and_odd_files_are_read_or_refused() {
    let row = "{\"name\": \"a value of some length\", \"n\": [1, 2.5, null]},\n";
    let text = format!("[{}]", row.repeat((20 << 20) / row.len()));
    let (node, found) = parse_json(&text);
    assert!(node.is_some() && found.len() == 1, "{:?}", found.first());
    let slashes = "/".repeat(1 << 20);
    for text in [slashes.as_str(), &"[".repeat(1 << 20), &"\"\\\"".repeat(1 << 18)] {
        assert!(!parse_json(text).1.is_empty());
    }
    let same = "\"a\": 1, ".repeat(1 << 17);
    assert_eq!(parse_json(&format!("{{{same}}}")).1.len(), 1 << 17);
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
        ("1e999", "1:1 invalid-yaml `1e999` is too large"),
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
    assert_eq!(found[0].message, "values nest at most 384 deep");
}
