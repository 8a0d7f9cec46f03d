//! The conversation with a program, without a program: what it says stands here.

mod git;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use base::Source;
use connector::Connection;
use serde_json::{Map, Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream,
};

use crate::{
    lines::{self, Line},
    peer::{Answer, Peer, Silence},
    talk::Talk,
};

fn talk() -> Talk {
    let text = "connector: c\nversion: 1.0.0\nkind: process\ncommand: [run]\n";
    let connector = connector::read(&Source::new("connector.yaml", text)).0;
    Talk::new(&Connection::new("c", Arc::new(connector), BTreeMap::new()).0)
}

/// A peer, what it writes, and where it reads.
fn peer() -> (Arc<Peer>, BufReader<DuplexStream>, DuplexStream) {
    let (reading, says) = tokio::io::duplex(1 << 16);
    let (writing, hears) = tokio::io::duplex(1 << 16);
    let cancel = |id| json!({ "cancel": id });
    let peer = Peer::new((reading, writing), talk(), (1_000, cancel));
    (Arc::new(peer), BufReader::new(hears), says)
}

fn ask(peer: &Arc<Peer>, limit: Duration) -> tokio::task::JoinHandle<Result<Answer, Silence>> {
    let peer = Arc::clone(peer);
    tokio::spawn(async move { peer.ask("do", Map::new(), Instant::now() + limit).await })
}

async fn line(hears: &mut BufReader<DuplexStream>) -> Value {
    let mut text = String::new();
    hears.read_line(&mut text).await.unwrap();
    serde_json::from_str(&text).unwrap()
}

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn lines_are_bounded() {
    let long = "x".repeat(30);
    for (text, expected) in [
        ("", vec![]),
        ("a\nb\n", vec![Line::Whole(b"a".to_vec()), Line::Whole(b"b".to_vec())]),
        (
            "a\r\n\nb",
            vec![Line::Whole(b"a".to_vec()), Line::Whole(vec![]), Line::Whole(b"b".to_vec())],
        ),
        ("0123456789\n", vec![Line::Whole(b"0123456789".to_vec())]),
        ("0123456789a\nb", vec![Line::Cut(b"0123456789".to_vec()), Line::Whole(b"b".to_vec())]),
        (long.as_str(), vec![Line::Cut(b"x".repeat(10))]),
    ] {
        for capacity in [1, 3, 64] {
            let mut from = BufReader::with_capacity(capacity, text.as_bytes());
            let mut found = Vec::new();
            while let Some(line) = lines::next(&mut from, 10).await.unwrap() {
                found.push(line);
            }
            assert_eq!(found, expected, "{text:?} {capacity}");
        }
    }
}

