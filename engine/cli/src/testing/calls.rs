//! Whether the calls of a run are those that its test expects.

use base::Span;
use flow::{
    Expected,
    test_file::{CallExpect, Calls},
};
use serde_json::{Value, json};

use super::{
    Fault,
    check::{Seen, cut},
    names::same,
    recorder::Call,
    update::Edit,
};

/// What is wrong with the calls.
pub(crate) fn compare(seen: &Seen<'_>, wanted: &Calls) -> Vec<Fault> {
    match wanted {
        Calls::Exactly(items, span) => {
            if items.len() == seen.calls.len()
                && items.iter().zip(seen.calls).all(|(it, call)| fits(seen, it, call))
            {
                return Vec::new();
            }
            vec![listed(seen, &aligned(seen, items), "calls", *span)]
        }
        Calls::InAnyOrder(items, span) => {
            let pairs = paired(seen, items);
            let is_good = pairs.iter().all(|it| matches!(it, Pair::Same(..)));
            if is_good { Vec::new() } else { vec![listed(seen, &pairs, "callsInAnyOrder", *span)] }
        }
        Calls::Some(items) => {
            let pairs = paired(seen, items);
            let missing = pairs.iter().filter_map(|it| match it {
                Pair::Missing(wanted) => Some(lacking(seen, wanted, None)),
                Pair::Other(wanted, call) => Some(lacking(seen, wanted, Some(call))),
                Pair::Same(..) | Pair::Unexpected(_) => None,
            });
            missing.collect()
        }
        Calls::None(items) => {
            let made = items.iter().filter_map(|wanted| {
                let call = seen.calls.iter().find(|it| fits(seen, wanted, it))?;
                let message = format!("`{}` is called, which it must not be", wanted.name);
                Some(Fault::new(wanted.span, "noCalls", message).with([line(call)]))
            });
            made.collect()
        }
    }
}

