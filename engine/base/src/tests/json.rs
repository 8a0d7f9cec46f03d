//! JSON is read as `serde_json` reads it, whatever lists have in common.

use serde_json::Value;

use crate::json::read;

#[track_caller]
fn check(text: &str) {
    let expected: serde_json::Result<Value> = serde_json::from_str(text);
    match (read(text.as_bytes()), expected) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{text:.200}");
            // Maps compare without their order.
            assert_eq!(ours.to_string(), theirs.to_string(), "{text:.200}");
        }
        (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string(), "{text:.200}"),
        (ours, theirs) => panic!("{text:.200}: {ours:?} {theirs:?}"),
    }
}

#[test]
fn values_are_those_of_the_library() {
    for text in [
        "null",
        "true",
        "-0",
        "1",
        "1.0",
        "1e400",
        "-1e-400",
        "18446744073709551615",
        "1e2",
        "18446744073709551616",
        "-9223372036854775808",
        "0.1",
        "9.5",
        "123456789012345678901.5",
        r#""""#,
        r#""\u00e9\n\ud83d\ude00""#,
        "[]",
        "{}",
        "[[],[]]",
        "[{},{}]",
        " [ 1 , 2 ] ",
        r#"{"a":1,"b":{"a":[1,{"c":null}]}}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"b":2,"a":3}"#,
    ] {
        check(text);
    }
}

#[test]
fn lists_of_objects_are_read_alike_or_not() {
    for items in [
        r#"{"a":1,"b":2}|{"a":3,"b":4}|{"a":5,"b":6}"#,
        r#"{"a":1,"b":2}|{"a":3}|{"b":4}|{}|{"a":5,"b":6,"c":7}|{"b":1,"a":2}"#,
        r#"{"a":1}|{"a":2}|{"a":3,"a":4}|{"a":5,"b":1,"a":6}|{"a":7}"#,
        r#"{"a":1,"b":2}|{"a":1,"b":2}|{"a":3,"a":4}|{"a":3,"a":4,"b":5}|{"a":1,"b":2,"b":3}"#,
        r#"{"a":1}|{"b":2}|{"c":3}|{"d":4}|{"e":5}|{"f":6}|{"a":7}|{"a":8}"#,
        r#"{"a":{"x":1,"y":[{"z":1},{"z":2}]}}|{"a":{"x":2,"y":[{"z":3}]}}|{"a":{"x":2,"y":[]}}"#,
        r#"{"a":{"x":1}}|{"a":null}|{"a":{"x":2}}|{"a":[1]}|{"a":[{"x":1}]}|{"a":{"x":3,"q":1}}"#,
        r#"{"a\u0062":1}|{"ab":2}|{"a\u0062":3,"c":1}|{"":1}|{"":2}"#,
        r#"1|{"a":1}|"x"|{"a":2}|[{"a":1},{"a":2}]|[{"a":3},{"b":4}]|null|{"a":3}"#,
    ] {
        check(&format!("[{}]", items.replace('|', ",")));
        check(&format!(r#"{{"value":[{}],"next":null}}"#, items.replace('|', ",")));
        check(&format!("[[{0}],[{0}],[{0}]]", items.replace('|', ",")));
    }
}

#[test]
fn errors_are_those_of_the_library() {
    let list = r#"[{"a":1,"b":"x"},{"a":2,"b":"y"},{"a":3,"b":"z","c":[1,{"d":2}]}]"#;
    for end in 0..list.len() {
        check(list.get(..end).unwrap());
        check(&format!("{},", list.get(..end).unwrap()));
        check(&format!("{}]", list.get(..end).unwrap()));
    }
    for text in ["", "x", "[1,]", "{1:2}", r#"[{"a":1},{1:2}]"#, r#"[{"a":1},{"a" 2}]"#, "[] []"] {
        check(text);
    }
    for depth in [100, 127, 128, 129, 10_000] {
        check(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        check(&format!("[{{\"a\":1}},{}1{}]", "{\"a\":".repeat(depth), "}".repeat(depth)));
        check(&format!("[1,{}1{}]", "[1,{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2)));
    }
    for bytes in [&b"[\"\xff\"]"[..], b"[{\"a\":1},{\"\xff\":1}]"] {
        let expected = serde_json::from_slice::<Value>(bytes).unwrap_err();
        assert_eq!(read(bytes).unwrap_err().to_string(), expected.to_string());
    }
}
