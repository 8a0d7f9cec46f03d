//! Order and parallelism of runs per key.

use base::RunId;
use journal::Shards;

use crate::lanes::{Entry, Lane, Lanes, Whose};

fn entry(run: &str, key: Option<&str>) -> Entry {
    let lane = key.map(|key| {
        let of = Whose::Trigger { flow: "f".into(), trigger: "t".into() };
        (Lane { of, key: key.into() }, 1)
    });
    Entry { run: RunId::new(run), lane }
}

#[test]
fn runs_of_one_key_follow_each_other_and_others_do_not_wait() {
    let mut lanes = Lanes::default();
    let events = [("a1", Some("a")), ("a2", Some("a")), ("b1", Some("b")), ("x", None)];
    let started = events.map(|(run, key)| lanes.enter(entry(run, key)));
    assert_eq!(started, [true, false, true, true]);
    assert_eq!(lanes.waiting(), 1);
    let mut leave = |run: &str| lanes.leave(&RunId::new(run)).map(|it| it.to_string());
    assert_eq!(leave("a1").as_deref(), Some("a2"));
    assert_eq!(leave("a1"), None, "a run leaves once");
    assert_eq!(leave("a2"), None);
    assert!(lanes.enter(entry("a3", Some("a"))));
}

#[test]
fn runs_that_are_read_keep_their_turns() {
    let mut lanes = Lanes::default();
    lanes.begin_taking_up(Shards::ALL);
    // One was admitted here meanwhile, and another is told of by a note after that.
    assert!(!lanes.enter(entry("new", Some("a"))));
    lanes.find(entry("first", Some("a")), false, false);
    lanes.find(entry("begun", Some("a")), true, false);
    lanes.find(entry("new", Some("a")), false, false);
    lanes.find(entry("asleep", Some("b")), true, true);
    lanes.find(entry("behind", Some("b")), false, false);
    let names = |runs: Vec<RunId>| runs.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(lanes.taken_up(Shards::ALL)), ["begun"]);
    assert!(!lanes.enter(entry("new", Some("a"))), "it stands in line already");
    assert!(lanes.has_turn(&RunId::new("asleep"), false));
    let mut leave = |run: &str| lanes.leave(&RunId::new(run)).map(|it| it.to_string());
    assert_eq!(leave("begun").as_deref(), Some("first"));
    assert_eq!(leave("first").as_deref(), Some("new"));
    assert_eq!(leave("new"), None);
    assert_eq!(leave("asleep").as_deref(), Some("behind"));
    lanes.forget(Shards::ALL);
    assert!(lanes.enter(entry("later", Some("b"))), "nobody is there any more");
}

#[test]
fn a_run_that_ends_while_its_shard_is_read_keeps_nobody_waiting() {
    let name = |run: &str| RunId::new(run);
    let mut lanes = Lanes::default();
    lanes.begin_taking_up(Shards::ALL);
    // A timer wakes them, one before it is found and one after that.
    lanes.find(entry("woken", Some("a")), true, true);
    assert!(lanes.has_turn(&name("woken"), true), "what it had it keeps");
    assert_eq!(lanes.leave(&name("woken")), None);
    lanes.find(entry("behind", Some("a")), false, false);
    assert_eq!(lanes.leave(&name("early")), None);
    lanes.find(entry("early", Some("b")), true, true);
    lanes.find(entry("late", Some("b")), false, false);
    assert_eq!(lanes.taken_up(Shards::ALL), [name("behind"), name("late")]);
    assert!(!lanes.has_turn(&name("woken"), true), "nothing is read any more");
    assert_eq!(lanes.leave(&name("behind")), None);
    assert_eq!(lanes.leave(&name("late")), None);
}
