//! Cases of admission: what becomes of events that may start runs.

use super::{
    Admission, Admitted, Path, RunFilter, SHA, Shards, Status, Store, admission, admit_all,
    admit_one, assert_illegal, assert_untouched, finished, join, keyed, listed, open_names,
    put_sample, run, step, version, woken,
};

pub(super) async fn numbers_runs_in_order(store: &dyn Store) {
    admit_all(store, &["b", "a", "d", "c"]).await;
    admit_one(store, admission("0")).await;
    let rows = store.awake_runs(Shards::ALL, 0, 100).await.unwrap();
    let names: Vec<_> = rows.iter().map(|row| row.run.as_str()).collect();
    assert_eq!(names, ["b", "a", "d", "c", "0"]);
    assert!(rows.first().unwrap().position > 0, "position 0 is before the first");
    assert!(rows.is_sorted_by(|one, next| one.position < next.position));
}

pub(super) async fn of_nothing_is_nothing(store: &dyn Store) {
    assert_eq!(store.admit(Vec::new()).await.unwrap(), []);
    assert_eq!(store.append(Vec::new()).await.unwrap(), []);
    assert_untouched(store, &[]).await;
}

pub(super) async fn knows_a_duplicate(store: &dyn Store) {
    put_sample(store).await;
    assert_eq!(admit_one(store, keyed("one", "k")).await, Admitted::New(run("one")));
    for name in ["two", "three", "one"] {
        assert_eq!(admit_one(store, keyed(name, "k")).await, Admitted::Duplicate(run("one")));
    }
    assert_eq!(admit_one(store, keyed("other", "K")).await, Admitted::New(run("other")));
    assert_eq!(admit_one(store, keyed("empty", "")).await, Admitted::New(run("empty")));
    assert_eq!(admit_one(store, keyed("void", "")).await, Admitted::Duplicate(run("empty")));
    assert_untouched(store, &["one", "other", "empty"]).await;
}

pub(super) async fn knows_an_ended_run(store: &dyn Store) {
    put_sample(store).await;
    admit_one(store, keyed("one", "k")).await;
    store.append(vec![step("one", vec![finished(Status::Failed)])]).await.unwrap();
    assert_eq!(admit_one(store, keyed("two", "k")).await, Admitted::Duplicate(run("one")));
    assert_eq!(open_names(store).await, Vec::<String>::new());
}

pub(super) async fn tells_sources_apart(store: &dyn Store) {
    put_sample(store).await;
    let flow = |name: &str, flow: &str| Admission { flow: flow.to_owned(), ..keyed(name, "k") };
    let trigger = |name: &str, trigger: &str| {
        let trigger = trigger.to_owned();
        Admission { trigger, ..keyed(name, "k") }
    };
    let admitted = store
        .admit(vec![keyed("a", "k"), flow("b", "another"), trigger("c", "Daily")])
        .await
        .unwrap();
    assert_eq!(admitted, ["a", "b", "c"].map(|name| Admitted::New(run(name))));
    let again = store
        .admit(vec![trigger("d", "Daily"), flow("e", "another"), keyed("f", "k")])
        .await
        .unwrap();
    assert_eq!(again, ["c", "b", "a"].map(|name| Admitted::Duplicate(run(name))));
}

pub(super) async fn finds_them_within_a_call(store: &dyn Store) {
    put_sample(store).await;
    let new = vec![keyed("a", "1"), keyed("b", "2"), keyed("c", "1"), keyed("d", "2")];
    let expected = [
        Admitted::New(run("a")),
        Admitted::New(run("b")),
        Admitted::Duplicate(run("a")),
        Admitted::Duplicate(run("b")),
    ];
    assert_eq!(store.admit(new).await.unwrap(), expected);
    assert_untouched(store, &["a", "b"]).await;
}

pub(super) async fn without_a_key_is_always_new(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    assert_eq!(admit_one(store, admission("c")).await, Admitted::New(run("c")));
    assert_untouched(store, &["a", "b", "c"]).await;
}

pub(super) async fn refuses_what_is_no_start(store: &dyn Store) {
    put_sample(store).await;
    let mut elsewhere = admission("elsewhere");
    elsewhere.started.path = Path::new([], "A");
    let firsts = [
        Admission { started: woken("A"), ..admission("woken") },
        Admission { started: finished(Status::Succeeded), ..admission("finished") },
        elsewhere,
    ];
    for first in firsts {
        let name = first.run.to_string();
        assert_illegal(store.admit(vec![first]).await, &name);
    }
    assert_untouched(store, &[]).await;
}

