//! Cases of stores that several processes share. Each wants an empty store.

use async_trait::async_trait;
use base::RunId;
use serde_json::json;

use super::{
    Admission, Admitted, Append, EventKind, Shards, Status, Store, StoreError, admission, at,
    finished, join, keyed, path, put_sample, run, step, timer, trigger, version, woken,
};
use crate::{Lease, Nodes, Note, Post, Shard, TriggerState};

/// A store that processes may join.
#[async_trait]
pub trait Party: Sync {
    /// One more process.
    async fn join(&self, name: &str) -> Box<dyn Store>;
    /// Gives the process of a name up for lost, whether it is there or not.
    async fn lose(&self, name: &str);
}

/// A case: panics if the store breaks the promise that the case is named after.
pub type Case = for<'a> fn(&'a dyn Party) -> super::BoxFuture<'a>;

/// Every case with its name.
pub const CASES: &[(&str, Case)] = &[
    ("nodes_share_what_there_is", |it| Box::pin(share_what_there_is(it))),
    ("nodes_write_to_their_own_only", |it| Box::pin(write_to_their_own_only(it))),
    ("nodes_admit_for_each_other", |it| Box::pin(admit_for_each_other(it))),
    ("nodes_leave_notes", |it| Box::pin(leave_notes(it))),
    ("nodes_that_are_lost_write_nothing", |it| Box::pin(lost_write_nothing(it))),
    ("nodes_that_are_lost_come_back", |it| Box::pin(lost_come_back(it))),
    ("nodes_that_leave_give_all_back", |it| Box::pin(leaving_gives_all_back(it))),
    ("nodes_start_one_run_for_one_event", |it| Box::pin(one_run_for_one_event(it))),
    ("nodes_read_what_is_theirs", |it| Box::pin(read_what_is_theirs(it))),
    ("nodes_are_listed", |it| Box::pin(are_listed(it))),
];

fn nodes(store: &dyn Store) -> &dyn Nodes {
    store.shared().unwrap()
}

async fn lease(store: &dyn Store) -> Lease {
    nodes(store).lease().await.unwrap()
}

/// Two processes with a half each.
async fn two(party: &dyn Party) -> (Box<dyn Store>, Box<dyn Store>) {
    let (one, other) = (party.join("one").await, party.join("other").await);
    put_sample(&*one).await;
    let surplus = lease(&*one).await.surplus;
    let given = Shards::ALL.iter().take(surplus).collect();
    nodes(&*one).release(given).await.unwrap();
    assert_eq!(lease(&*other).await.owned, given);
    (one, other)
}

/// The name of a run of a shard.
fn named(prefix: &str, shards: Shards) -> String {
    let mut names = (0..).map(|n| format!("{prefix}-{n}"));
    names.find(|name| shards.contains(Shard::of_run(&run(name)))).unwrap()
}

/// The name of a flow whose triggers belong to a shard.
fn flow_in(shards: Shards) -> String {
    let mut names = (0..).map(|n| format!("flow-{n}"));
    names.find(|name| shards.contains(Shard::of_flow(name))).unwrap()
}

fn assert_fenced<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Fenced)), "{result:?}");
}

async fn n_events(store: &dyn Store, name: &str) -> usize {
    store.load(&run(name)).await.unwrap().map_or(0, |(_, events)| events.len())
}

async fn notes(store: &dyn Store) -> Vec<Note> {
    let mail = nodes(store).mail(Shards::ALL, 100).await.unwrap();
    mail.into_iter().map(|it| it.note).collect()
}

