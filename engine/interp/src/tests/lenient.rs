//! JSON as the cloud's `ParseJson` takes it. The rows were measured there.

use serde_json::{Value, json};

use crate::lenient::read;

fn check(text: &str, expected: Value) {
    assert_eq!(read(text), Ok(expected), "{text}");
}

fn refuse(text: &str, expected: &str) {
    assert_eq!(read(text), Err(expected.to_owned()), "{text}");
}

#[test]
fn what_is_beyond_json_is_taken() {
    check("{'a':'b'}", json!({ "a": "b" }));
    check("{a:1, $b_2: 2, 3: 4}", json!({ "a": 1, "$b_2": 2, "3": 4 }));
    check("{\"a\":1 /* c */} // end", json!({ "a": 1 }));
    check("[1,2,]", json!([1, 2]));
    check("{\"a\":1,}", json!({ "a": 1 }));
    check("[,1]", json!([null, 1]));
    check("{}{} x", json!({}));
    check("1 x", json!(1));
    check("[NaN, Infinity, -Infinity, undefined]", json!(["NaN", "Infinity", "-Infinity", null]));
    check("{\"a\":1,\"a\":2}", json!({ "a": 2 }));
    check("[0x1A, 010, -010, 0, -0]", json!([26, 8, -8, 0, 0]));
    check("[.5, 1., 1e2, -1.5E-3]", json!([0.5, 1.0, 100.0, -0.0015]));
    check("[1.8E+308, 9223372036854775808]", json!(["Infinity", 9_223_372_036_854_775_808.0]));
    check("\"\\ud83d\\ude00 \\u00e4 \\' a\tb\"", json!("😀 ä ' a\tb"));
    check("  ", Value::Null);
}

#[test]
fn the_end_behind_a_value_closes_everything() {
    check("[1  ", json!([1]));
    check("[[1]", json!([[1]]));
    check("{\"a\":12", json!({ "a": 12 }));
    check("{\"a\":{\"b\":[1", json!({ "a": { "b": [1] } }));
    refuse("{\"a\":1,", "Unexpected end when reading token. Path ''.");
    refuse("[1,", "Unexpected end when reading token. Path ''.");
    refuse("{\"a\":[1,{\"b\":", "Unexpected end when reading token. Path 'a[1]'.");
    refuse("{", "Unexpected end when reading token. Path ''.");
    refuse("[1 /* c", "Unexpected end while parsing comment. Path '[0]', line 1, position 7.");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    const UNEXPECTED: &str = "Unexpected character encountered while parsing value:";
    refuse("hello", &format!("{UNEXPECTED} h. Path '', line 1, position 0."));
    refuse("}", &format!("{UNEXPECTED} }}. Path '', line 1, position 0."));
    refuse("{\n\"a\":\n  x}", &format!("{UNEXPECTED} x. Path 'a', line 3, position 2."));
    let found = "After parsing a value an unexpected character was encountered:";
    refuse("[1 2]", &format!("{found} 2. Path '[0]', line 1, position 3."));
    refuse(
        "{\"a\" 1}",
        "Invalid character after parsing property name. Expected ':' but got: 1. Path '', line 1, position 5.",
    );
    refuse("{]", "Invalid property identifier character: ]. Path '', line 1, position 1.");
    refuse("\"abc", "Unterminated string. Expected delimiter: \". Path '', line 1, position 4.");
    refuse("\"\\q\"", "Bad JSON escape sequence: \\q. Path '', line 1, position 3.");
    refuse("\"\\u12G4\"", "Invalid Unicode escape sequence: \\u12G4. Path '', line 1, position 7.");
    refuse(
        "[1.2.3]",
        "Input string '1.2.3' is not a valid number. Path '[0]', line 1, position 6.",
    );
    refuse("[08]", "Input string '08' is not a valid number. Path '[0]', line 1, position 3.");
    refuse("[-]", "Input string '-' is not a valid number. Path '[0]', line 1, position 2.");
    let deep = read(&"[".repeat(100_000)).unwrap_err();
    assert!(deep.starts_with("Values nest deeper than 128."), "{deep}");
}
