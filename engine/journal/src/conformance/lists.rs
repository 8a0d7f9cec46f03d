//! Cases of lists: which runs and flow versions are shown, and in which order.

use serde_json::json;

use super::{
    Admission, Append, Event, EventKind, FlowVersion, Path, RunFilter, SHA, Shards, Status, Store,
    admission, admit_all, admit_one, assert_illegal, at, awake_names, finished, listed, open_names,
    put_sample, run, started, step, timer, version, woken,
};

pub(super) async fn awake_runs_in_order(store: &dyn Store) {
    let names: Vec<String> = (0..25).map(|n| format!("{}", (n * 7) % 25)).collect();
    admit_all(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = store.awake_runs(Shards::ALL, after, 10).await.unwrap();
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        after = last.position;
        seen.extend(page.into_iter().map(|row| row.run.to_string()));
    }
    assert_eq!(seen, names);
    assert_eq!(store.awake_runs(Shards::ALL, 0, 0).await.unwrap(), []);
    assert_eq!(store.awake_runs(Shards::ALL, u64::MAX, 10).await.unwrap(), []);
}

pub(super) async fn awake_runs_have_not_ended(store: &dyn Store) {
    admit_all(store, &["a", "b", "c"]).await;
    let ends = vec![
        step("c", vec![finished(Status::Cancelled)]),
        step("a", vec![finished(Status::Succeeded)]),
    ];
    store.append(ends).await.unwrap();
    assert_eq!(awake_names(store).await, ["b"]);
    assert_eq!(store.awake_runs(Shards::ALL, 0, 1).await.unwrap().len(), 1);
}

fn rests(name: &str, asleep: bool, turn: bool) -> Append {
    Append { asleep, turn, ..step(name, vec![woken("A")]) }
}

pub(super) async fn awake_runs(store: &dyn Store) {
    admit_all(store, &["a", "b", "c", "d"]).await;
    let all = [(false, false), (false, true), (true, false), (true, true)];
    for (name, (asleep, turn)) in ["a", "b", "c", "d"].into_iter().zip(all) {
        store.append(vec![rests(name, asleep, turn)]).await.unwrap();
        let (row, _) = store.load(&run(name)).await.unwrap().unwrap();
        assert_eq!((row.asleep, row.turn), (asleep, turn), "{name}");
    }
    assert_eq!(awake_names(store).await, ["a", "b", "d"]);
    assert_eq!(open_names(store).await, ["a", "b", "c", "d"]);
    // Of one call the last step counts; one without events counts as well.
    let both = vec![rests("a", true, true), Append { asleep: true, ..step("a", Vec::new()) }];
    store.append(both).await.unwrap();
    store.append(vec![rests("c", false, false)]).await.unwrap();
    assert_eq!(awake_names(store).await, ["b", "c", "d"]);
    let end = Append { turn: true, ..step("d", vec![finished(Status::Succeeded)]) };
    store.append(vec![end]).await.unwrap();
    assert_eq!(awake_names(store).await, ["b", "c"]);
    // What sleeps is found by its timers and lists like any other.
    let arm = vec![timer("a", "B", false, 5)];
    store.append(vec![Append { arm, ..rests("a", true, false) }]).await.unwrap();
    assert_eq!(store.due(Shards::ALL, at(9), 9).await.unwrap(), [timer("a", "B", false, 5)]);
    assert_eq!(awake_names(store).await, ["b", "c"]);
    assert_eq!(store.awake_runs(Shards::ALL, 0, 1).await.unwrap().len(), 1);
}

pub(super) async fn awake_after_refusal(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    let refused = vec![rests("a", true, false), step("b", vec![started()])];
    assert_illegal(store.append(refused).await, "b");
    assert_eq!(awake_names(store).await, ["a", "b"]);
    let (row, _) = store.load(&run("a")).await.unwrap().unwrap();
    assert_eq!((row.asleep, row.turn), (false, false));
}

pub(super) async fn runs_newest_first(store: &dyn Store) {
    let names: Vec<String> = (0..25).map(|n| format!("{n}")).collect();
    admit_all(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    store.append(vec![step("7", vec![finished(Status::Failed)])]).await.unwrap();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.runs(&RunFilter::default(), before, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.position);
        seen.extend(page.into_iter().map(|row| row.run.to_string()));
    }
    seen.reverse();
    assert_eq!(seen, names);
    let all = || RunFilter::default();
    assert_eq!(store.runs(&all(), None, 0).await.unwrap(), []);
    assert_eq!(store.runs(&all(), Some(0), 10).await.unwrap(), []);
    assert_eq!(store.runs(&all(), Some(u64::MAX), 100).await.unwrap().len(), 25);
}

