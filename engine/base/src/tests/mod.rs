//! Times, names, suggestions and bodies as data.

mod json;

use serde_json::{Value, json};

use crate::{ActionName, Duration, Source, Timestamp, http::body_value, suggest::closest};

#[test]
fn durations_are_read_as_iso_8601() {
    for (text, seconds) in [
        ("PT7S", Some(7.0)),
        ("PT0.5S", Some(0.5)),
        ("P1DT2H3M4S", Some(93_784.0)),
        ("P1M", Some(2_592_000.0)),
        ("P1W", Some(604_800.0)),
        ("-PT1H", Some(-3600.0)),
        ("PT", None),
        ("P", None),
        ("7S", None),
        ("PT1S1H", None),
        ("PT1.5H", None),
        ("PT99999999999999999999S", None),
    ] {
        assert_eq!(Duration::parse_iso(text).map(Duration::as_seconds), seconds, "{text}");
    }
    assert_eq!(Duration::milliseconds(7500).to_string(), "PT7.5S");
}

#[test]
fn instants_print_as_they_are_read() {
    for (text, printed) in [
        ("2018-02-17T00:05:39.5485487+00:00", Some("2018-02-17T00:05:39.5485487Z")),
        ("2024-02-29T23:59:59+02:00", Some("2024-02-29T21:59:59.0000000Z")),
        ("1969-12-31T23:59:59Z", Some("1969-12-31T23:59:59.0000000Z")),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.0000000Z")),
        ("2023-02-29T00:00:00Z", None),
        ("2023-01-01T24:00:00Z", None),
        ("garbage", None),
    ] {
        let read = Timestamp::parse(text).map(|it| it.to_string());
        assert_eq!(read.as_deref(), printed, "{text}");
    }
}

#[test]
fn the_nearest_name_is_suggested() {
    let known = ["concat", "contains", "formatDateTime"];
    for (word, near) in
        [("cocnat", Some("concat")), ("formatdatetime", Some("formatDateTime")), ("zzz", None)]
    {
        assert_eq!(closest(word, known), near, "{word}");
    }
}

#[test]
fn names_compare_without_case_and_spaces() {
    assert_eq!(ActionName::new("Get the referral"), ActionName::new("get_the_Referral"));
}

#[test]
fn bodies_are_json_text_or_an_envelope() {
    for (content_type, bytes, value) in [
        ("application/json", &b"{\"a\":1}"[..], json!({ "a": 1 })),
        ("application/problem+json; charset=utf-8", b"[]", json!([])),
        ("application/json", b"{broken", json!("{broken")),
        ("text/plain", b"hi", json!("hi")),
        ("image/png", b"abcd", json!({ "$content-type": "image/png", "$content": "YWJjZA==" })),
        ("application/json", b"", json!(null)),
    ] {
        assert_eq!(body_value(Some(content_type), bytes), value, "{content_type}");
    }
}

#[test]
fn places_are_counted_from_one_in_characters() {
    let source = Source::new("x", "ä: 1\nb: 2\n");
    let found = source.location(source.text().find('2').unwrap());
    assert_eq!((found.line, found.column), (2, 4));
}

#[test]
fn bodies_of_several_parts_are_taken_apart() {
    let parts = |media: &str, text: &str| {
        let body = body_value(Some(media), text.replace('\n', "\r\n").as_bytes());
        body.get("$multipart").cloned()
    };
    let part = |headers: Value, media: &str, text: &str| {
        let content = crate::base64::encode(text.as_bytes());
        json!({ "headers": headers, "body": { "$content-type": media, "$content": content } })
    };
    let name = json!({ "Content-Disposition": "form-data; name=\"a\"" });
    let file = json!({ "content-disposition": "form-data; name=f", "content-type": "text/csv" });
    let form = "multipart/form-data; charset=utf-8; boundary=\"x y\"";
    let two = "before\n--x y  \nContent-Disposition: form-data; name=\"a\"\n\none\ntwo\n--x y\n\
               content-disposition: form-data; name=f\ncontent-type: text/csv\n\n1,2\n--x y--\nafter";
    for (media, text, expected) in [
        (
            form,
            two,
            Some(json!([part(name, "text/plain", "one\r\ntwo"), part(file, "text/csv", "1,2")])),
        ),
        (form, "--x y\n\n\n--x y--", Some(json!([part(json!({}), "text/plain", "")]))),
        (form, "--x y--", Some(json!([]))),
        // What ends in the middle, has no boundary or none that is named stays in one piece.
        (form, "--x y\nContent-Disposition: form-data\n\none", None),
        (form, "--x y\nno header\n\none\n--x y--", None),
        (form, "--z\n\none\n--z--", None),
        ("multipart/mixed", "--\n\none\n----", None),
        ("text/plain; boundary=z", "--z\n\none\n--z--", None),
    ] {
        assert_eq!(parts(media, text), expected, "{text}");
    }
    let many = "--x y\n\none\n".repeat(1_001) + "--x y--";
    assert_eq!(parts(form, &many), None);
}

#[test]
fn bodies_of_several_parts_are_read_as_they_were_written() {
    use crate::multipart::{Part, of_envelope, write};
    let field = |name: &str, value: Value| Part::field(name, &value).unwrap();
    let parts = [field("a", json!("one\r\n--x")), field("b", json!(true)), field("", json!(null))];
    let (boundary, bytes) = write(&parts);
    let media = format!("multipart/form-data; boundary={boundary}");
    let body = body_value(Some(&media), &bytes);
    let texts = body["$multipart"].as_array().unwrap().iter().map(|part| {
        let content = part["body"]["$content"].as_str().unwrap();
        String::from_utf8(crate::base64::decode(content).unwrap()).unwrap()
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["one\r\n--x", "true", ""]);
    // What was received is sent on as it is.
    let (again, same) = of_envelope(&body).unwrap().unwrap();
    assert!(again.starts_with("multipart/form-data; boundary="), "{again}");
    assert_eq!(body_value(Some(&again), &same)["$multipart"], body["$multipart"]);
    assert_eq!(of_envelope(&json!({ "$content": "" })), None);
}

#[test]
fn differences_are_shown_as_diff_shows_them() {
    let check = |before: &str, after: &str, expected: &str| {
        assert_eq!(crate::diff::unified("f", before, after), expected, "{before} {after}");
    };
    check("a\nb\n", "a\nb\n", "");
    check("a\nb\nc\n", "a\nx\nc\n", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    check("", "a\n", "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
    check("a", "a\n", "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
    let long = |changed: &[usize]| -> String {
        (1..=20)
            .flat_map(|it| {
                [
                    if changed.contains(&it) { format!("x{it}") } else { it.to_string() },
                    "\n".to_owned(),
                ]
            })
            .collect()
    };
    let shown = crate::diff::unified("f", &long(&[]), &long(&[2, 18]));
    assert_eq!(shown.matches("@@ -").count(), 2, "{shown}");
    let shown = crate::diff::unified("f", &long(&[]), &long(&[6, 12]));
    assert_eq!(shown.matches("@@ -").count(), 1, "{shown}");
}
