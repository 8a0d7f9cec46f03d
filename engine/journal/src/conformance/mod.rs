//! What every store must do, as cases that panic when a store does not. Each wants an empty store.

#![allow(clippy::unwrap_used, reason = "a case says what went wrong by panicking")]

mod admit;
mod append;
mod audit;
mod expire;
mod lists;
mod load;
pub mod nodes;
pub mod samples;
mod timers;
mod triggers;

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use base::{RunId, Status, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    Admission, Admitted, Again, Append, Event, EventKind, Expired, Expiry, FlowVersion, Page,
    Parent, Path, RunFilter, Shards, Store, StoreError, Timer, TriggerState,
};

/// A running case.
pub type BoxFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A case: panics if the store breaks the promise that the case is named after.
pub type Case = for<'a> fn(&'a dyn Store) -> BoxFuture<'a>;

/// Every case with its name.
pub const CASES: &[(&str, Case)] = &[
    ("admit_numbers_runs_in_order", |it| Box::pin(admit::numbers_runs_in_order(it))),
    ("admit_of_nothing_is_nothing", |it| Box::pin(admit::of_nothing_is_nothing(it))),
    ("admit_knows_a_duplicate", |it| Box::pin(admit::knows_a_duplicate(it))),
    ("admit_knows_a_duplicate_of_an_ended_run", |it| Box::pin(admit::knows_an_ended_run(it))),
    ("admit_tells_flows_and_triggers_apart", |it| Box::pin(admit::tells_sources_apart(it))),
    ("admit_finds_duplicates_within_a_call", |it| Box::pin(admit::finds_them_within_a_call(it))),
    ("admit_without_a_key_is_always_new", |it| Box::pin(admit::without_a_key_is_always_new(it))),
    ("admit_refuses_what_is_no_start", |it| Box::pin(admit::refuses_what_is_no_start(it))),
    ("admit_refuses_a_known_run", |it| Box::pin(admit::refuses_a_known_run(it))),
    ("admit_refuses_an_unknown_version", |it| Box::pin(admit::refuses_an_unknown_version(it))),
    ("admit_stores_all_or_none", |it| Box::pin(admit::stores_all_or_none(it))),
    ("admit_stores_what_followed_at_once", |it| Box::pin(admit::stores_what_followed_at_once(it))),
    ("admit_once_however_many_ask", |it| Box::pin(admit::once_however_many_ask(it))),
    ("append_keeps_the_order_of_events", |it| Box::pin(append::keeps_the_order(it))),
    ("append_adds_to_several_runs", |it| Box::pin(append::adds_to_several_runs(it))),
    ("append_starts_children", |it| Box::pin(append::starts_children(it))),
    ("append_goes_on_with_a_child_at_once", |it| Box::pin(append::goes_on_with_a_child(it))),
    ("append_refuses_an_unknown_run", |it| Box::pin(append::refuses_an_unknown_run(it))),
    ("append_refuses_a_second_start", |it| Box::pin(append::refuses_a_second_start(it))),
    ("append_refuses_anything_after_the_end", |it| Box::pin(append::refuses_after_the_end(it))),
    ("append_refuses_a_timer_of_another_run", |it| Box::pin(append::refuses_foreign_timers(it))),
    ("append_stores_all_or_none", |it| Box::pin(append::stores_all_or_none(it))),
    ("append_keeps_order_among_many_callers", |it| Box::pin(append::among_many_callers(it))),
    ("append_refused_does_not_spoil_others", |it| Box::pin(append::refused_spoils_none(it))),
    ("load_of_an_unknown_run_is_none", |it| Box::pin(load::of_an_unknown_run_is_none(it))),
    ("load_gives_the_row_as_admitted", |it| Box::pin(load::gives_the_row(it))),
    ("load_gives_every_kind_of_event", |it| Box::pin(load::gives_every_kind_of_event(it))),
    ("load_gives_values_exactly", |it| Box::pin(load::gives_values_exactly(it))),
    ("load_gives_texts_exactly", |it| Box::pin(load::gives_texts_exactly(it))),
    ("load_gives_large_bodies_exactly", |it| Box::pin(load::gives_large_bodies_exactly(it))),
    ("load_gives_deep_values_or_refuses", |it| Box::pin(load::gives_deep_values_or_refuses(it))),
    ("awake_runs_come_in_order_and_pages", |it| Box::pin(lists::awake_runs_in_order(it))),
    ("awake_runs_have_not_ended", |it| Box::pin(lists::awake_runs_have_not_ended(it))),
    ("awake_runs_do_not_sleep_or_have_their_turn", |it| Box::pin(lists::awake_runs(it))),
    ("awake_runs_of_a_refused_step_stay_so", |it| Box::pin(lists::awake_after_refusal(it))),
    ("runs_come_newest_first_and_in_pages", |it| Box::pin(lists::runs_newest_first(it))),
    ("runs_are_filtered", |it| Box::pin(lists::runs_are_filtered(it))),
    ("runs_are_found_by_more", |it| Box::pin(lists::runs_are_found_by_more(it))),
    ("runs_show_how_they_ended", |it| Box::pin(lists::runs_show_how_they_ended(it))),
    ("flows_are_kept_as_first_put", |it| Box::pin(lists::flows_are_kept_as_first_put(it))),
    ("versions_are_listed_newest_first", |it| Box::pin(audit::versions_newest_first(it))),
    ("changes_are_noted_and_found", |it| Box::pin(audit::changes_are_noted(it))),
    ("changes_are_told_what_came_of_them", |it| Box::pin(audit::changes_are_answered(it))),
    ("changes_of_long_ago_are_forgotten", |it| Box::pin(audit::old_changes_go(it))),
    ("timers_are_due_in_order", |it| Box::pin(timers::are_due_in_order(it))),
    ("timers_are_replaced", |it| Box::pin(timers::are_replaced(it))),
    ("timers_are_disarmed", |it| Box::pin(timers::are_disarmed(it))),
    ("timers_end_with_their_event_only", |it| Box::pin(timers::end_with_their_event_only(it))),
    ("timers_can_be_set_again_at_once", |it| Box::pin(timers::can_be_set_again_at_once(it))),
    ("timers_end_with_their_run", |it| Box::pin(timers::end_with_their_run(it))),
    ("timers_of_a_refused_step_are_not_set", |it| Box::pin(timers::of_a_refused_step(it))),
    ("triggers_are_listed_next_one_first", |it| Box::pin(triggers::are_listed(it))),
    ("triggers_are_replaced", |it| Box::pin(triggers::are_replaced(it))),
    ("triggers_advance_with_their_events", |it| Box::pin(triggers::advance_with_events(it))),
    ("triggers_advance_past_known_events", |it| Box::pin(triggers::advance_past_known(it))),
    ("triggers_of_a_refused_call_stay", |it| Box::pin(triggers::of_a_refused_call(it))),
    ("triggers_too_deep_are_refused", |it| Box::pin(triggers::refuse_a_state_too_deep(it))),
    ("triggers_keep_their_state_exactly", |it| Box::pin(triggers::keep_state_exactly(it))),
    ("expire_takes_the_oldest_ends_first", |it| Box::pin(expire::oldest_ends_first(it))),
    ("expire_leaves_nothing_of_a_run", |it| Box::pin(expire::leaves_nothing_of_a_run(it))),
    ("expire_purges_a_key", |it| Box::pin(expire::purges_a_key(it))),
    ("expire_keeps_what_others_need", |it| Box::pin(expire::keeps_what_others_need(it))),
    ("expire_forgets_known_events_later", |it| Box::pin(expire::forgets_known_events(it))),
    ("expire_keeps_texts_that_others_have", |it| Box::pin(expire::keeps_shared_texts(it))),
];

