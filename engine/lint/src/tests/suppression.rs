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

#[test]
fn blocks_files_and_next_lines_are_suppressed() {
    let fault = "- { name: A, compose: \"@variables('x')\" }";
    check(&format!("# lint: ignore-file[unknown-variable] an old one\n{fault}"), &[]);
    check(&format!("{fault}\n# lint: ignore-file[unknown-variable] an old one"), &[]);
    check(&format!("# lint: ignore-next-line[unknown-variable] because\n{fault}"), &[]);
    check(
        "- { name: V, compose: 1 } # lint: ignore-next-line[unknown-variable]\n\
         - { name: A, compose: \"@variables('x')\" }",
        &[],
    );
    check(
        "# lint: ignore-start[unknown-variable] until it is there\n- { name: O, compose: 1 }\n\
         - { name: A, compose: \"@variables('x')\" }\n# lint: ignore-end[unknown-variable]\n\
         - { name: B, compose: \"@variables('x')\" }",
        &["flow.yaml:8:37: error[unknown-variable]: there is no variable `x` \
           (initialize it first, at the top level)"],
    );
}

#[test]
fn beginnings_and_ends_belong_together() {
    check(
        "# lint: ignore-start[unknown-variable]\n- { name: A, compose: \"@variables('x')\" }",
        &["flow.yaml:4:24: warning[unused-suppression]: there is no `ignore-end` for this"],
    );
    check(
        "- { name: A, compose: 1 }\n# lint: ignore-end[unknown-variable]",
        &["flow.yaml:5:22: warning[unused-suppression]: there is no `ignore-start` for this"],
    );
    check(
        "# lint: ignore-start[unknown-variable]\n- { name: A, compose: 1 }\n\
         # lint: ignore-end[unknown-variable]",
        &[
            "flow.yaml:4:24: warning[unused-suppression]: nothing to suppress: lines 4 to 6 have no \
           `unknown-variable` (remove the comment)",
        ],
    );
    check(
        "# lint: ignore-file[unknown-variable]\n- { name: A, compose: 1 }",
        &["flow.yaml:4:23: warning[unused-suppression]: nothing to suppress: this file has no \
           `unknown-variable` (remove the comment)"],
    );
}

#[test]
fn what_is_not_looked_for_is_not_missed() {
    check("- { name: A, compose: 1 } # lint: ignore[default-name] a pedantic rule", &[]);
}
