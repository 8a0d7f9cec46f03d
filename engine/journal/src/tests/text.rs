//! The text of events is fixed: what released versions wrote must stay readable.

use base::{Outcome, Status, Timestamp, limits::INLINE_BYTES_MAX};
use serde_json::{Map, json};

use crate::{
    Again, Event, EventKind, Path,
    codec::{CodecError, decode, decode_row, encode, rows},
    status::check_history,
};

fn event(path: Path, kind: EventKind) -> Event {
    Event { at: Timestamp::from_ticks(17), path, kind }
}

fn check_text(event: &Event, text: &str) {
    assert_eq!(encode(event).unwrap(), text);
    assert_eq!(decode(text).unwrap(), *event);
}

#[test]
fn events_have_these_texts() {
    let started = EventKind::Started {
        trigger: "manual".to_owned(),
        outputs: json!({ "body": 1.5 }).into(),
        parameters: Map::new().into(),
        seed: u64::MAX,
        run: "r".to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    check_text(
        &event(Path::run(), started),
        r#"{"at":17,"type":"started","trigger":"manual","outputs":{"body":1.5},"parameters":{},"seed":18446744073709551615,"run":"r"}"#,
    );
    let again = EventKind::Started {
        trigger: "manual".to_owned(),
        outputs: json!(1).into(),
        parameters: Map::new().into(),
        seed: 2,
        run: "r".to_owned(),
        callback: None,
        again: Some(Again {
            of: "q".to_owned(),
            held: vec![vec!["A".to_owned()], Vec::new()],
            edited: false,
        }),
        by: None,
    };
    check_text(
        &event(Path::run(), again),
        r#"{"at":17,"type":"started","trigger":"manual","outputs":1,"parameters":{},"seed":2,"run":"r","again":{"of":"q","held":[["A"],[]]}}"#,
    );
    check_text(&event(Path::run(), EventKind::Began), r#"{"at":17,"type":"began"}"#);
    check_text(&event(Path::run(), EventKind::Resumed), r#"{"at":17,"type":"resumed"}"#);
    let paused = |unbegun| EventKind::Paused { reason: "me".to_owned(), unbegun };
    let text = r#"{"at":17,"type":"paused","reason":"me"}"#;
    check_text(&event(Path::run(), paused(false)), text);
    let text = r#"{"at":17,"type":"paused","reason":"me","unbegun":true}"#;
    check_text(&event(Path::run(), paused(true)), text);
    let continued = EventKind::Continued { reason: "me".to_owned() };
    check_text(&event(Path::run(), continued), r#"{"at":17,"type":"continued","reason":"me"}"#);
    let outcome = Outcome::succeeded(json!(null));
    let answered = EventKind::Answered { attempt: 2, outcome: outcome.clone(), sent: None };
    check_text(
        &event(Path::new([("Each#", 3)], "A/B"), answered),
        r#"{"at":17,"path":"Each%23#3/A%2FB","type":"answered","attempt":2,"outcome":{"outputs":null}}"#,
    );
    let sent = Some(Timestamp::from_ticks(16));
    check_text(
        &event(Path::new([], "A"), EventKind::Answered { attempt: 1, outcome, sent }),
        r#"{"at":17,"path":"A","type":"answered","attempt":1,"outcome":{"outputs":null},"sent":16}"#,
    );
    let end = EventKind::Finished { status: Status::TimedOut, error: None, response: None };
    check_text(&event(Path::run(), end), r#"{"at":17,"type":"finished","status":"TimedOut"}"#);
}

#[test]
fn other_texts_are_no_events() {
    let deep = format!(r#"{{"at":1,"type":"called","outputs":{}"#, "[".repeat(1_000_000));
    for (text, expected) in [
        ("", CodecError::Unreadable(0)),
        ("{", CodecError::Unreadable(1)),
        (r#"{"at":1,"type":"woken"} x"#, CodecError::Unreadable(25)),
        (&deep, CodecError::TooDeep),
    ] {
        assert_eq!(decode(text).unwrap_err(), expected);
    }
    // What is not understood may be confidential: the message must not repeat it.
    let error = decode(r#"{"at":"hunter2","type":"woken"}"#).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(decode(r#"{"at":1,"type":"exploded"}"#).is_err());
}

#[test]
fn deepest_event_fits_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let nested = (0..159).fold(json!(1), |inner, _| json!([inner]));
    let deeper = event(Path::run(), EventKind::Called { outputs: json!([&nested]) });
    let deepest = event(Path::run(), EventKind::Called { outputs: nested });
    assert_eq!(encode(&deeper), Err(CodecError::TooDeep));
    let brackets = event(Path::run(), EventKind::Called { outputs: "[{\"".repeat(500).into() });
    assert_eq!(decode(&encode(&brackets).unwrap()), Ok(brackets));
    let read = thread.spawn(move || decode(&encode(&deepest).unwrap()).unwrap() == deepest);
    assert!(read.unwrap().join().unwrap());
}

#[test]
fn histories_have_one_start_and_one_end() {
    let start = || {
        decode(r#"{"at":1,"type":"started","trigger":"t","outputs":1,"parameters":{},"seed":1,"run":"r"}"#).unwrap()
    };
    let woken = || event(Path::run(), EventKind::Woken);
    let end = || decode(r#"{"at":1,"type":"finished","status":"Failed"}"#).unwrap();
    let cases = [
        (vec![], false),
        (vec![start()], true),
        (vec![start(), woken()], true),
        (vec![start(), woken(), end()], true),
        (vec![woken()], false),
        (vec![end()], false),
        (vec![start(), start()], false),
        (vec![start(), end(), woken()], false),
        (vec![start(), end(), end()], false),
    ];
    for (events, legal) in cases {
        assert_eq!(check_history(&events).is_ok(), legal, "{events:?}");
    }
}

#[test]
fn short_texts_that_are_written_together_share_a_row() {
    let texts = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let check = |all: &[&str], expected: &[&str]| assert_eq!(rows(texts(all)), texts(expected));
    let (full, long) = ("x".repeat(INLINE_BYTES_MAX), "x".repeat(INLINE_BYTES_MAX + 1));
    let almost = "x".repeat(INLINE_BYTES_MAX - 2);
    check(&[], &[]);
    check(&["a"], &["a"]);
    check(&["a", "b", "c"], &["a\nb\nc"]);
    check(&[&almost, "b", "c"], &[&format!("{almost}\nb"), "c"]);
    check(&["a", &full, "b"], &["a", &full, "b"]);
    check(&["a", &long, "b", "c"], &["a", &long, "b\nc"]);

    let events = [EventKind::Began, EventKind::Woken, EventKind::Resumed];
    let events = events.map(|kind| event(Path::new([], "A\nB"), kind));
    let written = rows(events.iter().map(|it| encode(it).unwrap()));
    let read: Result<Vec<Event>, _> = decode_row(written.first().unwrap()).collect();
    assert_eq!((written.len(), read), (1, Ok(events.to_vec())));
    assert!(decode_row("{}\n").all(|it| it.is_err()));
}