/// How an expected and a made call belong together.
enum Pair<'a> {
    /// It is as expected.
    Same(&'a Call),
    /// It has other inputs.
    Other(&'a CallExpect, &'a Call),
    /// It was not made.
    Missing(&'a CallExpect),
    /// Nobody expects it.
    Unexpected(&'a Call),
}

fn named(wanted: &CallExpect, call: &Call) -> bool {
    same(&wanted.name, &call.action) || same(&wanted.name, &call.operation)
}

fn fits(seen: &Seen<'_>, wanted: &CallExpect, call: &Call) -> bool {
    let fits = |it: &Expected| it.fits(Some(&call.inputs), seen.facts);
    named(wanted, call) && wanted.inputs.as_ref().is_none_or(fits)
}

/// What it is worth that a call is as expected; more than that it only has the name.
const SAME: usize = 3;

/// Both lists in their order, with as much as possible of one beside the same of the other.
fn aligned<'a>(seen: &Seen<'a>, items: &'a [CallExpect]) -> Vec<Pair<'a>> {
    let calls = seen.calls;
    let width = calls.len() + 1;
    let worth = |i: usize, j: usize| match (
        named(&items[i], &calls[j]),
        fits(seen, &items[i], &calls[j]),
    ) {
        (_, true) => SAME,
        (true, false) => 2,
        (false, false) => 0,
    };
    let mut best = vec![0_usize; (items.len() + 1) * width];
    for i in (0..items.len()).rev() {
        for j in (0..calls.len()).rev() {
            let skip = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            let take = match worth(i, j) {
                0 => 0,
                worth => worth + best[(i + 1) * width + j + 1],
            };
            best[i * width + j] = skip.max(take);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < items.len() && j < calls.len() {
        let here = best[i * width + j];
        let worth = worth(i, j);
        if 0 < worth && here == worth + best[(i + 1) * width + j + 1] {
            let is_same = worth == SAME;
            let other = || Pair::Other(&items[i], &calls[j]);
            pairs.push(if is_same { Pair::Same(&calls[j]) } else { other() });
            (i, j) = (i + 1, j + 1);
        } else if here == best[(i + 1) * width + j] {
            pairs.push(Pair::Missing(&items[i]));
            i += 1;
        } else {
            pairs.push(Pair::Unexpected(&calls[j]));
            j += 1;
        }
    }
    pairs.extend(items[i..].iter().map(Pair::Missing));
    pairs.extend(calls[j..].iter().map(Pair::Unexpected));
    pairs
}

/// Each expected call with one that was made, whatever the order, so that as many as possible fit.
fn paired<'a>(seen: &Seen<'a>, items: &'a [CallExpect]) -> Vec<Pair<'a>> {
    let calls = seen.calls;
    let mut of_call: Vec<Option<usize>> = vec![None; calls.len()];
    for item in 0..items.len() {
        let mut tried = vec![false; calls.len()];
        let choices = Choices { seen, items };
        choices.give(item, &mut of_call, &mut tried);
    }
    let mut pairs = Vec::new();
    let mut free: Vec<usize> = (0..calls.len()).filter(|it| of_call[*it].is_none()).collect();
    for (index, item) in items.iter().enumerate() {
        if let Some(call) = of_call.iter().position(|it| *it == Some(index)) {
            pairs.push(Pair::Same(&calls[call]));
        } else if let Some(at) = free.iter().position(|it| named(item, &calls[*it])) {
            pairs.push(Pair::Other(item, &calls[free.remove(at)]));
        } else {
            pairs.push(Pair::Missing(item));
        }
    }
    pairs.extend(free.into_iter().map(|it| Pair::Unexpected(&calls[it])));
    pairs
}

/// Who may have which call.
struct Choices<'a, 'b> {
    seen: &'b Seen<'a>,
    items: &'a [CallExpect],
}

impl Choices<'_, '_> {
    /// Gives an item a call; who has it already takes another one, if it can.
    fn give(&self, item: usize, of_call: &mut [Option<usize>], tried: &mut [bool]) -> bool {
        for call in 0..of_call.len() {
            if tried[call] || !fits(self.seen, &self.items[item], &self.seen.calls[call]) {
                continue;
            }
            tried[call] = true;
            let is_free = match of_call[call] {
                None => true,
                Some(other) => self.give(other, of_call, tried),
            };
            if is_free {
                of_call[call] = Some(item);
                return true;
            }
        }
        false
    }
}

/// A fault with all calls, what is missing and what is too many.
fn listed(seen: &Seen<'_>, pairs: &[Pair<'_>], about: &str, span: Span) -> Fault {
    let mut details = Vec::new();
    for pair in pairs {
        match pair {
            Pair::Same(call) => details.push(format!("  {}", line(call))),
            Pair::Other(wanted, call) => {
                details.push(format!("~ {}", line(call)));
                details.extend(differences(seen, wanted, call));
            }
            Pair::Missing(wanted) => {
                details.push(format!("- {}  (expected, not made)", wanted_line(wanted)));
            }
            Pair::Unexpected(call) => {
                details.push(format!("+ {}  (made, not expected)", line(call)));
            }
        }
    }
    let actual: Value = seen.calls.iter().map(as_written).collect();
    let message = format!("`{about}`: the calls are not those that are expected");
    let is_same = |it: &Pair<'_>| matches!(it, Pair::Same(..) | Pair::Other(..));
    let edit = if pairs.iter().all(is_same) {
        // Only inputs differ: what is written of them stays in its form.
        let found = pairs.iter().filter_map(|it| match it {
            Pair::Other(wanted, call) => wanted.inputs.as_ref().map(|it| (it, *call)),
            Pair::Same(..) | Pair::Missing(_) | Pair::Unexpected(_) => None,
        });
        let found = found.flat_map(|(it, call)| it.compare(Some(&call.inputs), seen.facts));
        let found: Vec<_> = found.collect();
        let replaced = found.iter().filter(|it| it.is_plain);
        let edits: Vec<_> = replaced.filter_map(|it| Some((it.span, it.actual.clone()?))).collect();
        (edits.len() == found.len()).then(|| Edit::replace_all(edits))
    } else {
        Some(Edit::replace(span, actual.clone()))
    };
    Fault { actual: Some(actual), ..Fault::new(span, about, message).with(details).editing(edit) }
}

/// Calls that are listed where one is missing.
const SHOWN_MAX: usize = 12;

fn lacking(seen: &Seen<'_>, wanted: &CallExpect, near: Option<&&Call>) -> Fault {
    let message = format!("`{}` is not called as expected", wanted.name);
    let fault = Fault::new(wanted.span, "someCalls", message);
    match near {
        None => {
            let made = seen.calls.iter().take(SHOWN_MAX).map(|it| format!("  {}", line(it)));
            fault.with(std::iter::once(format!("- {}", wanted_line(wanted))).chain(made))
        }
        Some(call) => {
            let lines = std::iter::once(format!("~ {}", line(call)));
            fault.with(lines.chain(differences(seen, wanted, call)))
        }
    }
}

fn differences(seen: &Seen<'_>, wanted: &CallExpect, call: &Call) -> Vec<String> {
    let found = wanted.inputs.iter().flat_map(|it| it.compare(Some(&call.inputs), seen.facts));
    let told = found.map(|it| {
        let actual = it.actual.map_or_else(|| "not there".to_owned(), |it| cut(&it.to_string()));
        format!("    `{}`: expected {}, is {actual}", it.path, cut(&it.wanted))
    });
    told.collect()
}

fn line(call: &Call) -> String {
    let inputs = if call.is_secure { interp::HIDDEN.to_owned() } else { call.inputs.to_string() };
    format!("{} {}", call.name(), cut(&inputs))
}

fn wanted_line(wanted: &CallExpect) -> String {
    let inputs = wanted.inputs.as_ref().map(|it| format!(" {}", cut(&it.to_string())));
    format!("{}{}", wanted.name, inputs.unwrap_or_default())
}

/// A call as a test has it.
pub(crate) fn as_written(call: &Call) -> Value {
    let is_bare = call.is_secure || call.inputs.as_object().is_none_or(serde_json::Map::is_empty);
    let name = call.name();
    if is_bare { name.into() } else { json!({ name: call.inputs }) }
}
