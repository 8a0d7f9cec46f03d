//! How long runs take that ask nothing: `cargo bench -p interp`, or with a number of items.

#![allow(clippy::unwrap_used, reason = "a benchmark says what went wrong by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    time::{Duration, Instant},
};

use base::{Source, Status, Timestamp};
use interp::{Plan, replay};
use journal::{Event, EventKind, Path};
use serde_json::{Map, json};

/// Items of the loops.
const ITEMS: usize = 10_000;
/// Repetitions; the fastest counts, the others were interrupted.
const REPETITIONS: usize = 5;

/// Flows of which each item takes a few actions.
const FLOWS: [(&str, &str); 4] = [
    (
        "foreach, three values",
        "
- name: Each
  foreach: '@range(0, ITEMS)'
  actions:
    - { name: One, compose: '@add(item(), 1)' }
    - { name: Two, compose: { n: \"@outputs('One')\", text: \"@concat('item ', item())\" } }
    - { name: Three, compose: \"@outputs('Two')?['text']\" }
",
    ),
    (
        "foreach, a failure and two skipped",
        "
- name: Each
  foreach: '@range(0, ITEMS)'
  actions:
    - { name: One, compose: '@div(1, 0)' }
    - { name: Two, compose: 2 }
    - { name: Three, compose: 3 }
- { name: After, compose: 1, runAfter: { Each: [Failed] } }
- { name: End, terminate: Succeeded }
",
    ),
    (
        "foreach, growing variables",
        "
- { name: Init, initialize: [{ name: list, type: array, value: '@range(0, ITEMS)' }, { name: n, type: integer, value: 0 }] }
- name: Each
  foreach: '@range(0, ITEMS)'
  actions:
    - { name: One, append: { name: list, value: '@item()' } }
    - { name: Two, increment: { name: n } }
    - { name: Three, compose: \"@length(variables('list'))\" }
",
    ),
    (
        "foreach, and another one that looks into it",
        "
- { name: Each, foreach: '@range(0, ITEMS)', actions: [{ name: One, compose: '@item()' }] }
- { name: Again, foreach: '@range(0, ITEMS)', actions: [{ name: Two, compose: \"@outputs('One')\" }] }
- { name: All, compose: \"@length(result('Each'))\" }
",
    ),
];

fn main() {
    let given = std::env::args().skip(1).find_map(|it| it.parse().ok());
    let items: usize = given.unwrap_or(ITEMS);
    let mut out = std::io::stdout();
    for (name, actions) in FLOWS {
        let plan = plan(&actions.replace("ITEMS", &items.to_string()).replace('\n', "\n  "));
        let mut best = Duration::MAX;
        for _ in 0..REPETITIONS {
            let begun = Instant::now();
            let run = replay(&plan, &[started()]);
            best = best.min(begun.elapsed());
            assert_eq!(run.end().unwrap().status, Status::Succeeded, "{name}");
        }
        let text = format!("{name}: {items} items in {best:.1?}, peak memory so far {}", memory());
        writeln!(out, "{text}").unwrap();
    }
}

fn plan(actions: &str) -> Plan {
    let text = format!("flow: Bench\ntriggers: [{{ name: Go, manual: {{}} }}]\nactions:{actions}");
    let (flow, found) = flow::read(&Source::new("flow.yaml", &text));
    assert!(found.is_empty(), "{text}\n{found:?}");
    Plan::new(flow, BTreeMap::new())
}

fn started() -> Event {
    let kind = EventKind::Started {
        trigger: "Go".to_owned(),
        outputs: json!({ "headers": {}, "body": {} }).into(),
        parameters: Map::new().into(),
        seed: 1,
        run: "bench".to_owned(),
        callback: None,
        again: None,
        by: None,
    };
    Event { at: Timestamp::default(), path: Path::run(), kind }
}

/// What the system says the process has needed at most; nothing where it does not say.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|it| it.starts_with("VmHWM"));
    line.and_then(|it| it.split_once(':')).map_or("?", |(_, size)| size.trim()).to_owned()
}
