//! Layout: one style, the same values, all comments.

use super::super::{Orders, comments, format, parse};

fn laid(text: &str) -> Result<String, String> {
    format(text, |_| Orders::new())
}

fn check(text: &str, expected: &str) {
    let once = laid(text).unwrap();
    assert_eq!(once, expected, "\n{text}");
    assert_eq!(laid(&once).unwrap(), once, "not stable:\n{text}");
}

#[test]
fn what_is_laid_out_stays() {
    for text in [
        "a: 1\n",
        "# head\n\na: 1\n\n# about b\nb: [x, y]   # behind\n",
        "a:\n  - name: x\n    b: { c: 1 }\n\n  - name: y\n    # inside\n    d: |\n      text\n\n      more\n  # end of a\nz: 1\n",
        "list:\n  - - 1\n    - 2\n  - { a: b }\n",
        "a:                 # about a\n  b: 1\n",
        "a: \"@body('x')\"\nb: \"{{x}}\"\nc: 'say \"x\"'\nd: \"1\"\ne: \"yes\"\n",
        "a: >-\n  folded\n  text\nb: |-\n  # no comment\n  x\n",
        "a:\nb: ~\nc: null\n",
        "- 1\n- a: 1\n  b: 2\n",
        "runAfter: { Get, then go: [Succeeded] }\n",
        "on: 1\n\"a: b\": 2\n",
        "a: \"two\n  lines\"\n",
    ] {
        check(text, text);
    }
}

#[test]
fn indentation_and_blank_lines() {
    check("a:\n    b: 1\n    c:\n        - x\n", "a:\n  b: 1\n  c:\n    - x\n");
    check("a:\n- x\n- y\n", "a:\n  - x\n  - y\n");
    check("\n\na: 1\n\n\n\nb: 2\n\n\n", "a: 1\n\nb: 2\n");
    check("a:\n\n  b: 1\n\n\n  c: 2\n", "a:\n  b: 1\n\n  c: 2\n");
    check("a: 1   \nb:   2\n", "a: 1\nb: 2\n");
    check("---\na: 1\n", "a: 1\n");
    check("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n");
    check("a:\n  b: |\n        text\n          deeper\n", "a:\n  b: |\n    text\n      deeper\n");
    check("-   a: 1\n    b: 2\n", "- a: 1\n  b: 2\n");
    check("-\n  a: 1\n", "- a: 1\n");
    check("a: 1", "a: 1\n");
}

#[test]
fn brackets() {
    check("a: {b: 1,c: [ x,y ]}\n", "a: { b: 1, c: [x, y] }\n");
    check("a: {\n  b: 1,\n  c: 2\n}\n", "a: { b: 1, c: 2 }\n");
    check("a: { }\nb: [ ]\n", "a: {}\nb: []\n");
    let long = "x".repeat(60);
    check(
        &format!("a: {{ b: {long}, c: {long} }}  # why\n"),
        &format!("a:  # why\n  b: {long}\n  c: {long}\n"),
    );
    check(&format!("- {{ b: {long}, c: {long} }}\n"), &format!("- b: {long}\n  c: {long}\n"));
    check("a: [\n  1, # one\n  2\n]\n", "a:\n  - 1  # one\n  - 2\n");
    check("a: { b: { c: } }\n", "a: { b: { c: } }\n");
    check("[]\n", "[]\n");
}

#[test]
fn quotes() {
    check("a: \"text\"\nb: 'text'\n", "a: text\nb: text\n");
    check("a: 'it is: so'\n", "a: \"it is: so\"\n");
    check("a: [\"x\", \"y z\", \"1\", \"true\", \"\"]\n", "a: [x, y z, \"1\", \"true\", \"\"]\n");
    check("'a': 1\n", "a: 1\n");
    check("a: @body('x')\n", "a: \"@body('x')\"\n");
    check("a: {{x}}\n", "a: \"{{x}}\"\n");
}

#[test]
fn comments_stay_where_they_belong() {
    check("a: 1 # one\n  # under\nb: 2\n", "a: 1 # one\n# under\nb: 2\n");
    check(
        "a:\n  - x\n  # end of the list\n# about b\nb: 2\n# end\n",
        "a:\n  - x\n  # end of the list\n# about b\nb: 2\n# end\n",
    );
    check("a:\n  # first\n  b: 1\n", "a:\n  # first\n  b: 1\n");
    check("a: # why\n  1\n", "a: 1  # why\n");
    check("- # why\n  a: 1\n", "# why\n- a: 1\n");
    check("a: | # text\n  x\nb: 1\n", "a: | # text\n  x\nb: 1\n");
    check("# only\n", "# only\n");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    for text in
        ["a: [1\n", "a: &x 1\n", "a: 1\na: 2\n", "? a\n: 1\n", "a: |2\n    x\n", "a: |+\n  x\n\n"]
    {
        assert!(laid(text).is_err(), "{text}");
    }
}

#[test]
fn keys_are_put_in_order() {
    let order = |text: &str, order: Vec<usize>| {
        format(text, |_| Orders::from([(0, order.clone())])).unwrap()
    };
    assert_eq!(order("b: 1\n# about a\na: 2  # a\n", vec![1, 0]), "# about a\na: 2  # a\nb: 1\n");
    assert_eq!(order("b:\n  c: 1\n\na: 2\n", vec![1, 0]), "a: 2\nb:\n  c: 1\n");
}

#[test]
fn damaged_files_keep_everything_or_stay() {
    let text = "# head\na:\n  - name: x # why\n    with: { b: [1, 'two', \"@f('x')\"], c: |\n  # tail\n  - y\nz: >-\n  a\n  b\n\n# end\nlast: \"q\"\n";
    let pieces = [
        "", "#", ":", "-", " ", "\n", "\"", "'", "{", "}", "[", "]", "|", "x: 1\n", "  # c\n",
        "\t", "?", ", ", "@", "é",
    ];
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    for at in starts {
        for piece in pieces {
            for cut in [0, 1, 7] {
                let (head, tail) = text.split_at(at);
                let rest: String = tail.chars().skip(cut).collect();
                let damaged = format!("{head}{piece}{rest}");
                let Ok(once) = laid(&damaged) else { continue };
                let values = |text: &str| parse(text).0.map(|it| it.to_json());
                assert_eq!(values(&once), values(&damaged), "{damaged}");
                assert_eq!(comments(&once).len(), comments(&damaged).len(), "{damaged}");
                assert_eq!(laid(&once).as_ref(), Ok(&once), "not stable:\n{damaged}\n---\n{once}");
            }
        }
    }
}
