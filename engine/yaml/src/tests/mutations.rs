//! Thousands of damaged documents: reading never panics, and every place lies in the text.

use base::Diagnostic;

use super::check_spans;
use crate::{Node, comments, parse, parse_json};

const YAML: &str = "# flow\nflow: Ä test\nparameters: {a: {type: string, default: 'it''s'}}\n\
    actions:\n  - name: One\n    compose: \"@concat('x', \\\"y\\\")\"\n    runAfter: {A: [Failed]}\n\
    - name: &x Two\n    text: |\n      {{a}}: b\n    more: @item()\n    {{z}}: *x\n    💥: !t 1e3\n";
const JSON: &str = "{\"definition\": {\"actions\": {\"Ä\": {\"type\": \"If\", \"n\": -1.5e3, \
    \"s\": \"\\u00e4\\ud83d\\ude00\\\\\" /* c */,}}, // x\n \"t\": [true, null,]}}";
const PARTS: [&str; 20] = [
    "@", "{{", "}}", "{", "}", "[", "]", ": ", "- ", "\n", "\t", "'", "\"", "\\", "#", "&a ", "*a",
    "\u{feff}", "---\n", "💥",
];

/// A small generator (xorshift), so that every run sees the same documents.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

fn damage(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(chars.len() + 1);
        match random.below(4) {
            0 => {
                let end = (at + random.below(8)).min(chars.len());
                chars.drain(at..end);
            }
            1 => chars.truncate(at.max(chars.len() / 2)),
            _ => {
                let part = PARTS[random.below(PARTS.len())];
                chars.splice(at..at, part.chars());
            }
        }
    }
    chars.into_iter().collect()
}

fn check(text: &str, (node, found): (Option<Node>, Vec<Diagnostic>)) {
    for it in &found {
        assert!(text.get(it.span.start..it.span.end).is_some(), "{it:?} in {text:?}");
    }
    match node {
        Some(node) => check_spans(text, &node),
        None => assert!(!found.is_empty(), "no tree and no reason: {text:?}"),
    }
}

#[test]
fn damaged_documents_are_survived() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..4000 {
        let text = damage(YAML, &mut random);
        check(&text, parse(&text));
        comments(&text);
        let text = damage(JSON, &mut random);
        check(&text, parse_json(&text));
    }
}