pub(super) async fn refuses_a_known_run(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    assert_illegal(store.admit(vec![admission("a")]).await, "a");
    assert_illegal(store.admit(vec![keyed("a", "k")]).await, "a");
    assert_illegal(store.admit(vec![admission("b"), admission("b")]).await, "b");
    // The key of a refused admission is still free.
    assert_eq!(admit_one(store, keyed("c", "k")).await, Admitted::New(run("c")));
    assert_untouched(store, &["a", "c"]).await;
}

pub(super) async fn refuses_an_unknown_version(store: &dyn Store) {
    assert_illegal(store.admit(vec![admission("early")]).await, "early");
    put_sample(store).await;
    let other = Admission { sha: "0000".to_owned(), ..keyed("lost", "k") };
    assert_illegal(store.admit(vec![other.clone()]).await, "lost");
    store.put_flow(version("0000")).await.unwrap();
    assert_eq!(admit_one(store, other).await, Admitted::New(run("lost")));
    let row = store.load(&run("lost")).await.unwrap().unwrap().0;
    assert_eq!((row.sha.as_str(), SHA == row.sha), ("0000", false));
}

pub(super) async fn stores_all_or_none(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    let broken = Admission { started: woken("A"), ..admission("broken") };
    let new = vec![keyed("b", "k"), admission("c"), broken, admission("d")];
    assert_illegal(store.admit(new).await, "broken");
    assert_illegal(store.admit(vec![keyed("b", "k"), admission("a")]).await, "a");
    assert_untouched(store, &["a"]).await;
    assert_eq!(admit_one(store, keyed("e", "k")).await, Admitted::New(run("e")));
}

pub(super) async fn once_however_many_ask(store: &dyn Store) {
    put_sample(store).await;
    let names: Vec<String> = (0..40).map(|n| format!("run-{n}")).collect();
    let calls = names.iter().map(|name| Box::pin(admit_one(store, keyed(name, "k")))).collect();
    let answers = join::<_>(calls).await;
    let new: Vec<_> = answers.iter().filter(|it| matches!(it, Admitted::New(_))).collect();
    let [Admitted::New(winner)] = new[..] else { panic!("{} new runs", new.len()) };
    let others = answers.iter().filter(|it| **it == Admitted::Duplicate(winner.clone()));
    assert_eq!(others.count(), names.len() - 1);
    assert_eq!(listed(store, RunFilter::default()).await, [winner.to_string()]);
}

/// What followed at once is stored with the event, or not at all.
pub(super) async fn stores_what_followed_at_once(store: &dyn Store) {
    put_sample(store).await;
    let over =
        |name: &str| Admission { then: vec![finished(Status::Succeeded)], ..admission(name) };
    let asked = Admission { then: vec![woken("A")], ..admission("asked") };
    let admitted = store.admit(vec![over("over"), asked]).await.unwrap();
    assert_eq!(admitted.len(), 2);
    let (row, events) = store.load(&run("over")).await.unwrap().unwrap();
    assert_eq!((row.status, events.len()), (Some(Status::Succeeded), 2));
    let (row, events) = store.load(&run("asked")).await.unwrap().unwrap();
    assert_eq!((row.status, events.len()), (None, 2));
    let open = store.awake_runs(Shards::ALL, 0, 10).await.unwrap();
    assert_eq!(open.iter().map(|it| it.run.clone()).collect::<Vec<_>>(), [run("asked")]);
    // A known event starts nothing, whatever would have followed.
    let again = Admission { then: vec![finished(Status::Failed)], ..keyed("again", "k") };
    store.admit(vec![keyed("first", "k")]).await.unwrap();
    let admitted = store.admit(vec![again]).await.unwrap();
    assert_eq!(admitted, [Admitted::Duplicate(run("first"))]);
    let broken = Admission { then: vec![finished(Status::Failed), woken("A")], ..admission("b") };
    assert_illegal(store.admit(vec![broken]).await, "b");
    assert_eq!(store.load(&run("b")).await.unwrap(), None);
}
