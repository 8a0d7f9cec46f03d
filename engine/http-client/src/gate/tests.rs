//! The order at a gate, with time given by hand; and the gate itself, with its guards.

use std::{cell::RefCell, sync::Arc, time::Duration};

use base::{Quota, quota::Rate};
use tokio::time::Instant;

use super::{
    Gate,
    line::{Line, Verdict},
};

/// What happens at a gate, one letter and its number: `a1` somebody of flow `a` comes, `x` one leaves,
/// `+20` seconds pass, `#30` the service closes for seconds, `-1` number 1 goes away.
fn check(quota: Quota, story: &str, expected: &str) {
    let mut line: Line<u32> = Line::default();
    line.set_quota(quota);
    let mut now = Instant::now();
    let gone = RefCell::new(Vec::new());
    let (mut said, mut alarm) = (Vec::new(), None);
    for word in story.split(' ') {
        let (first, number) = word.split_at(1);
        let number: u32 = number.parse().unwrap_or(0);
        match first {
            "x" => line.leave(),
            "+" => {
                now += Duration::from_secs(number.into());
                if alarm.take_if(|at| *at <= now).is_some() {
                    line.alarm_rang();
                }
            }
            "#" => line.close(now + Duration::from_secs(number.into())),
            "-" => gone.borrow_mut().push(number),
            flow => line.join(flow, number),
        }
        while let Some((who, verdict)) = line.next(now, |who| gone.borrow().contains(who)) {
            said.push(match verdict {
                Verdict::Go => who.to_string(),
                Verdict::Closed(pause) => format!("{who}!{}", pause.as_secs()),
            });
        }
        if let Some(at) = line.take_alarm(now) {
            said.push(format!("@{}", (at - now).as_secs()));
            alarm = Some(at);
        }
        said.push("|".to_owned());
    }
    assert_eq!(said.join(" ").trim_end_matches([' ', '|']), expected, "{story}");
}

fn at_a_time(most: usize) -> Quota {
    Quota { concurrency: Some(most), rate: None }
}

fn per_minute(calls: usize) -> Quota {
    let rate = Some(Rate { calls, per: base::Duration::seconds(60) });
    Quota { concurrency: None, rate }
}

#[test]
fn whoever_came_first_goes_first_and_flows_take_turns() {
    check(Quota::default(), "a1 a2 b3", "1 | 2 | 3");
    check(at_a_time(2), "a1 a2 a3 a4 x x", "1 | 2 | | | 3 | 4");
    // Three of one flow wait when another comes: it is second, not fourth.
    check(at_a_time(1), "a1 a2 a3 a4 b5 x x x x", "1 | | | | | 2 | 5 | 3 | 4");
    check(at_a_time(1), "a1 a2 a3 b4 -2 x x", "1 | | | | | 3 | 4");
    // Never none at all, whatever the number says.
    check(at_a_time(0), "a1 a2 x", "1 | | 2");
}

#[test]
fn no_more_are_sent_in_a_period_than_may() {
    check(per_minute(2), "a1 +10 a2 a3 +49 +1", "1 | | 2 | @50 | | 3");
    check(per_minute(1), "a1 a2 a3 +60 +60", "1 | @60 | | 2 @60 | 3");
    check(per_minute(0), "a1 a2 +60", "1 | @60 | 2");
}

#[test]
fn a_closed_gate_sends_away_whoever_would_wait_for_long() {
    check(Quota::default(), "#3 a1 +2 +1", "| @3 | | 1");
    check(Quota::default(), "#30 a1 +26 a2 +4", "| 1!30 | | @4 | 2");
    check(at_a_time(1), "a1 a2 a3 #30 x", "1 | | | 2!30 3!30");
    // The later end counts, and what is under way goes on.
    check(Quota::default(), "#4 #2 a1 +2 +2", "| | @4 | | 1");
    check(per_minute(1), "a1 #30 a2 +30 a3 +30", "1 | | 2!30 | | @30 | 3");
}

#[tokio::test(start_paused = true)]
async fn time_opens_the_gate_and_a_dropped_pass_makes_room() {
    let gate = Arc::new(Gate::default());
    let began = Instant::now();
    gate.line().set_quota(at_a_time(1));
    gate.close(Duration::from_secs(4));
    let first = gate.enter("a").await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 4);
    let waiting = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.enter("a").await.map(drop) }
    });
    let aborted = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.enter("b").await.map(drop) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    aborted.abort();
    assert!(!waiting.is_finished());
    drop(first);
    waiting.await.unwrap().unwrap();
    // Nobody is turned away for longer than an hour, whatever the service asks for.
    gate.close(Duration::from_hours(1_000));
    let closed = gate.enter("a").await.map(drop).unwrap_err();
    assert!(closed.pause <= Duration::from_hours(1), "{closed:?}");
    tokio::time::sleep(closed.pause).await;
    gate.enter("a").await.map(drop).unwrap();
}
