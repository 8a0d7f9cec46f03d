//! Edits that findings offer: applied, the finding is gone.

use super::{around, findings};

fn check(actions: &str, expected: &str) {
    let mut text = around(actions);
    let found = findings(&text);
    let mut fixes: Vec<_> =
        found.iter().flat_map(|it| &it.found).map(|it| it.fix.clone().unwrap()).collect();
    fixes.sort_by_key(|it| std::cmp::Reverse(it.span.start));
    for fix in fixes {
        text.replace_range(fix.span.start..fix.span.end, &fix.text);
    }
    assert_eq!(text, around(expected));
    assert!(findings(&text).is_empty(), "{text}");
}

#[test]
fn fixes_mend_what_was_found() {
    check(
        "- { name: Get it, compose: 1 }\n- { name: B, compose: \"@outputs('get_it')\" }\n\
         - { name: C, compose: \"@UTCNOW()\" }\n- { name: D, compose: $.actions.get_it.outputs }\n\
         - { name: E, compose: 'at {{utcnow}}, {{actions.get_it.outputs}}' }",
        "- { name: Get it, compose: 1 }\n- { name: B, compose: \"@outputs('Get_it')\" }\n\
         - { name: C, compose: \"@utcNow()\" }\n- { name: D, compose: $.actions.Get_it.outputs }\n\
         - { name: E, compose: 'at {{utcNow}}, {{actions.Get_it.outputs}}' }",
    );
    check(
        "- { name: I, if: \"@{equals(guid(), 'x')}\", then: [{ name: J, compose: 1 }] }",
        "- { name: I, if: \"@equals(guid(), 'x')\", then: [{ name: J, compose: 1 }] }",
    );
    check("- { name: N, compose: @utcNow() }", "- { name: N, compose: \"@utcNow()\" }");
}

#[test]
fn slips_of_the_fingers_are_mended() {
    check(
        "- { name: V, initialize: { name: Count, type: integr, value: 1 } }",
        "- { name: V, initialize: { name: Count, type: integer, value: 1 } }",
    );
    check(
        "- { name: V, initialize: { name: Count, type: integer, value: 1 } }\n\
         - { name: A, compose: \"@variabels('Count')\" }\n\
         - { name: B, compose: \"@variables('Cuont')\", timeuot: PT1M }",
        "- { name: V, initialize: { name: Count, type: integer, value: 1 } }\n\
         - { name: A, compose: \"@variables('Count')\" }\n\
         - { name: B, compose: \"@variables('Count')\", timeout: PT1M }",
    );
}

#[test]
fn what_may_be_several_is_not_mended() {
    let text = around(
        "- { name: Part1, compose: 1 }\n- { name: Part2, compose: 1 }\n\
         - { name: A, compose: \"@outputs('Part3')\" }",
    );
    let found = findings(&text);
    assert!(found[0].found.iter().all(|it| it.fix.is_none()), "{found:?}");
}

#[test]
fn edits_that_break_a_file_are_not_made() {
    use base::{Diagnostic, Source, Span, code};
    let source = Source::new("f.yaml", "a: 1\nb: 2\n");
    let edit = |start, end, text: &str| {
        Diagnostic::new(code::DEPRECATED, Span::new(start, end), "x").fix(
            Span::new(start, end),
            text,
            "x",
        )
    };
    let found = [edit(0, 1, "c"), edit(3, 4, "["), edit(5, 6, "d"), edit(5, 7, "overlaps")];
    let edited = crate::fix::apply(&source, &found, false);
    assert_eq!((edited.text.as_str(), edited.count), ("c: 1\nd: 2\n", 2));
    let unsafe_one = Diagnostic::new(code::DEPRECATED, Span::new(0, 1), "x");
    let unsafe_one = [unsafe_one.unsafe_fix(Span::new(0, 1), "c", "x")];
    assert_eq!(crate::fix::apply(&source, &unsafe_one, false).count, 0);
    assert_eq!(crate::fix::apply(&source, &unsafe_one, true).text, "c: 1\nb: 2\n");
}