async fn share_what_there_is(party: &dyn Party) {
    let one = party.join("one").await;
    let all = Lease { owned: Shards::ALL, lost: Shards::NONE, surplus: 0 };
    assert_eq!(lease(&*one).await, all);
    assert_eq!(lease(&*one).await, all);
    let two = party.join("two").await;
    assert_eq!(lease(&*two).await.owned, Shards::NONE, "nothing is taken from who is there");
    let half = lease(&*one).await;
    assert_eq!((half.owned, half.surplus), (Shards::ALL, 32));
    let given: Shards = Shards::ALL.iter().take(32).collect();
    nodes(&*one).release(given).await.unwrap();
    assert!(!nodes(&*one).owns(Shard::new(0)));
    assert_eq!(lease(&*two).await, Lease { owned: given, ..Lease::default() });
    assert_eq!(lease(&*one).await.owned, Shards::ALL.without(given));
    // A third one gets from both.
    let three = party.join("three").await;
    for (store, has) in [(&one, Shards::ALL.without(given)), (&two, given)] {
        let surplus = lease(&**store).await.surplus;
        assert_eq!(surplus, 10);
        nodes(&**store).release(has.iter().take(surplus).collect()).await.unwrap();
    }
    let all = [lease(&*one).await, lease(&*two).await, lease(&*three).await];
    assert_eq!(all.map(|it| (it.owned.len(), it.surplus)), [(22, 0), (22, 0), (20, 0)]);
    let union = all.iter().fold(Shards::NONE, |union, it| union.with(it.owned));
    assert_eq!(union, Shards::ALL, "each is somebody's");
}

async fn write_to_their_own_only(party: &dyn Party) {
    let (one, other) = two(party).await;
    let (mine, its) = (lease(&*one).await.owned, lease(&*other).await.owned);
    let (a, b) = (named("a", mine), named("b", its));
    one.admit(vec![admission(&a), admission(&b)]).await.unwrap();
    assert_fenced(&one.append(vec![step(&b, vec![woken("A")])]).await);
    assert_fenced(&other.append(vec![step(&a, vec![woken("A")])]).await);
    assert_fenced(&one.append(vec![step(&a, vec![woken("A")]), step(&b, Vec::new())]).await);
    assert_eq!((n_events(&*one, &a).await, n_events(&*one, &b).await), (1, 1));
    // What is refused spoils nothing else.
    let calls = [(&a, &one), (&b, &one), (&a, &one), (&b, &other)];
    let calls = calls.map(|(name, by)| by.append(vec![step(name, vec![woken("A")])]));
    let results = join(calls.into_iter().collect()).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!((n_events(&*one, &a).await, n_events(&*one, &b).await), (3, 2));

    let state = |shards| TriggerState { flow: flow_in(shards), ..trigger("Daily", 1) };
    one.advance(Vec::new(), vec![state(mine)]).await.unwrap();
    assert_fenced(&one.advance(vec![admission("c")], vec![state(its)]).await);
    assert_eq!(n_events(&*one, "c").await, 0, "all or none");
    other.advance(Vec::new(), vec![state(its)]).await.unwrap();
    assert_eq!(one.triggers().await.unwrap().len(), 2);
    other.put_flow(version("anybody")).await.unwrap();
}

async fn admit_for_each_other(party: &dyn Party) {
    let (one, other) = two(party).await;
    let (mine, its) = (lease(&*one).await.owned, lease(&*other).await.owned);
    let (a, b, c) = (named("a", mine), named("b", its), named("c", its));
    let ordered = Admission { key: Some("k".to_owned()), ..keyed(&b, "event") };
    let admitted = one.admit(vec![admission(&a), ordered.clone()]).await.unwrap();
    assert_eq!(admitted, [Admitted::New(run(&a)), Admitted::New(run(&b))]);
    let begin = Post::begin(&ordered).note;
    assert_eq!(notes(&*other).await, std::slice::from_ref(&begin));
    assert_eq!(nodes(&*one).mail(mine, 9).await.unwrap(), []);
    let known = Admission { run: run(&c), ..ordered };
    assert_eq!(one.admit(vec![known]).await.unwrap(), [Admitted::Duplicate(run(&b))]);
    assert_eq!(notes(&*other).await, std::slice::from_ref(&begin), "nothing was begun");
    let child = Append { children: vec![admission(&c)], ..step(&a, vec![woken("Call")]) };
    one.append(vec![child]).await.unwrap();
    assert_eq!(notes(&*other).await, [begin, Post::begin(&admission(&c)).note]);
    other.append(vec![step(&b, vec![woken("A")])]).await.unwrap();
    other.append(vec![step(&c, vec![finished(Status::Succeeded)])]).await.unwrap();
}

