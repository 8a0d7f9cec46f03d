//! `flowright eval --batch`, in process: what comes out for what goes in.

use base::Timestamp;
use cli::batch::{Counts, Setting, run};

/// Every line in and its line out.
const LINES: &[(&str, &str)] = &[
    (r#"{"id":1,"expression":"add(1, 2)"}"#, r#"{"id":1,"value":3}"#),
    (r#"{"id":"text","expression":"concat('a', 1, true)"}"#, r#"{"id":"text","value":"a1True"}"#),
    (r#"{"id":2,"template":"@add(1, 2)"}"#, r#"{"id":2,"value":3}"#),
    (r#"{"id":3,"template":"sum: @{add(1, 2)}"}"#, r#"{"id":3,"value":"sum: 3"}"#),
    (
        r#"{"id":4,"template":{"a":"@variables('n')","@{variables('n')}":["@@",null,"x"]},"context":{"variables":{"N":5}}}"#,
        r#"{"id":4,"value":{"a":5,"5":["@",null,"x"]}}"#,
    ),
    (
        r#"{"id":5,"expression":"utcNow()","context":{"now":"2026-01-15T10:30:00Z"}}"#,
        r#"{"id":5,"value":"2026-01-15T10:30:00.0000000Z"}"#,
    ),
    (r#"{"id":6,"expression":"utcNow('yyyy')"}"#, r#"{"id":6,"value":"2001"}"#),
    (
        r#"{"id":7,"expression":"binary('hello')"}"#,
        r#"{"id":7,"value":{"$content-type":"application/octet-stream","$content":"aGVsbG8="}}"#,
    ),
    (
        r#"{"id":8,"expression":"decimal('79228162514264337593543950335')"}"#,
        r#"{"id":8,"value":79228162514264337593543950335}"#,
    ),
    (
        r#"{"id":9,"expression":"add(decimal('1.20'), decimal('0.00000000000000000001'))"}"#,
        r#"{"id":9,"value":1.20000000000000000001}"#,
    ),
    (r#"{"id":10,"expression":"decimal('5')"}"#, r#"{"id":10,"value":5.0}"#),
    (r#"{"id":11,"expression":"float('0.1')"}"#, r#"{"id":11,"value":0.1}"#),
    (r#"{"id":12,"expression":"mul(1.5, 2)"}"#, r#"{"id":12,"value":3.0}"#),
    (
        r#"{"id":13,"expression":"div(1, 0)"}"#,
        r#"{"id":13,"error":{"code":"InvalidTemplate","message":"Attempt to divide an integral or decimal value by zero in function 'div'."}}"#,
    ),
    (
        r#"{"id":14,"expression":"body('Get')?['a']","context":{"actions":{"Get":{"outputs":{"body":{"A":[1]}}}}}}"#,
        r#"{"id":14,"value":[1]}"#,
    ),
    (
        r#"{"id":15,"expression":"nothing()"}"#,
        r#"{"id":15,"error":{"code":"InvalidTemplate","message":"The template function 'nothing' is not defined or not valid."}}"#,
    ),
    (r#"{"expression":"triggerBody()","context":{"trigger":{}}}"#, r#"{"line":17,"value":null}"#),
    (
        r#"{"id":17,"template":"{{variables.n}}","dialect":"flowright","context":{"variables":{"n":"x"}}}"#,
        r#"{"id":17,"value":"x"}"#,
    ),
    (
        r#"{"id":18,"template":"$.actions.Get.body.a[*]","dialect":"flowright","context":{"actions":{"Get":{"outputs":{"body":{"a":[1,2]}}}}}}"#,
        r#"{"id":18,"value":[1,2]}"#,
    ),
    (
        r#"{"id":"at","expression":"@add(1, 2)"}"#,
        r#"{"id":"at","error":{"code":"InvalidTemplate","message":"Unable to parse template language expression '@add(1, 2)': expected a value, found `@`."}}"#,
    ),
    (
        r#"{"id":19}"#,
        r#"{"id":19,"line":21,"error":{"code":"InvalidLine","message":"a line has `expression` or `template`"}}"#,
    ),
    (
        "[1]",
        r#"{"line":22,"error":{"code":"InvalidLine","message":"a line is a JSON object, not Array"}}"#,
    ),
    (
        r#"{"id":21,"expression":"1","context":{"variables":[]}}"#,
        r#"{"id":21,"line":23,"error":{"code":"InvalidLine","message":"`variables` of the context is an object of values by name"}}"#,
    ),
];

fn answers(input: &[u8]) -> (Vec<String>, Counts) {
    let now = || Timestamp::parse("2001-02-03T04:05:06Z").unwrap();
    let mut output = Vec::new();
    let counts = run(input, &mut output, &Setting { now: &now, seed: 7 }).unwrap();
    let text = String::from_utf8(output).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    (text.lines().map(str::to_owned).collect(), counts)
}

#[test]
fn every_line_is_answered_in_order() {
    let input: Vec<&str> = LINES.iter().map(|(line, _)| *line).collect();
    let (answers, counts) = answers(input.join("\n").as_bytes());
    for ((line, expected), actual) in LINES.iter().zip(&answers) {
        assert_eq!(actual, expected, "{line}");
    }
    assert_eq!(answers.len(), LINES.len());
    assert_eq!(counts, Counts { values: 17, failures: 3, broken: 3 });
}

#[test]
fn broken_lines_stop_nothing() {
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(17 << 20));
    let deep = "[".repeat(100_000);
    let good = r#"{"id":"last","expression":"1"}"#;
    let lines = [&b"{"[..], b"", b"\xff\xfe", long.as_bytes(), deep.as_bytes(), good.as_bytes()];
    let (answers, counts) = answers(&lines.join(&b'\n'));
    assert_eq!(counts, Counts { values: 1, failures: 0, broken: 4 });
    for (answer, line) in answers.iter().zip([1, 3, 4, 5]) {
        assert!(answer.starts_with(&format!("{{\"line\":{line},\"error\":")), "{answer}");
    }
    assert_eq!(answers.last().unwrap(), r#"{"id":"last","value":1}"#);
}

#[test]
fn random_numbers_differ_from_line_to_line() {
    let (answers, _) = answers("{\"expression\":\"guid()\"}\n".repeat(3).as_bytes());
    let values: std::collections::BTreeSet<_> =
        answers.iter().map(|it| it.split_once("value").unwrap().1).collect();
    assert_eq!(values.len(), 3);
}
