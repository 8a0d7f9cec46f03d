//! Times, names, suggestions and bodies as data.

use serde_json::json;

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
