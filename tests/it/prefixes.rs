//! Every case, stopped after each of its events and started again from the journal: the same end.

use journal::{Event, codec};

use crate::support::{Case, trace};

#[test]
fn a_run_that_is_stopped_anywhere_ends_as_if_it_had_not_been() {
    let mut wrong = Vec::new();
    for case in Case::all() {
        let plan = &case.flow.plan;
        for driven in case.runs() {
            let expected = trace::end_of(plan, &driven.run);
            for length in 1..=driven.events.len() {
                let prefix = driven.events[..length].iter().map(kept).collect();
                let again = case.drive(prefix);
                for ask in again.asked.iter().filter(|it| !driven.asked.contains(it)) {
                    wrong.push(format!("{} after {length} events asked {ask:?}", case.name));
                }
                let actual = trace::end_of(plan, &again.run);
                if actual != expected {
                    let ends = difference(&expected, &actual);
                    wrong.push(format!("{} after {length} events\n{ends}", case.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// An event as a store gives it back.
fn kept(event: &Event) -> Event {
    let text = codec::encode(event).unwrap();
    let read = codec::decode(&text).unwrap();
    assert_eq!(&read, event, "{text}");
    read
}

/// The lines of two ends that differ.
pub(crate) fn difference(expected: &str, actual: &str) -> String {
    let missing = expected.lines().filter(|row| !actual.lines().any(|other| other == *row));
    let added = actual.lines().filter(|row| !expected.lines().any(|other| other == *row));
    let rows = missing.map(|row| format!("- {row}")).chain(added.map(|row| format!("+ {row}")));
    rows.collect::<Vec<_>>().join("\n")
}