#[tokio::test]
async fn answers_find_their_questions_in_any_order() {
    let (peer, mut hears, mut says) = peer();
    let asked: Vec<_> = (0..3).map(|_| ask(&peer, LONG)).collect();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let question = line(&mut hears).await;
        assert_eq!((&question["jsonrpc"], &question["method"]), (&json!("2.0"), &json!("do")));
        ids.push(question["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    for id in ids.iter().rev() {
        // What nobody asked for, twice, not a message, and none at all does nothing.
        let answer = json!({ "id": id, "result": id });
        let text = format!("{answer}\n{answer}\nhello\n[]\n\n{{\"id\":99,\"result\":1}}\n{{}}\n");
        says.write_all(text.as_bytes()).await.unwrap();
    }
    let mut found = Vec::new();
    for it in asked {
        let Ok(Ok(Answer::Result(id))) = it.await else { panic!("no result") };
        found.push(id.as_u64().unwrap());
    }
    found.sort_unstable();
    assert_eq!(found, ids);
    assert_eq!(peer.shared().answered(), 3);
}

#[tokio::test]
async fn answers_are_results_or_errors() {
    for (answer, expected) in [
        (json!({ "result": null }), Ok(json!(null))),
        (json!({ "result": 1, "error": null }), Ok(json!(1))),
        (json!({ "error": { "code": 1 } }), Err(json!({ "code": 1 }))),
        (json!({ "result": 1, "error": "no" }), Err(json!("no"))),
        (json!({}), Err(json!({ "message": "it answered nothing" }))),
    ] {
        let (peer, mut hears, mut says) = peer();
        let asked = ask(&peer, LONG);
        let mut answer = answer;
        answer["id"] = line(&mut hears).await["id"].clone();
        says.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
        let found = match asked.await.unwrap().unwrap() {
            Answer::Result(result) => Ok(result),
            Answer::Error(error) => Err(error),
        };
        assert_eq!(found, expected, "{answer}");
    }
}

#[tokio::test]
async fn whoever_asks_the_engine_is_answered() {
    let (peer, mut hears, mut says) = peer();
    let asked = "{\"id\":\"a\",\"method\":\"ping\"}\n{\"id\":2,\"method\":\"roots/list\"}\n\
                 {\"method\":\"$/changed\"}\n";
    says.write_all(asked.as_bytes()).await.unwrap();
    assert_eq!(line(&mut hears).await, json!({ "jsonrpc": "2.0", "id": "a", "result": {} }));
    let refused = line(&mut hears).await;
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(2), &json!(-32_601)));
    tokio::time::timeout(LONG, peer.shared().changed.notified()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_waits_for_is_taken_back() {
    let (peer, mut hears, mut says) = peer();
    let late = ask(&peer, Duration::from_millis(50));
    let id = line(&mut hears).await["id"].clone();
    assert_eq!(late.await.unwrap().unwrap_err(), Silence::Late);
    assert_eq!(line(&mut hears).await, json!({ "cancel": id }));
    let dropped = ask(&peer, LONG);
    let id = line(&mut hears).await["id"].clone();
    dropped.abort();
    assert_eq!(line(&mut hears).await, json!({ "cancel": id }));
    assert!(peer.shared().is_mute(Duration::ZERO));
    // Any line shows that somebody is there.
    says.write_all(b"{}\n").await.unwrap();
    let asked = ask(&peer, LONG);
    let id = line(&mut hears).await["id"].clone();
    says.write_all(format!("{{\"id\":{id},\"result\":1}}\n").as_bytes()).await.unwrap();
    assert!(asked.await.unwrap().is_ok());
    assert!(!peer.shared().is_mute(Duration::ZERO));
}

#[tokio::test]
async fn the_end_of_a_conversation_is_told_to_all_who_wait() {
    let (peer, mut hears, says) = peer();
    let asked = ask(&peer, LONG);
    line(&mut hears).await;
    drop(says);
    peer.shared().hung_up.notified().await;
    // Between the two nothing is asked any more.
    let refused = ask(&peer, LONG).await.unwrap().unwrap_err();
    assert!(matches!(refused, Silence::NotAsked(_)), "{refused:?}");
    peer.shared().end("it ended".to_owned());
    assert_eq!(asked.await.unwrap().unwrap_err(), Silence::Gone("it ended".to_owned()));
}

#[tokio::test]
async fn too_much_garbage_and_too_long_lines_end_a_conversation() {
    for (text, expected) in [
        ("garbage\n".repeat(101), "not the protocol"),
        ("x".repeat(1_001) + "\n", "more than 1000 bytes"),
        (String::new(), "closed its standard output"),
    ] {
        let (peer, _hears, mut says) = peer();
        says.write_all(text.as_bytes()).await.unwrap();
        if text.is_empty() {
            says.shutdown().await.unwrap();
        }
        peer.shared().hung_up.notified().await;
        let fault = peer.shared().fault().unwrap();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_read_is_not_waited_for() {
    let (peer, mut hears, _says) = peer();
    let big = Map::from_iter([("text".to_owned(), "x".repeat(100_000).into())]);
    let begun = tokio::time::Instant::now();
    let mut unasked = 0;
    for _ in 0..70 {
        let until = Instant::now() + Duration::from_millis(20);
        match peer.ask("do", big.clone(), until).await {
            Err(Silence::NotAsked(_)) => unasked += 1,
            Err(Silence::Late) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(0 < unasked && begun.elapsed() < Duration::from_secs(10));
    // It was one line after the other, none in another.
    let mut first = vec![0; 100];
    hears.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"{\"jsonrpc\""));
}
