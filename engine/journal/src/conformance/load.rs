//! Cases of loading: what was written comes back as it was.

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp, limits::INLINE_BYTES_MAX};
use serde_json::{Map, Value, json};

use super::{
    Admission, Event, EventKind, Page, Path, RunFilter, SHA, Shards, Status, Store, admission,
    admit_all, admit_one, assert_illegal, at, event, events, put_sample, run, started,
    started_with, step, woken,
};
use crate::{Parent, RunRow, codec::EVENT_DEPTH_MAX};

pub(super) async fn of_an_unknown_run_is_none(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    assert_eq!(store.load(&run("A")).await.unwrap(), None);
}

pub(super) async fn gives_the_row(store: &dyn Store) {
    admit_all(store, &["first"]).await;
    let parent = Some(Parent { run: run("first"), path: Path::new([("Loop #1", 3)], "Call") });
    let new = Admission {
        key: Some("referral/42 ü".to_owned()),
        dedupe: Some("id".to_owned()),
        parent: parent.clone(),
        ..admission("second")
    };
    admit_one(store, new).await;
    let (row, _) = store.load(&run("second")).await.unwrap().unwrap();
    let (first, _) = store.load(&run("first")).await.unwrap().unwrap();
    assert!(first.position < row.position, "positions grow");
    let expected = RunRow {
        position: row.position,
        run: run("second"),
        flow: "sample".to_owned(),
        sha: SHA.to_owned(),
        trigger: "When_called".to_owned(),
        key: Some("referral/42 ü".to_owned()),
        parent,
        again_of: None,
        status: None,
        error: None,
        created: at(1_000),
        finished: None,
        asleep: false,
        turn: false,
        paused: false,
    };
    assert_eq!(row, expected);
    assert_eq!(store.awake_runs(Shards::ALL, row.position - 1, 10).await.unwrap(), [expected]);
}

/// Loads what was appended in one step and in steps of their own, which must be the same.
async fn check(store: &dyn Store, new: Vec<Event>) {
    admit_all(store, &["at-once", "one-by-one"]).await;
    store.append(vec![step("at-once", new.clone())]).await.unwrap();
    for event in new.clone() {
        store.append(vec![step("one-by-one", vec![event])]).await.unwrap();
    }
    for name in ["at-once", "one-by-one"] {
        let loaded = events(store, name).await;
        let (first, rest) = loaded.split_first().unwrap();
        assert_eq!(*first, started());
        assert_eq!(rest.len(), new.len());
        for (loaded, written) in rest.iter().zip(&new) {
            assert_eq!(loaded, written);
        }
    }
}

pub(super) async fn gives_every_kind_of_event(store: &dyn Store) {
    let answered = |outcome| EventKind::Answered { attempt: u32::MAX, outcome, sent: None };
    let late = |outcome| {
        let sent = Some(Timestamp::from_ticks(-7));
        EventKind::Answered { attempt: 1, outcome, sent }
    };
    let throttled = Failure {
        retry_after: Some(Duration::from_ticks(-5)),
        retries_max: Some(7),
        ..Failure::of_class(ErrorClass::Throttled, "429", "later")
    };
    let refused = Outcome { outputs: Some(json!({ "statusCode": 429 })), failure: Some(throttled) };
    let error = Some(json!({ "code": "ActionFailed", "message": "no" }));
    let response = Some(json!({ "statusCode": 200, "headers": {}, "body": [1] }));
    let mut new = vec![
        event("A", EventKind::Intended { attempt: 1 }),
        event("A", EventKind::Unknown { attempt: 1 }),
        event("A", answered(Outcome::succeeded(json!({ "body": "yes" })))),
        event("A", answered(Outcome::succeeded(Value::Null))),
        event("A", answered(Outcome::default())),
        event("A", late(Outcome::default())),
        event("A", answered(Outcome::failed(Failure::new("Code", "what\nhappened")))),
        event("A", answered(refused)),
        woken("A"),
        event("A", EventKind::Expired),
        event("A", EventKind::Called { outputs: json!({ "headers": {}, "body": null }) }),
        event("A", EventKind::Cancelled { reason: String::new() }),
        event("", EventKind::Paused { reason: "a".to_owned(), unbegun: true }),
        event("", EventKind::Continued { reason: "b".to_owned() }),
        event("", EventKind::Began),
        event("", EventKind::Resumed),
    ];
    for class in ErrorClass::ALL {
        let failure = Failure::of_class(class.1, "", class.0);
        new.push(event("A", answered(Outcome::failed(failure))));
    }
    for path in [Path::run(), Path::new([("a/b", 0), ("%#", u32::MAX)], "ü 'x' \"y\"")] {
        new.push(Event { path, ..woken("") });
    }
    for ticks in [i64::MIN, -1, 0, i64::MAX] {
        new.push(Event { at: at(ticks), ..woken("A") });
    }
    let kind =
        EventKind::Finished { status: Status::TimedOut, error, response: response.map(Into::into) };
    new.push(Event { at: at(9), path: Path::run(), kind });
    check(store, new).await;
}

fn called(body: Value) -> Event {
    event("A", EventKind::Called { outputs: body })
}

fn next(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963)
}

