//! `# lint: ignore[slug]` and what becomes of it.

use super::check;

#[test]
fn comments_suppress_their_line_or_the_one_below() {
    check(
        "- { name: A, compose: \"@variables('x')\" } # lint: ignore[unknown-variable] later",
        &[],
    );
    check(
        "# lint: ignore[unknown-variable] later\n- { name: A, compose: \"@variables('x')\" }",
        &[],
    );
    check(
        "# lint: ignore[unknown-variable] later\n# lint: ignore[unknown-function]\n\
         - { name: A, compose: \"@variables(nope('x'))\" } # lint: ignore[unknown-variable]",
        &[
            "flow.yaml:4:18: warning[unused-suppression]: nothing to suppress: line 6 has no \
             `unknown-variable` (remove the comment)",
            "flow.yaml:6:66: warning[unused-suppression]: nothing to suppress: line 6 has no \
             `unknown-variable` (remove the comment)",
        ],
    );
    check(
        "- name: A # lint: ignore[unknown-variable, unknown-function]\n  \
         compose: \"@concat(variables('x'), nope())\" # lint: ignore[unknown-variable, unknown-function]",
        &[
            "flow.yaml:4:28: warning[unused-suppression]: nothing to suppress: line 4 has no \
             `unknown-variable` (remove the comment)",
            "flow.yaml:4:46: warning[unused-suppression]: nothing to suppress: line 4 has no \
             `unknown-function` (remove the comment)",
        ],
    );
}

#[test]
fn only_comments_suppress() {
    check(
        "- { name: A, compose: \"# lint: ignore[unknown-variable] @{variables('x')}\" }",
        &["flow.yaml:4:71: error[unknown-variable]: there is no variable `x` \
           (initialize it first, at the top level)"],
    );
    check("# please lint: ignore[unknown-variable]\n- { name: A, compose: 1 }", &[]);
}

#[test]
fn unknown_rules_are_reported() {
    check(
        "- { name: A, compose: 1 } # lint: ignore[unknown-varable, zzz]",
        &[
            "flow.yaml:4:44: warning[unused-suppression]: there is no rule `unknown-varable` \
             (did you mean `unknown-variable`?)",
            "flow.yaml:4:61: warning[unused-suppression]: there is no rule `zzz` \
             (the rules are those of `docs/rules`)",
        ],
    );
}
