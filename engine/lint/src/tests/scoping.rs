//! What a string may refer to, by where it stands.

use super::check;

#[test]
fn conditions_of_until_look_at_their_own_pass() {
    let inner = "actions: [{ name: A, compose: 1 }]";
    check(
        &format!(
            "- {{ name: U, until: \"@equals(outputs('A'), iterationIndexes('U'))\", {inner} }}"
        ),
        &[],
    );
    check(
        &format!("- {{ name: U, foreach: \"@outputs('A')\", {inner} }}"),
        &["flow.yaml:4:35: error[not-upstream-reference]: `A` is not over when this runs \
           (it stands in the container that this starts)"],
    );
    check(
        "- name: U\n  until: '@empty(guid())'\n  actions:\n    \
         - { name: A, compose: \"@add(iterationIndexes('U'), 1)\" }\n\
         - { name: B, compose: \"@iterationIndexes('U')\" }",
        &["flow.yaml:8:44: error[loop-item-out-of-scope]: this does not stand in the loop `U` \
           (no `until` is around this)"],
    );
}

#[test]
fn tracked_properties_look_at_their_own_action() {
    check(
        "- { name: A, compose: 1, trackedProperties: { is: \"@outputs('A')\", own: \"@action()\" } }",
        &[],
    );
    check(
        "- { name: A, compose: \"@outputs('A')\" }",
        &["flow.yaml:4:35: error[not-upstream-reference]: `A` is not over when this runs \
           (an action cannot look at its own outputs)"],
    );
}

#[test]
fn items_belong_to_loops_and_lists() {
    check("- { name: S, select: { a: \"@item()\" }, from: \"@createArray(1)\" }", &[]);
    check("- { name: S, filter: \"@equals(item(), 1)\", from: \"@createArray(1)\" }", &[]);
    check(
        "- { name: S, select: 1, from: \"@item()\" }",
        &["flow.yaml:4:35: error[loop-item-out-of-scope]: there is no item here \
           (`foreach`, `select`, `filter` and the columns of `table` have items)"],
    );
    check(
        "- name: L\n  foreach: \"@createArray(1)\"\n  actions:\n    \
         - { name: A, compose: \"{{item}} {{items.L}}\" }\n    \
         - { name: S, select: \"@items('L')\", from: \"@item()\" }\n    \
         - { name: T, compose: \"@items('A')\" }\n    \
         - { name: U, compose: \"@items('Nope')\" }",
        &[
            "flow.yaml:9:37: error[loop-item-out-of-scope]: `A` is not a `foreach` \
             (name a `foreach` around this)",
            "flow.yaml:10:37: error[unknown-action-reference]: there is no action `Nope` \
             (known: `L`, `A`, `S`, `T`, `U`)",
        ],
    );
    check("- { name: A, compose: \"{{#each (createArray 1 2)}}{{this}}{{/each}}\" }", &[]);
}

#[test]
fn branches_do_not_see_each_other() {
    check(
        "- name: I\n  if: \"@equals(utcNow(), 'x')\"\n  then: [{ name: A, compose: 1 }]\n  \
         else: [{ name: B, compose: \"@outputs('A')\" }]\n\
         - { name: C, compose: \"@outputs('A')\" }",
        &[
            "flow.yaml:7:42: error[not-upstream-reference]: `A` is not over when this runs \
           (the two stand in different branches, of which only one runs)",
            "flow.yaml:8:27: warning[maybe-skipped-reference]: `A` stands in a branch of `I`: \
           if that is not taken, this is null (write `coalesce(…, …)`, or move this into the branch)",
        ],
    );
    check(
        "- parallel:\n    - [{ name: A, compose: 1 }]\n    - [{ name: B b, compose: \"@outputs('A')\" }]\n\
         - { name: C, compose: \"@outputs('B b')\" }",
        &["flow.yaml:6:42: error[not-upstream-reference]: `A` is not over when this runs \
           (the two run side by side: add `runAfter: { A: [Succeeded] }` to `B b`)"],
    );
    check(
        "- { name: A, compose: $.actions.B.body }\n- { name: B, compose: 1 }",
        &["flow.yaml:4:25: error[not-upstream-reference]: `B` is not over when this runs \
           (it runs later: change the order of the two)"],
    );
    check(
        "- name: S\n  scope:\n    - { name: A, compose: \"@actions('S')\" }\n\
         - { name: B, compose: \"@result('S')\" }",
        &["flow.yaml:6:39: error[not-upstream-reference]: `S` is not over when this runs \
           (a container is over only after everything in it)"],
    );
}

#[test]
fn names_fold_case_and_blanks() {
    check(
        "- { name: Get it, compose: 1 }\n- { name: B, compose: \"@outputs('get_it')\" }\n\
         - { name: C, compose: \"@outputs('Get it')\", runAfter: { b: [Succeeded] } }",
        &[
            "flow.yaml:5:35: warning[case-mismatch]: `get_it` is written `Get_it` where it is defined",
            "flow.yaml:6:59: warning[case-mismatch]: `b` is written `B` where it is defined (write `B`)",
        ],
    );
    check(
        "- { name: V, initialize: { name: Count, type: integer } }\n\
         - { name: I, increment: { name: count } }\n\
         - { name: A, compose: \"@variables('Count')\" }",
        &[],
    );
}
