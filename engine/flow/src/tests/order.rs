//! `runAfter` in its three forms, parallel branches, cycles, and what is over when.

use super::{around_actions, faults, flow};
use crate::{Flow, graph, resolve};

/// The predecessors of every action as `Name: Before[Statuses] …`.
fn edges(flow: &Flow) -> Vec<String> {
    let mut lines = Vec::new();
    for action in &flow.actions {
        let mut line = format!("{}:", action.display);
        for after in &action.run_after {
            let statuses: Vec<_> = after.statuses.iter().map(base::Status::name).collect();
            let name = &flow.action(after.predecessor).display;
            line = format!("{line} {name}[{}]", statuses.join(","));
        }
        lines.push(line);
    }
    lines
}

fn check(actions: &str, expected: &[&str]) {
    assert_eq!(edges(&flow(&around_actions(actions))), expected, "{actions}");
}

#[test]
fn run_after_has_three_forms() {
    check(
        "- { name: A, compose: 1 }\n\
         - { name: B, compose: 2 }\n\
         - { name: C c, compose: 3, runAfter: {} }\n\
         - { name: D, compose: 4, runAfter: { c_C: [Failed, timedOut], a: [SKIPPED] } }\n\
         - { name: E, compose: 5 }",
        &["A:", "B: A[Succeeded]", "C c:", "D: C c[Failed,TimedOut] A[Skipped]", "E: D[Succeeded]"],
    );
}

#[test]
fn blocks_have_orders_of_their_own() {
    check(
        "- name: S\n  scope:\n    - { name: A, compose: 1 }\n    - { name: B, compose: 2 }\n\
         - name: I\n  if: '@true'\n  then: [{ name: C, compose: 3 }]\n  else: [{ name: D, compose: 4 }]",
        &["S:", "A:", "B: A[Succeeded]", "I: S[Succeeded]", "C:", "D:"],
    );
}

#[test]
fn parallel_is_short_for_branches() {
    check(
        "- { name: A, compose: 1 }\n\
         - parallel:\n    - [{ name: B, compose: 2 }, { name: C, compose: 3 }]\n    \
         - [{ name: D, compose: 4 }]\n    - []\n\
         - { name: E, compose: 5 }",
        &[
            "A:",
            "B: A[Succeeded]",
            "C: B[Succeeded]",
            "D: A[Succeeded]",
            "E: C[Succeeded] D[Succeeded]",
        ],
    );
}

#[test]
fn impossible_orders_are_reported() {
    let block = "- { name: A, compose: 1, runAfter: { B: [Succeeded] } }\n\
                 - { name: B, compose: 2 }\n\
                 - { name: C, compose: 3, runAfter: { Bb: [Succeeded], C: [Failed], D: [Failed] } }\n\
                 - { name: S, scope: [{ name: D, compose: 4 }], runAfter: { A: [Done], C: [] } }";
    assert_eq!(
        faults(&around_actions(block)),
        [
            "5:13 bad-run-after actions wait for each other: `A` after `B` after `A` \
             (remove one of the `runAfter` entries)",
            "7:40 bad-run-after there is no action `Bb` (did you mean `B`?)",
            "7:57 bad-run-after `C` runs after itself (remove this line)",
            "7:70 bad-run-after `D` is not in the same block \
             (name an action beside this one, or the container around it)",
            "8:66 wrong-type a status of `runAfter` cannot be `Done` \
             (one of Succeeded, Failed, Skipped, TimedOut, Cancelled)",
            "8:76 bad-run-after no status of `C` would let this action start (write `[Succeeded]`)",
        ]
    );
}

#[test]
fn names_with_commas_need_quotes_in_braces() {
    let block = "- { name: 'If so, then, do', compose: 1 }\n\
                 - name: B\n  compose: 2\n  runAfter: { If so, then, do: [Failed] }\n\
                 - name: C\n  compose: 3\n  runAfter:\n    If so, then, do: [Failed]";
    assert_eq!(
        faults(&around_actions(block)),
        ["8:17 bad-run-after inside `{ }` a name with a comma must be quoted \
          (write \"If so, then, do\")"]
    );
}

#[test]
fn what_is_over_is_known() {
    let flow = flow(&around_actions(
        "- { name: A, compose: 1 }\n\
         - name: S\n  scope:\n    - { name: B, compose: 2 }\n    - name: L\n      foreach: '@body()'\n      \
         actions: [{ name: C, compose: 3 }, { name: D, compose: 4 }]\n\
         - { name: E, compose: 5 }\n\
         - { name: F, compose: 6, runAfter: { S: [Succeeded] } }",
    ));
    let upstream = resolve::Upstream::new(&flow);
    let id = |name| flow.find(name).unwrap();
    let names = |ids: Vec<usize>| {
        ids.into_iter().map(|it| flow.action(it).display.as_str()).collect::<Vec<_>>().join(" ")
    };
    for (name, before) in [
        ("A", ""),
        ("S", "A"),
        ("B", "A"),
        ("C", "A B"),
        ("D", "A B C"),
        ("E", "A S B L C D"),
        ("F", "A S B L C D"),
    ] {
        assert_eq!(names(upstream.before(id(name))), before, "{name}");
    }
    assert_eq!(names(resolve::loops(&flow, id("D")).collect()), "L");
    assert_eq!(names(graph::order(&flow, &flow.root)), "A S E F");
}
