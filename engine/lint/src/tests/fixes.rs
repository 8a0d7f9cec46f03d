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
