//! Cases of lists: which runs and flow versions are shown, and in which order.

use serde_json::{Value, json};

use super::{
    Admission, Append, Event, EventKind, FlowVersion, Page, Parent, Path, RunFilter, SHA, Shards,
    Status, Store, admission, admit_all, admit_one, again, assert_illegal, at, awake_names,
    finished, listed, open_names, put_sample, resumed, run, started, step, timer, version, woken,
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

/// Of the runs of the case above, of which `b` and `d` are open.
async fn paused_ones_are_filtered(store: &dyn Store) {
    let paused = |name: &str, paused| Append { paused, ..step(name, Vec::new()) };
    store.append(vec![paused("b", true), paused("d", true)]).await.unwrap();
    store.append(vec![paused("d", false)]).await.unwrap();
    let (row, _) = store.load(&run("b")).await.unwrap().unwrap();
    assert!(row.paused && !row.asleep && !row.turn);
    let open = |paused| RunFilter { open: true, paused, ..RunFilter::default() };
    let failed = RunFilter { statuses: vec![Status::Failed], ..open(Some(true)) };
    let cases: Vec<(RunFilter, &[&str])> = vec![
        (open(None), &["d", "b"]),
        (open(Some(true)), &["b"]),
        (open(Some(false)), &["d"]),
        (RunFilter { flow: Some("two".to_owned()), ..open(Some(true)) }, &[]),
        (failed, &["c", "b", "a"]),
    ];
    for (filter, expected) in cases {
        assert_listed(store, &filter, expected).await;
    }
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
    let mut page = Page::Newest;
    loop {
        let rows = store.runs(&RunFilter::default(), page, 10).await.unwrap();
        let Some(last) = rows.last() else { break };
        page = Page::Before(last.position);
        seen.extend(rows.into_iter().map(|row| row.run.to_string()));
    }
    seen.reverse();
    assert_eq!(seen, names);
    // And back again: pages of newer runs are newest first, too.
    let (mut back, mut page) = (Vec::new(), Page::After(0));
    loop {
        let rows = store.runs(&RunFilter::default(), page, 10).await.unwrap();
        let Some(first) = rows.first() else { break };
        assert!(rows.len() <= 10 && rows.is_sorted_by(|one, next| one.position > next.position));
        page = Page::After(first.position);
        back.extend(rows.into_iter().rev().map(|row| row.run.to_string()));
    }
    assert_eq!(back, names);
    let all = || RunFilter::default();
    assert_eq!(store.runs(&all(), Page::Newest, 0).await.unwrap(), []);
    assert_eq!(store.runs(&all(), Page::Before(0), 10).await.unwrap(), []);
    assert_eq!(store.runs(&all(), Page::Before(u64::MAX), 100).await.unwrap().len(), 25);
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

    let has =
        |statuses: &[Status]| RunFilter { statuses: statuses.to_vec(), ..RunFilter::default() };
    let flow = |flow: &str| RunFilter { flow: Some(flow.to_owned()), ..RunFilter::default() };
    let key = |key: &str| RunFilter { key: Some(key.to_owned()), ..RunFilter::default() };
    let failed = has(&[Status::Failed]);
    let open = RunFilter { open: true, ..RunFilter::default() };
    let cases: Vec<(RunFilter, &[&str])> = vec![
        (RunFilter::default(), &["e", "d", "c", "b", "a"]),
        (flow("one"), &["b", "a"]),
        (flow("two"), &["e", "d", "c"]),
        (flow("three"), &[]),
        (key("k"), &["c", "b"]),
        (key("K"), &["d"]),
        (failed.clone(), &["c", "a"]),
        (has(&[Status::TimedOut]), &[]),
        (has(&[Status::TimedOut, Status::Succeeded, Status::Failed]), &["e", "c", "a"]),
        (open.clone(), &["d", "b"]),
        (RunFilter { open: true, ..flow("two") }, &["d"]),
        (RunFilter { open: true, ..key("k") }, &["b"]),
        (RunFilter { open: true, ..failed.clone() }, &["d", "c", "b", "a"]),
        (RunFilter { flow: Some("two".to_owned()), ..failed.clone() }, &["c"]),
        (RunFilter { flow: Some("one".to_owned()), key: Some("k".to_owned()), ..failed }, &[]),
        (RunFilter { flow: Some("one".to_owned()), key: Some("k".to_owned()), ..open }, &["b"]),
    ];
    for (filter, expected) in cases {
        assert_listed(store, &filter, expected).await;
    }
    paused_ones_are_filtered(store).await;
    let first = store.runs(&key("k"), Page::Newest, 1).await.unwrap();
    let second = store.runs(&key("k"), Page::Before(first[0].position), 10).await.unwrap();
    assert_eq!(second.iter().map(|row| row.run.as_str()).collect::<Vec<_>>(), ["b"]);
    let back = store.runs(&key("k"), Page::After(second[0].position), 10).await.unwrap();
    assert_eq!(back, first);
}

/// A list has these runs, and counting it gives their number.
async fn assert_listed(store: &dyn Store, filter: &RunFilter, expected: &[&str]) {
    assert_eq!(listed(store, filter.clone()).await, expected, "{filter:?}");
    assert_eq!(store.count(filter, 100).await.unwrap(), expected.len(), "{filter:?}");
    assert_eq!(store.count(filter, 2).await.unwrap(), expected.len().min(2), "{filter:?}");
}

pub(super) async fn runs_are_found_by_more(store: &dyn Store) {
    put_sample(store).await;
    let begun = |name: &str, ticks: i64| {
        let plain = admission(name);
        Admission { started: Event { at: at(ticks), ..plain.started }, ..plain }
    };
    let child = Parent { run: run("a"), path: Path::new([], "Call") };
    let runs = vec![
        begun("a", 10),
        Admission { trigger: "Daily".to_owned(), ..begun("b", 20) },
        Admission { parent: Some(child), ..begun("c", 30) },
        begun("d", 40),
        Admission { then: vec![resumed(50)], ..again("e", "a", 5) },
    ];
    store.admit(runs).await.unwrap();
    let failed = |name: &str, error: Value| {
        let kind =
            EventKind::Finished { status: Status::Failed, error: Some(error), response: None };
        step(name, vec![Event { at: at(5_000), path: Path::run(), kind }])
    };
    let inner =
        json!({ "code": "ActionFailed", "message": "", "details": [{ "code": "NotFound" }] });
    let odd = json!({ "code": format!("a\u{0}{}", "ü".repeat(500)) });
    let ends = vec![failed("a", json!({ "code": "Oops" })), failed("b", inner), failed("d", odd)];
    store.append(ends).await.unwrap();

    let all = RunFilter::default;
    let code = |code: &str| RunFilter { code: Some(code.to_owned()), ..all() };
    let (from, until) = (Some(at(20)), Some(at(40)));
    let cases: Vec<(RunFilter, &[&str])> = vec![
        (RunFilter { trigger: Some("Daily".to_owned()), ..all() }, &["b"]),
        (RunFilter { trigger: Some("daily\u{0}".to_owned()), ..all() }, &[]),
        (code("Oops"), &["a"]),
        (code("NotFound"), &["b"]),
        (code("ActionFailed"), &[]),
        (code("oops\u{0}"), &[]),
        (code(&format!("a{}", "ü".repeat(99))), &["d"]),
        (RunFilter { parent: Some(run("a")), ..all() }, &["c"]),
        (RunFilter { parent: Some(run("b\u{0}")), ..all() }, &[]),
        (RunFilter { again_of: Some(run("a")), ..all() }, &["e"]),
        (RunFilter { again_of: Some(run("e")), ..all() }, &[]),
        (RunFilter { from, ..all() }, &["e", "d", "c", "b"]),
        (RunFilter { until, ..all() }, &["c", "b", "a"]),
        (RunFilter { from, until, ..all() }, &["c", "b"]),
        (RunFilter { from, until, open: true, ..all() }, &["c"]),
    ];
    for (filter, expected) in cases {
        assert_listed(store, &filter, expected).await;
    }
    let row = store.load(&run("e")).await.unwrap().unwrap().0;
    assert_eq!((row.created, row.again_of), (at(50), Some(run("a"))));
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
        assert_eq!(store.runs(&RunFilter::default(), Page::Newest, 1).await.unwrap(), [row]);
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