/// Floats of any size. Read with less than full care, some become their neighbours.
fn any_floats(count: usize) -> Vec<f64> {
    let bits = std::iter::successors(Some(1), |state| Some(next(*state)));
    bits.map(f64::from_bits).filter(|float| float.is_finite()).take(count).collect()
}

pub(super) async fn gives_values_exactly(store: &dyn Store) {
    let numbers = json!([
        u64::MAX,
        i64::MIN,
        i64::MAX,
        0,
        -1,
        0.0,
        -0.0,
        1.0,
        0.1,
        1e300,
        -1e-300,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        9_007_199_254_740_993_u64,
    ]);
    let order: Map<String, Value> =
        ["z", "a", "", "M", "a b"].into_iter().map(|name| (name.to_owned(), json!({}))).collect();
    let nested = json!({ "list": [[], [[null, true, false]], {}], "of": { "of": { "x": [{}] } } });
    let names = json!({ "type": "x", "at": 1, "path": "p", "outputs": null, "$content": "" });
    let new = vec![
        called(numbers),
        called(json!(any_floats(500))),
        called(Value::Object(order.clone())),
        called(nested),
        called(names),
        called(Value::Null),
        called(json!("")),
    ];
    check(store, new).await;
    let loaded = events(store, "at-once").await;
    let EventKind::Called { outputs: Value::Object(names) } = &loaded[3].kind else {
        panic!("an object was written")
    };
    assert!(names.keys().eq(order.keys()), "members keep their order");
    let seeds = [0, u64::MAX, 1 << 63].map(|seed| {
        let mut event = started();
        if let EventKind::Started { seed: of, parameters, .. } = &mut event.kind {
            *of = seed;
            std::sync::Arc::make_mut(parameters).insert("limit".to_owned(), json!(seed));
        }
        event
    });
    for (n, seed) in seeds.into_iter().enumerate() {
        let name = format!("seed-{n}");
        admit_one(store, Admission { started: seed.clone(), ..admission(&name) }).await;
        assert_eq!(events(store, &name).await, [seed]);
    }
}

pub(super) async fn gives_texts_exactly(store: &dyn Store) {
    let texts = [
        "Grüße, 世界 🦀👩‍👩‍👧",
        "\0\u{1}\u{1f}\u{7f}\u{80}\u{2028}\u{feff}\u{fffd}\u{10ffff}",
        "quote \" backslash \\ slash / tab \t line \r\n",
        "'; drop table event; --",
        "e\u{301} é",
        "[[[{{{",
    ];
    check(store, texts.map(|text| called(json!({ text: text }))).to_vec()).await;
}

/// Text that no compression makes small; the same for the same seed.
fn noise(length: usize, seed: u64) -> String {
    let mut state = seed;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state = next(state);
        let byte = u8::try_from(state >> 58).unwrap() + b'0';
        text.push(char::from(byte));
    }
    text
}

pub(super) async fn gives_large_bodies_exactly(store: &dyn Store) {
    let million = 1 << 20;
    let mut new = vec![
        called(json!(noise(million, 1))),
        called(json!("x".repeat(million))),
        called(json!("ü🦀\0".repeat(million / 7))),
        called(json!(vec![json!({ "id": 1, "name": "a" }); 20_000])),
    ];
    // The same again: a store may keep it once only.
    new.push(called(json!(noise(million, 1))));
    check(store, new).await;
    let around = INLINE_BYTES_MAX - 80..INLINE_BYTES_MAX + 3;
    let around: Vec<_> = around.map(|length| called(json!(noise(length, 2)))).collect();
    admit_one(store, admission("around")).await;
    store.append(vec![step("around", around.clone())]).await.unwrap();
    assert!(events(store, "around").await.iter().skip(1).eq(&around));
    let large = started_with(json!({ "body": noise(million, 1) }));
    for name in ["large", "large again"] {
        admit_one(store, Admission { started: large.clone(), ..admission(name) }).await;
        assert_eq!(events(store, name).await, std::slice::from_ref(&large));
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(
        json!("[{"),
        |inner, n| {
            if n % 2 == 0 { json!([inner]) } else { json!({ "in": inner }) }
        },
    )
}

pub(super) async fn gives_deep_values_or_refuses(store: &dyn Store) {
    put_sample(store).await;
    // The event itself is one level.
    let deep = nested(EVENT_DEPTH_MAX - 1);
    check(store, vec![called(nested(127)), called(deep.clone())]).await;
    let deeper = json!([deep]);
    assert_illegal(
        store.append(vec![step("at-once", vec![called(deeper.clone())])]).await,
        "at-once",
    );
    assert_eq!(events(store, "at-once").await.len(), 3);
    let kind = EventKind::Finished {
        status: Status::Failed,
        error: Some(deep.clone()),
        response: Some(deep.clone().into()),
    };
    let end = Event { at: at(3), path: Path::run(), kind };
    store.append(vec![step("at-once", vec![end])]).await.unwrap();
    let listed = store.runs(&RunFilter::default(), Page::Newest, 9).await.unwrap();
    assert_eq!(listed.last().unwrap().error, Some(deep));
    let started = started_with(deeper);
    assert_illegal(store.admit(vec![Admission { started, ..admission("deep") }]).await, "deep");
}