async fn leave_notes(party: &dyn Party) {
    let (one, other) = two(party).await;
    let (mine, its) = (lease(&*one).await.owned, lease(&*other).await.owned);
    let (a, b) = (named("a", mine), named("b", its));
    one.admit(vec![admission(&a)]).await.unwrap();
    let event = |text: &str| {
        let kind = EventKind::Called { outputs: json!({ "body": text, "nul": "\u{0}" }) };
        Post::event(&run(&b), path("A"), kind)
    };
    let posts = vec![event("one"), event("two")];
    one.append(vec![Append { posts: posts.clone(), ..step(&a, vec![woken("A")]) }]).await.unwrap();
    let refused = Append { posts: posts.clone(), ..step(&b, vec![woken("A")]) };
    assert_fenced(&one.append(vec![refused]).await);
    let message = Note::Message {
        flow: "f".to_owned(),
        trigger: "t".to_owned(),
        key: "k".to_owned(),
        inputs: json!([1]),
    };
    let message = Post { shard: Shard::of_run(&run(&b)), note: message };
    nodes(&*one).post(vec![message.clone()]).await.unwrap();
    let expected = [posts, vec![message]].concat();
    let mail = nodes(&*other).mail(its, 10).await.unwrap();
    assert_eq!(
        mail.iter().map(|it| &it.note).collect::<Vec<_>>(),
        expected.iter().map(|it| &it.note).collect::<Vec<_>>()
    );
    assert!(mail.iter().all(|it| its.contains(it.shard)) && mail.is_sorted_by_key(|it| it.id));
    assert_eq!(nodes(&*other).mail(its, 2).await.unwrap(), mail[..2]);
    assert_eq!(nodes(&*other).mail(mine, 10).await.unwrap(), []);
    nodes(&*other).discard(vec![mail[1].id, u64::MAX]).await.unwrap();
    let left = nodes(&*one).mail(Shards::ALL, 10).await.unwrap();
    assert_eq!(left, [mail[0].clone(), mail[2].clone()]);
    // Whoever is not the owner removes nothing.
    nodes(&*one).discard(vec![mail[0].id]).await.unwrap();
    party.lose("other").await;
    nodes(&*other).discard(vec![mail[2].id]).await.unwrap();
    assert_eq!(nodes(&*one).mail(Shards::ALL, 10).await.unwrap(), left);
}

async fn lost_write_nothing(party: &dyn Party) {
    let (one, other) = two(party).await;
    let its = lease(&*other).await.owned;
    let b = named("b", its);
    other.admit(vec![admission(&b)]).await.unwrap();
    party.lose("other").await;
    assert_eq!(lease(&*one).await.owned, Shards::ALL, "it is followed");
    assert_fenced(&other.append(vec![step(&b, vec![woken("A")])]).await);
    assert_fenced(&other.append(vec![step(&b, vec![woken("A")])]).await);
    assert!(!nodes(&*other).owns(Shard::of_run(&run(&b))));
    let state = TriggerState { flow: flow_in(its), ..trigger("Daily", 1) };
    assert_fenced(&other.advance(Vec::new(), vec![state]).await);
    assert_eq!(n_events(&*one, &b).await, 1);
    one.append(vec![step(&b, vec![woken("A")])]).await.unwrap();
    // It takes in events all the same, for whoever goes on with them.
    let c = named("c", its);
    assert_eq!(other.admit(vec![admission(&c)]).await.unwrap(), [Admitted::New(run(&c))]);
    assert_eq!(notes(&*one).await, [Post::begin(&admission(&c)).note]);
}

async fn lost_come_back(party: &dyn Party) {
    let (one, other) = two(party).await;
    let its = lease(&*other).await.owned;
    let b = named("b", its);
    other.admit(vec![admission(&b)]).await.unwrap();
    party.lose("other").await;
    lease(&*one).await;
    let back = lease(&*other).await;
    assert_eq!(back, Lease { owned: Shards::NONE, lost: its, surplus: 0 });
    let surplus = lease(&*one).await.surplus;
    assert_eq!(surplus, 32, "it counts again");
    nodes(&*one).release(its).await.unwrap();
    // It takes nothing as long as something of what it had may be under way.
    assert_eq!(lease(&*other).await, back);
    assert_fenced(&other.append(vec![step(&b, vec![woken("A")])]).await);
    nodes(&*other).release(its).await.unwrap();
    assert_eq!(lease(&*other).await, Lease { owned: its, ..Lease::default() });
    other.append(vec![step(&b, vec![woken("A")])]).await.unwrap();
    assert_fenced(&one.append(vec![step(&b, vec![woken("A")])]).await);
}

