//! Cases of versions in their order, and of the log of changes.

use base::{Duration, Timestamp};
use serde_json::{Value, json};

use super::{FlowVersion, Store, at};
use crate::audit::{AUDIT_KEPT, AuditAbout, AuditEntry, AuditFilter};

pub(super) async fn versions_newest_first(store: &dyn Store) {
    let put = async |flow: &str, sha: &str| {
        let (sha, flow) = (sha.to_owned(), flow.to_owned());
        store.put_flow(FlowVersion { sha, flow, files: Vec::new() }).await.unwrap();
    };
    for (flow, sha) in [("a", "z1"), ("b", "y1"), ("a", "x2"), ("a", "z1"), ("a", "w3")] {
        put(flow, sha).await;
    }
    let listed = async |flow: &str, limit: usize| {
        let rows = store.versions(flow, limit).await.unwrap();
        rows.into_iter().map(|it| it.sha).collect::<Vec<_>>()
    };
    assert_eq!(listed("a", 9).await, ["w3", "x2", "z1"]);
    assert_eq!(listed("a", 2).await, ["w3", "x2"]);
    assert_eq!(listed("b", 9).await, ["y1"]);
    assert_eq!(listed("c", 9).await, Vec::<String>::new());
}

fn entry(second: i64, who: &str, target: &str, details: Value) -> AuditEntry {
    let (kind, role) = ("token".to_owned(), "admin".to_owned());
    AuditEntry {
        number: 0,
        at: at(second),
        who: who.to_owned(),
        action: "runs.cancel".to_owned(),
        target: target.to_owned(),
        about: AuditAbout { kind, role, source: "::1".to_owned(), details },
        status: None,
    }
}

async fn targets(store: &dyn Store, filter: &AuditFilter, before: Option<u64>) -> Vec<String> {
    let found = store.audit_log(filter, before, 2).await.unwrap();
    found.into_iter().map(|it| it.target).collect()
}

pub(super) async fn changes_are_noted(store: &dyn Store) {
    let details = json!({ "reason": "it's \u{1f600} \"so\"" });
    let first = store.audit(entry(1, "ada", "r1", details.clone())).await.unwrap();
    let second = store.audit(entry(2, "bob", "r2", Value::Null)).await.unwrap();
    let third = store.audit(entry(3, "ada", "r3", json!([]))).await.unwrap();
    assert!(first < second && second < third, "{first} {second} {third}");
    let all = AuditFilter::default();
    assert_eq!(targets(store, &all, None).await, ["r3", "r2"]);
    assert_eq!(targets(store, &all, Some(second)).await, ["r1"]);
    let kept = store.audit_log(&all, Some(second), 9).await.unwrap();
    assert_eq!(kept, [AuditEntry { number: first, ..entry(1, "ada", "r1", details) }]);
    let by = |who: &str| AuditFilter { who: Some(who.to_owned()), ..AuditFilter::default() };
    assert_eq!(targets(store, &by("ada"), None).await, ["r3", "r1"]);
    assert_eq!(targets(store, &by("eve"), None).await, Vec::<String>::new());
    let (from, until) = (Some(at(2)), Some(at(3)));
    assert_eq!(targets(store, &AuditFilter { from, until, ..all }, None).await, ["r2"]);
    let of = AuditFilter { target: Some("r1".to_owned()), ..AuditFilter::default() };
    assert_eq!(targets(store, &of, None).await, ["r1"]);
    let action = Some("flows.save".to_owned());
    let other = AuditFilter { action, ..AuditFilter::default() };
    assert_eq!(targets(store, &other, None).await, Vec::<String>::new());
}

pub(super) async fn changes_are_answered(store: &dyn Store) {
    let number = store.audit(entry(1, "ada", "r1", Value::Null)).await.unwrap();
    store.audited(number, 409).await.unwrap();
    store.audited(number + 100, 200).await.unwrap();
    let over = AuditEntry { status: Some(201), ..entry(2, "ada", "r1", Value::Null) };
    store.audit(over).await.unwrap();
    let all = store.audit_log(&AuditFilter::default(), None, 9).await.unwrap();
    assert_eq!(all.iter().map(|it| it.status).collect::<Vec<_>>(), [Some(201), Some(409)]);
}

pub(super) async fn old_changes_go(store: &dyn Store) {
    let old = store.audit(entry(1, "ada", "old", Value::Null)).await.unwrap();
    let late: Timestamp = at(1).after(AUDIT_KEPT).after(Duration::seconds(1));
    let new = AuditEntry { at: late, ..entry(1, "ada", "new", Value::Null) };
    let new = store.audit(new).await.unwrap();
    assert!(old < new);
    assert_eq!(targets(store, &AuditFilter::default(), None).await, ["new"]);
}