/// After `new` has taken over what `old` stored, `old` can read but not write, and `new` can both.
pub async fn takeover(old: &dyn Store, new: &dyn Store) {
    put_sample(new).await;
    admit_one(new, admission("kept")).await;
    let refused = [
        old.put_flow(version("other")).await.map(drop),
        old.admit(vec![admission("stale")]).await.map(drop),
        old.append(vec![step("kept", vec![woken("A")])]).await.map(drop),
        old.append(Vec::new()).await.map(drop),
        old.advance(Vec::new(), vec![trigger("Stale", 1)]).await.map(drop),
        old.expire(Expiry { key: None, ended: at(9_000), known: at(9_000), limit: 9 })
            .await
            .map(drop),
    ];
    for result in refused {
        assert!(matches!(result, Err(StoreError::Fenced)), "{result:?}");
    }
    assert_eq!(new.flow("other").await.unwrap(), None);
    assert_eq!(new.triggers().await.unwrap(), []);
    for store in [old, new] {
        assert_eq!(open_names(store).await, ["kept"]);
        assert_eq!(events(store, "kept").await, [started()]);
    }
    new.append(vec![step("kept", vec![finished(Status::Succeeded)])]).await.unwrap();
    assert_eq!(open_names(new).await, Vec::<String>::new());
}

/// The flow version that the cases' runs belong to.
const SHA: &str = "5a3cf1";

fn version(sha: &str) -> FlowVersion {
    let files = vec![
        ("flow.yaml".to_owned(), "name: Übung 🦀\n".to_owned()),
        ("mappings/empty.yaml".to_owned(), String::new()),
    ];
    FlowVersion { sha: sha.to_owned(), flow: "sample".to_owned(), files }
}

async fn put_sample(store: &dyn Store) {
    store.put_flow(version(SHA)).await.unwrap();
}

fn run(name: &str) -> RunId {
    RunId::new(name)
}

