//! Cases of triggers that fire by themselves: their state goes with the events that they fired.

use serde_json::{Value, json};

use super::{
    Admission, Admitted, Store, StoreError, TriggerState, admission, admit_all, assert_illegal,
    assert_untouched, keyed, open_names, put_sample, run, trigger, woken,
};

async fn put(store: &dyn Store, states: Vec<TriggerState>) {
    assert_eq!(store.advance(Vec::new(), states).await.unwrap(), []);
}

async fn listed(store: &dyn Store) -> Vec<TriggerState> {
    store.triggers().await.unwrap()
}

pub(super) async fn are_listed(store: &dyn Store) {
    assert_eq!(listed(store).await, []);
    let over = TriggerState { due: None, ..trigger("Over", 0) };
    let elsewhere = TriggerState { flow: "other".to_owned(), ..trigger("Hourly", 20) };
    let states =
        vec![trigger("Daily", 30), over.clone(), elsewhere.clone(), trigger("Hourly", -10)];
    put(store, states).await;
    let sorted = [trigger("Hourly", -10), elsewhere, trigger("Daily", 30), over];
    assert_eq!(listed(store).await, sorted);
}

pub(super) async fn are_replaced(store: &dyn Store) {
    put(store, vec![trigger("Daily", 30), trigger("Hourly", 10)]).await;
    put(store, vec![trigger("Hourly", 40)]).await;
    assert_eq!(listed(store).await, [trigger("Daily", 30), trigger("Hourly", 40)]);
    // Of one call the last counts.
    put(store, vec![trigger("Daily", 50), trigger("Daily", 60)]).await;
    assert_eq!(listed(store).await, [trigger("Hourly", 40), trigger("Daily", 60)]);
    let over = TriggerState { due: None, ..trigger("Hourly", 0) };
    put(store, vec![over.clone()]).await;
    assert_eq!(listed(store).await, [trigger("Daily", 60), over]);
}

pub(super) async fn advance_with_events(store: &dyn Store) {
    put_sample(store).await;
    let new = vec![keyed("a", "1"), admission("b")];
    let admitted = store.advance(new, vec![trigger("When_called", 10)]).await.unwrap();
    assert_eq!(admitted, ["a", "b"].map(|name| Admitted::New(run(name))));
    assert_eq!(open_names(store).await, ["a", "b"]);
    assert_eq!(listed(store).await, [trigger("When_called", 10)]);
}

pub(super) async fn advance_past_known(store: &dyn Store) {
    put_sample(store).await;
    store.advance(vec![keyed("a", "1")], vec![trigger("When_called", 10)]).await.unwrap();
    let again = store.advance(vec![keyed("b", "1")], vec![trigger("When_called", 20)]).await;
    assert_eq!(again.unwrap(), [Admitted::Duplicate(run("a"))]);
    assert_eq!(listed(store).await, [trigger("When_called", 20)]);
    assert_eq!(open_names(store).await, ["a"]);
}

pub(super) async fn of_a_refused_call(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    let broken = Admission { started: woken("A"), ..admission("broken") };
    let states = || vec![trigger("When_called", 10)];
    assert_illegal(store.advance(vec![admission("b"), broken], states()).await, "broken");
    assert_illegal(store.advance(vec![keyed("b", "k"), admission("a")], states()).await, "a");
    assert_untouched(store, &["a"]).await;
}

pub(super) async fn keep_state_exactly(store: &dyn Store) {
    let state = json!({
        "z": 1, "a": { "text": "\u{0}ü🦀 \"", "none": null, "list": [0.1, 1e300, u64::MAX, i64::MIN] },
    });
    let wanted = TriggerState { state, trigger: "Ünì code".to_owned(), ..trigger("", i64::MAX) };
    put(store, vec![wanted.clone()]).await;
    assert_eq!(listed(store).await, std::slice::from_ref(&wanted));
    assert_eq!(listed(store).await[0].state.to_string(), wanted.state.to_string());
    let nothing = TriggerState { state: Value::Null, ..wanted };
    put(store, vec![nothing.clone()]).await;
    assert_eq!(listed(store).await, [nothing]);
}

pub(super) async fn refuse_a_state_too_deep(store: &dyn Store) {
    put_sample(store).await;
    let deep = (0..500).fold(json!(1), |inner, _| json!([inner]));
    let state = TriggerState { state: deep, ..trigger("When_called", 1) };
    let refused = store.advance(vec![keyed("a", "k")], vec![state]).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    assert_untouched(store, &[]).await;
}