async fn leaving_gives_all_back(party: &dyn Party) {
    let (one, other) = two(party).await;
    let a = named("a", lease(&*one).await.owned);
    one.admit(vec![admission(&a)]).await.unwrap();
    nodes(&*one).leave().await.unwrap();
    assert_eq!(lease(&*other).await, Lease { owned: Shards::ALL, ..Lease::default() });
    assert_fenced(&one.append(vec![step(&a, vec![woken("A")])]).await);
    assert_fenced(&one.admit(vec![admission("b")]).await);
    assert_fenced(&nodes(&*one).lease().await);
    other.append(vec![step(&a, vec![woken("A")])]).await.unwrap();
}

async fn one_run_for_one_event(party: &dyn Party) {
    let (one, other) = two(party).await;
    for round in 0..20 {
        let event = |n: usize| {
            let names = (0..4)
                .map(|k| keyed(&format!("{round}-{n}-{k}"), &format!("{round}-{}", (n + k) % 4)));
            names.collect::<Vec<_>>()
        };
        let calls = vec![
            one.admit(event(0)),
            other.admit(event(1)),
            one.admit(event(2)),
            other.admit(event(3)),
        ];
        let all: Vec<Admitted> = join(calls).await.into_iter().flat_map(Result::unwrap).collect();
        let new = all.iter().filter(|it| matches!(it, Admitted::New(_))).count();
        assert_eq!((all.len(), new), (16, 4), "{all:?}");
    }
}

async fn read_what_is_theirs(party: &dyn Party) {
    let (one, other) = two(party).await;
    let (mine, its) = (lease(&*one).await.owned, lease(&*other).await.owned);
    let (a, b) = (named("a", mine), named("b", its));
    one.admit(vec![admission(&b), admission(&a)]).await.unwrap();
    let arm = |name: &str, due| {
        let arm = vec![timer(name, "A", false, due), timer(name, "B", false, due + 2)];
        Append { arm, ..step(name, Vec::new()) }
    };
    one.append(vec![arm(&a, 5)]).await.unwrap();
    other.append(vec![arm(&b, 4)]).await.unwrap();
    let names = async |store: &dyn Store, shards| {
        let rows = store.awake_runs(shards, 0, 9).await.unwrap();
        rows.into_iter().map(|it| it.run).collect::<Vec<RunId>>()
    };
    assert_eq!(names(&*other, mine).await, [run(&a)]);
    assert_eq!(names(&*one, its).await, [run(&b)]);
    assert_eq!(names(&*one, Shards::ALL).await, [run(&b), run(&a)]);
    assert_eq!(names(&*one, Shards::NONE).await, Vec::<RunId>::new());
    let due = async |shards| one.due(shards, at(99), 9).await.unwrap();
    assert_eq!(due(mine).await, [timer(&a, "A", false, 5), timer(&a, "B", false, 7)]);
    assert_eq!(due(its).await, [timer(&b, "A", false, 4), timer(&b, "B", false, 6)]);
    let all: Vec<i64> = due(Shards::ALL).await.iter().map(|it| it.due.ticks()).collect();
    assert_eq!(all, [4, 5, 6, 7]);
    assert_eq!(one.due(Shards::ALL, at(99), 3).await.unwrap().len(), 3);
    assert_eq!(due(Shards::NONE).await, []);
    assert_eq!(one.next_due(mine).await.unwrap(), Some(at(5)));
    assert_eq!(one.next_due(its).await.unwrap(), Some(at(4)));
    assert_eq!(one.next_due(Shards::NONE).await.unwrap(), None);
}

async fn are_listed(party: &dyn Party) {
    let (one, _other) = two(party).await;
    let gone = party.join("gone").await;
    nodes(&*gone).leave().await.unwrap();
    let rows = nodes(&*one).nodes().await.unwrap();
    let rows: Vec<_> =
        rows.iter().map(|it| (it.name.as_str(), it.shards, it.state.name())).collect();
    assert_eq!(rows, [("one", 32, "alive"), ("other", 32, "alive"), ("gone", 0, "left")]);
}
