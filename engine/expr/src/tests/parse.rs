//! What is read from an expression, and what is said of a broken one.

use crate::Template;

/// The faults of an expression, one a line: where, what.
fn check(expression: &str, expected: &[&str]) {
    let (_, errors) = Template::parse_expression(expression);
    let faults: Vec<_> = errors
        .iter()
        .map(|error| format!("{}..{} {}", error.range.start, error.range.end, error.message))
        .collect();
    assert_eq!(faults, expected, "{expression}");
}

#[test]
fn whole_expressions() {
    let fine = [
        "42",
        "-1.5e3",
        "'it''s'",
        "NULL",
        "True",
        "body('a').b",
        "body('a')?.b",
        "body('a')['b']",
        "body('a')?['b']?[0].c",
        " concat ( 'a' , \n\t'b' ) ",
        "concat('a',\u{a0}'b')",
        "f().1a",
        "f()[g(1)]",
        "utcnow()",
        "body('x')?.a-b",
        "concat('}')",
        "+.5",
        "-1.",
    ];
    for expression in fine {
        check(expression, &[]);
    }
}

#[test]
fn faults_have_places() {
    check("concat('a'", &["6..7 this has no closing `)`: found the end"]);
    check(
        "body('a",
        &["4..5 this has no closing `)`: found the end", "5..7 the text has no closing quote"],
    );
    check("body('a')['b'", &["9..10 this has no closing `]`: found the end"]);
    check("body('a')?", &["9..10 after `?` comes `.name` or `['name']`"]);
    check("body('a').", &["10..10 after `.` comes a name, not the end"]);
    check("name", &["0..4 `name` is neither a call nor a literal"]);
    check("'a'.b", &["3..4 nothing can be taken out of a literal"]);
    check("1 2", &["2..3 a number follows a complete expression"]);
    check("f(,)", &["2..3 expected a value, found `,`", "3..4 expected a value, found `)`"]);
    check("", &["0..0 expected a value, found the end"]);
    check("length([1])", &["7..8 there are no list literals"]);
    check(
        "99999999999999999999",
        &["0..20 `99999999999999999999` does not fit in a 64-bit integer"],
    );
    check("1e", &["0..2 `1e` is not a number"]);
    check("12ab", &["0..4 `12ab` is not a number"]);
    check("a + b()", &["0..1 `a` is neither a call nor a literal", "2..3 `+` is not a number"]);
    check("f(#)", &["2..3 `#` is neither a call nor a literal"]);
    check("f({})", &["2..3 there are no object literals"]);
}

#[test]
fn input_never_panics() {
    let seeds = [
        "@{", "f(", "'", "[", "]", "?", ".", "ä", "\u{2003}", ",", ")", "1", "-", "{{", "}}", "$.",
    ];
    for a in seeds {
        for b in seeds {
            for c in seeds {
                let text = format!("{a}{b}{c}{a}");
                drop(Template::parse_expression(&text));
                for dialect in [crate::Dialect::Flowright, crate::Dialect::Wdl] {
                    let (template, errors) = Template::parse(&text, dialect);
                    for error in errors {
                        assert!(text.get(error.range.clone()).is_some(), "{text}: {error:?}");
                    }
                    drop(template.eval(&super::world::World::of_examples()));
                    drop(template.uses());
                }
            }
        }
    }
}