fn at(ticks: i64) -> Timestamp {
    Timestamp::from_ticks(ticks)
}

fn started() -> Event {
    started_with(json!({ "body": null }))
}

fn started_with(outputs: Value) -> Event {
    let kind = EventKind::Started {
        trigger: "When_called".to_owned(),
        outputs: outputs.into(),
        parameters: Map::new().into(),
        seed: 7,
        run: "08584".to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    Event { at: at(1_000), path: Path::run(), kind }
}

fn admission(name: &str) -> Admission {
    Admission {
        packed: None,
        run: run(name),
        flow: "sample".to_owned(),
        sha: SHA.to_owned(),
        trigger: "When_called".to_owned(),
        dedupe: None,
        key: None,
        parent: None,
        started: started(),
        then: Vec::new(),
    }
}

/// A run that does another one once more from some time on.
fn again(name: &str, of: &str, ticks: i64) -> Admission {
    let mut admission = admission(name);
    admission.started.at = at(ticks);
    if let EventKind::Started { again, .. } = &mut admission.started.kind {
        let held = vec![vec!["A".to_owned()]];
        *again = Some(Again { of: of.to_owned(), held, ..Again::default() });
    }
    admission
}

fn resumed(ticks: i64) -> Event {
    Event { at: at(ticks), path: Path::run(), kind: EventKind::Resumed }
}

fn keyed(name: &str, dedupe: &str) -> Admission {
    Admission { dedupe: Some(dedupe.to_owned()), ..admission(name) }
}

async fn admit_one(store: &dyn Store, admission: Admission) -> Admitted {
    let mut admitted = store.admit(vec![admission]).await.unwrap();
    assert_eq!(admitted.len(), 1);
    admitted.remove(0)
}

/// Admits runs of these names to a store that has nothing yet.
async fn admit_all(store: &dyn Store, names: &[&str]) {
    put_sample(store).await;
    let new = names.iter().map(|name| admission(name)).collect();
    let expected: Vec<_> = names.iter().map(|name| Admitted::New(run(name))).collect();
    assert_eq!(store.admit(new).await.unwrap(), expected);
}

fn path(action: &str) -> Path {
    Path::new([], action)
}

fn event(action: &str, kind: EventKind) -> Event {
    Event { at: at(2_000), path: path(action), kind }
}

fn woken(action: &str) -> Event {
    event(action, EventKind::Woken)
}

fn finished(status: Status) -> Event {
    let kind = EventKind::Finished { status, error: None, response: None };
    Event { at: at(3_000), path: Path::run(), kind }
}

fn step(name: &str, events: Vec<Event>) -> Append {
    Append { events, ..Append::new(run(name)) }
}

fn timer(name: &str, action: &str, deadline: bool, due: i64) -> Timer {
    Timer { run: run(name), path: path(action), deadline, due: at(due) }
}

fn trigger(name: &str, due: i64) -> TriggerState {
    TriggerState {
        flow: "sample".to_owned(),
        trigger: name.to_owned(),
        state: json!({ "last": due }),
        due: Some(at(due)),
    }
}

async fn events(store: &dyn Store, name: &str) -> Vec<Event> {
    store.load(&run(name)).await.unwrap().unwrap().1
}

async fn open_names(store: &dyn Store) -> Vec<String> {
    let mut names = listed(store, RunFilter { open: true, ..RunFilter::default() }).await;
    names.reverse();
    names
}

async fn awake_names(store: &dyn Store) -> Vec<String> {
    let rows = store.awake_runs(Shards::ALL, 0, 1_000).await.unwrap();
    rows.into_iter().map(|row| row.run.to_string()).collect()
}

async fn listed(store: &dyn Store, filter: RunFilter) -> Vec<String> {
    let rows = store.runs(&filter, Page::Newest, 1_000).await.unwrap();
    rows.into_iter().map(|row| row.run.to_string()).collect()
}

/// Asserts that a refused call has left a store of `names`, each just started, as it was.
async fn assert_untouched(store: &dyn Store, names: &[&str]) {
    assert_eq!(open_names(store).await, names);
    for name in names {
        assert_eq!(events(store, name).await, [started()], "{name}");
    }
    assert_eq!(store.next_due(Shards::ALL).await.unwrap(), None);
    assert_eq!(store.triggers().await.unwrap(), []);
}

fn assert_illegal<T: std::fmt::Debug>(result: Result<T, StoreError>, name: &str) {
    match result {
        Err(StoreError::IllegalEvent { run: of, reason }) => {
            assert_eq!(of, run(name));
            assert!(!reason.is_empty());
        }
        other => panic!("an illegal event of run `{name}` was answered with {other:?}"),
    }
}

/// Drives futures side by side until all are done; gives their results in order.
async fn join<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|ctx| {
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let Poll::Ready(output) = Pin::new(future).poll(ctx)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
