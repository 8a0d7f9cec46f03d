//! Cases of appending: what one step adds to runs.

use super::{
    Admission, Admitted, Append, EventKind, Status, Store, StoreError, admission, admit_all,
    assert_illegal, assert_untouched, event, events, finished, join, keyed, open_names, path, run,
    started, step, timer, woken,
};
use crate::Parent;

pub(super) async fn keeps_the_order(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    let mut expected = vec![started()];
    for round in 0..5 {
        let new: Vec<_> = (0..7).map(|n| woken(&format!("A{}", (n * 5 + round) % 7))).collect();
        expected.extend(new.clone());
        assert_eq!(store.append(vec![step("a", new)]).await.unwrap(), []);
        assert_eq!(events(store, "a").await, expected);
    }
}

pub(super) async fn adds_to_several_runs(store: &dyn Store) {
    admit_all(store, &["a", "b", "c"]).await;
    let batch = vec![
        step("b", vec![woken("1"), woken("2")]),
        step("a", vec![woken("3")]),
        step("b", vec![woken("4")]),
        step("c", Vec::new()),
    ];
    store.append(batch).await.unwrap();
    assert_eq!(events(store, "a").await, [started(), woken("3")]);
    assert_eq!(events(store, "b").await, [started(), woken("1"), woken("2"), woken("4")]);
    assert_eq!(events(store, "c").await, [started()]);
}

fn child(name: &str, dedupe: &str, of: &str) -> Admission {
    let parent = Some(Parent { run: run(of), path: path("Call") });
    Admission { parent, ..keyed(name, dedupe) }
}

pub(super) async fn starts_children(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    let first = Append {
        children: vec![child("a1", "a/1", "a"), child("a2", "a/2", "a")],
        ..step("a", vec![woken("Call")])
    };
    let second = Append { children: vec![child("b1", "b/1", "b")], ..step("b", Vec::new()) };
    let new = ["a1", "a2", "b1"].map(|name| Admitted::New(run(name)));
    assert_eq!(store.append(vec![first, second]).await.unwrap(), new);
    assert_eq!(events(store, "a").await, [started(), woken("Call")]);
    let (row, started_child) = store.load(&run("a2")).await.unwrap().unwrap();
    assert_eq!(row.parent, Some(Parent { run: run("a"), path: path("Call") }));
    assert_eq!(started_child, [started()]);

    let again = vec![child("x", "b/1", "a"), admission("y"), child("z", "a/2", "a")];
    let again = Append { children: again, ..step("a", vec![finished(Status::Succeeded)]) };
    let known =
        [Admitted::Duplicate(run("b1")), Admitted::New(run("y")), Admitted::Duplicate(run("a2"))];
    assert_eq!(store.append(vec![again]).await.unwrap(), known);
    assert_eq!(open_names(store).await, ["b", "a1", "a2", "b1", "y"]);
}

pub(super) async fn goes_on_with_a_child(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    let start = Append { children: vec![child("b", "k", "a")], ..step("a", Vec::new()) };
    store.append(vec![start, step("b", vec![finished(Status::Failed)])]).await.unwrap();
    assert_eq!(events(store, "b").await, [started(), finished(Status::Failed)]);
    assert_eq!(open_names(store).await, ["a"]);
}

pub(super) async fn refuses_an_unknown_run(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    for events in [vec![woken("A")], Vec::new()] {
        match store.append(vec![step("nobody", events)]).await {
            Err(StoreError::UnknownRun(of)) => assert_eq!(of, run("nobody")),
            other => panic!("an unknown run was answered with {other:?}"),
        }
    }
    assert_untouched(store, &["a"]).await;
}

pub(super) async fn refuses_a_second_start(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    assert_illegal(store.append(vec![step("a", vec![started()])]).await, "a");
    assert_illegal(store.append(vec![step("a", vec![woken("A"), started()])]).await, "a");
    let again = Append { children: vec![admission("a")], ..step("a", Vec::new()) };
    assert_illegal(store.append(vec![again]).await, "a");
    assert_untouched(store, &["a"]).await;
}

