//! Damaged files: whatever is in them, there is a report, and every place it names exists.

use super::findings;
use crate::report::{concise, json};

const FLOW: &str = "flow: Ünïcode ✔
parameters: { p: { type: string } }
connections: { c: crm }
triggers:
  - name: T
    request: { verify: { connector: crm, trigger: X } }
    conditions: \"@equals(triggerBody()?['a'], parameters('p'))\"
actions:
  - { name: V, initialize: { name: Count, type: integer } }
  - name: L ✔
    foreach: \"@triggerBody()\"
    actions:
      - { name: S, select: { a: \"@item()\", \"@{items('L_✔')}\": 1 }, from: \"@items('L_✔')\" }
      - { name: I, increment: { name: count } }   # lint: ignore[unknown-variable] ✔
  - name: If
    if: { and: [{ equals: [\"'ü'\", $.actions.V.outputs] }, \"@not(variables('Count'))\"] }
    then: [{ name: A, call: c.Update, with: { id: \"{{trigger.body.id}} ✔\" } }]
    else: [{ name: B, compose: \"✔ @{outputs('a')} @{nope(1)}\", runAfter: {} }]
  - { name: F, runFlow: ünïcode ✔, trackedProperties: { x: \"@action()\" } }
";

/// What takes the place of characters.
const PIECES: &[&str] =
    &["", "'", "\"", "@", "{", "}", "(", "$.", "{{", "\n", ":", "✔", "#", "&a "];

#[test]
fn damage_never_panics() {
    let chars: Vec<char> = FLOW.chars().collect();
    let mut state: u64 = 7;
    for at in (0..chars.len()).step_by(3) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(at as u64);
        let piece = PIECES[(state >> 33) as usize % PIECES.len()];
        let (before, after) = (chars[..at].iter(), chars[at + 1..].iter());
        let damaged: String = before.copied().chain(piece.chars()).chain(after.copied()).collect();
        let found = findings(&damaged);
        for file in &found {
            for it in &file.found {
                let place = file.source.text().get(it.span.start..it.span.end);
                assert!(place.is_some(), "{it:?} in\n{damaged}");
            }
        }
        assert!(
            serde_json::from_str::<serde_json::Value>(&json(&found).collect::<String>()).is_ok()
        );
        let count: usize = found.iter().map(|it| it.found.len()).sum();
        assert_eq!(concise(&found).lines().count(), count);
    }
}
