//! The tree of broken texts.

use crate::outline::read;

fn check(text: &str, expected: &str) {
    assert_eq!(read(text).to_json().to_string(), expected, "\n{text}");
}

#[test]
fn whole_texts_are_read_as_yaml_reads_them() {
    for text in [
        "a: 1\nb: text # c\nc: [1, x, { d: e }]\n",
        "a:\n  - x\n  - b: 1\n    c: 2\n  - - y\n",
        "a:\n- x\n- y\nb: { c: \"q, r\", 'd e': 'it''s' }\n",
        "a: |\n  text: no key\n  # no comment\nb: 2\n",
        "\"a b\": 1\n# c\n\nd:\ne: true\n",
        "a: { b: 1,\n  c: 2 }\nd: [\n  1,\n  2\n]\ne: 3\n",
        "a: http://x/y:z\nb: a#b\n",
    ] {
        let yaml = yaml::parse(text).0.unwrap().to_json();
        let mut own = read(text).to_json();
        if text.contains("a: |") {
            // How a block of text ends is nothing that is asked.
            let trimmed = |it: &serde_json::Value| it["a"].as_str().unwrap().trim_end().to_owned();
            assert_eq!(trimmed(&own), trimmed(&yaml));
            own["a"] = yaml["a"].clone();
        }
        assert_eq!(own, yaml, "\n{text}");
    }
}

#[test]
fn what_is_open_ends_where_the_next_thing_begins() {
    check("a: { b: 1\nc: 2\n", r#"{"a":{"b":1},"c":2}"#);
    check("a:\n  b: [1, 2\n  c: 3\nd: 4\n", r#"{"a":{"b":[1,2],"c":3},"d":4}"#);
    check("a: \"open\nb: 1\n", r#"{"a":"open","b":1}"#);
    check("a: 1\nbro\nc: 2\n", r#"{"a":1,"c":2}"#);
    check("a:\n    b: 1\n  c: 2\nd: 3\n", r#"{"a":{"b":1},"d":3}"#);
    check("- a: 1\n  b\n- c: 2\n", r#"[{"a":1},{"c":2}]"#);
    check("a: ]\nb: }\n", r#"{"a":"]","b":"}"}"#);
    check("a: {{x}}\nb: 1\n", r#"{"a":{},"b":1}"#);
}

#[test]
fn any_text_is_read() {
    let text = super::FLOW;
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    for at in starts {
        for piece in ["", "{", "[", "\"", "'", "\n", ":", "- ", "|", "\t", "‸"] {
            let (head, tail) = text.split_at(at);
            read(&format!("{head}{piece}{}", tail.chars().skip(1).collect::<String>()));
            read(&format!("{head}{piece}"));
        }
    }
}