pub(super) async fn runs_are_filtered(store: &dyn Store) {
    put_sample(store).await;
    let new = |name: &str, flow: &str, key: Option<&str>| Admission {
        flow: flow.to_owned(),
        key: key.map(str::to_owned),
        ..admission(name)
    };
    let runs = vec![
        new("a", "one", None),
        new("b", "one", Some("k")),
        new("c", "two", Some("k")),
        new("d", "two", Some("K")),
        new("e", "two", None),
    ];
    store.admit(runs).await.unwrap();
    let ends = [("a", Status::Failed), ("c", Status::Failed), ("e", Status::Succeeded)];
    let ends = ends.map(|(name, status)| step(name, vec![finished(status)]));
    store.append(ends.to_vec()).await.unwrap();

    let flow = |flow: &str| RunFilter { flow: Some(flow.to_owned()), ..RunFilter::default() };
    let key = |key: &str| RunFilter { key: Some(key.to_owned()), ..RunFilter::default() };
    let failed = RunFilter { status: Some(Status::Failed), ..RunFilter::default() };
    let open = RunFilter { open: true, ..RunFilter::default() };
    let cases: Vec<(RunFilter, &[&str])> = vec![
        (RunFilter::default(), &["e", "d", "c", "b", "a"]),
        (flow("one"), &["b", "a"]),
        (flow("two"), &["e", "d", "c"]),
        (flow("three"), &[]),
        (key("k"), &["c", "b"]),
        (key("K"), &["d"]),
        (failed.clone(), &["c", "a"]),
        (RunFilter { status: Some(Status::TimedOut), ..RunFilter::default() }, &[]),
        (open.clone(), &["d", "b"]),
        (RunFilter { open: true, ..flow("two") }, &["d"]),
        (RunFilter { open: true, ..key("k") }, &["b"]),
        (RunFilter { open: true, ..failed.clone() }, &[]),
        (RunFilter { flow: Some("two".to_owned()), ..failed.clone() }, &["c"]),
        (RunFilter { flow: Some("one".to_owned()), key: Some("k".to_owned()), ..failed }, &[]),
        (RunFilter { flow: Some("one".to_owned()), key: Some("k".to_owned()), ..open }, &["b"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(listed(store, filter.clone()).await, expected, "{filter:?}");
    }
    let first = store.runs(&key("k"), None, 1).await.unwrap();
    let second = store.runs(&key("k"), Some(first[0].position), 10).await.unwrap();
    assert_eq!(second.iter().map(|row| row.run.as_str()).collect::<Vec<_>>(), ["b"]);
}

pub(super) async fn runs_show_how_they_ended(store: &dyn Store) {
    put_sample(store).await;
    for (n, status) in (0_i64..).zip(Status::ALL) {
        let name = status.name();
        admit_one(store, admission(name)).await;
        let error = (n % 2 == 0).then(|| json!({ "code": name, "message": "ü" }));
        let kind = EventKind::Finished { status, error: error.clone(), response: None };
        let end = Event { at: at(5_000 + n), path: Path::run(), kind };
        store.append(vec![step(name, vec![end])]).await.unwrap();
        let (row, _) = store.load(&run(name)).await.unwrap().unwrap();
        assert_eq!(row.status, Some(status));
        assert_eq!(row.error, error);
        assert_eq!((row.created, row.finished), (at(1_000), Some(at(5_000 + n))));
        assert_eq!(store.runs(&RunFilter::default(), None, 1).await.unwrap(), [row]);
    }
}

pub(super) async fn flows_are_kept_as_first_put(store: &dyn Store) {
    assert_eq!(store.flow(SHA).await.unwrap(), None);
    put_sample(store).await;
    let changed = FlowVersion { flow: "renamed".to_owned(), files: Vec::new(), ..version(SHA) };
    store.put_flow(changed).await.unwrap();
    assert_eq!(store.flow(SHA).await.unwrap(), Some(version(SHA)));
    let mut large = version("large");
    large.files.push(("big.yaml".to_owned(), "- ü\n".repeat(100_000)));
    store.put_flow(large.clone()).await.unwrap();
    assert_eq!(store.flow("large").await.unwrap(), Some(large));
    assert_eq!(store.flow("LARGE").await.unwrap(), None);
}