pub(super) async fn refuses_after_the_end(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    let end = || finished(Status::Succeeded);
    let early = step("b", vec![end(), woken("A")]);
    let twice = step("b", vec![end(), end()]);
    for batch in [
        vec![early],
        vec![twice],
        vec![step("b", vec![end()]), step("b", vec![woken("A")])],
        vec![step("b", vec![event("A", end().kind)])],
    ] {
        assert_illegal(store.append(batch).await, "b");
    }
    assert_untouched(store, &["a", "b"]).await;

    store.append(vec![step("a", vec![woken("A"), end()])]).await.unwrap();
    let arm = Append { arm: vec![timer("a", "A", false, 5)], ..step("a", Vec::new()) };
    let child = Append { children: vec![admission("c")], ..step("a", Vec::new()) };
    for late in [step("a", vec![woken("A")]), step("a", vec![end()]), arm, child] {
        assert_illegal(store.append(vec![late]).await, "a");
    }
    assert_eq!(events(store, "a").await, [started(), woken("A"), end()]);
    assert_untouched(store, &["b"]).await;
}

pub(super) async fn refuses_foreign_timers(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    let arm = vec![timer("a", "A", false, 5), timer("b", "A", false, 5)];
    assert_illegal(store.append(vec![Append { arm, ..step("a", Vec::new()) }]).await, "a");
    assert_untouched(store, &["a", "b"]).await;
}

pub(super) async fn stores_all_or_none(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    let good = || Append {
        arm: vec![timer("a", "A", true, 5)],
        children: vec![keyed("child", "k")],
        ..step("a", vec![woken("A"), finished(Status::Succeeded)])
    };
    let unknown = store.append(vec![good(), step("nobody", Vec::new())]).await;
    assert!(matches!(unknown, Err(StoreError::UnknownRun(_))), "{unknown:?}");
    assert_illegal(store.append(vec![good(), step("b", vec![started()])]).await, "b");
    let orphan = Admission { started: woken("A"), ..admission("orphan") };
    let orphan = Append { children: vec![orphan], ..step("b", vec![woken("B")]) };
    assert_illegal(store.append(vec![good(), orphan]).await, "orphan");
    assert_untouched(store, &["a", "b"]).await;
    assert_eq!(store.append(vec![good()]).await.unwrap(), [Admitted::New(run("child"))]);
}

pub(super) async fn among_many_callers(store: &dyn Store) {
    let names: Vec<String> = (0..12).map(|n| format!("run-{n}")).collect();
    admit_all(store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let calls = names.iter().map(|name| {
        Box::pin(async move {
            for n in 0..10 {
                let answer = EventKind::Intended { attempt: n };
                store.append(vec![step(name, vec![event("A", answer)])]).await.unwrap();
            }
        })
    });
    join(calls.collect()).await;
    let attempts = (0..10).map(|attempt| event("A", EventKind::Intended { attempt }));
    let expected: Vec<_> = std::iter::once(started()).chain(attempts).collect();
    for name in &names {
        assert_eq!(events(store, name).await, expected, "{name}");
    }
}

pub(super) async fn refused_spoils_none(store: &dyn Store) {
    admit_all(store, &["a", "b", "c"]).await;
    let names = ["a", "nobody", "b", "c", "a", "nobody", "c"];
    let calls = names.iter().enumerate().map(|(n, name)| {
        let kind = if n == 3 { started() } else { woken("A") };
        let batch = vec![step(name, vec![kind])];
        Box::pin(async move { store.append(batch).await.is_ok() })
    });
    let expected = [true, false, true, false, true, false, true];
    assert_eq!(join(calls.collect()).await, expected);
    assert_eq!(events(store, "a").await, [started(), woken("A"), woken("A")]);
    assert_eq!(events(store, "b").await, [started(), woken("A")]);
    assert_eq!(events(store, "c").await, [started(), woken("A")]);
}
