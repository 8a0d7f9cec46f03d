//! Variables, parameters, connections and composed values that nothing looks at.

use std::collections::BTreeSet;

use base::{ActionName, Diagnostic, Sink, Span, code};
use expr::{Dialect, What};
use flow::{ActionKind, actions::variables::Variables};

use crate::{
    edits,
    rule::{Hooks, Phase, Rule},
    view::{Owner, Usage, View},
    walk::{self, Seen},
};

pub(super) const RULE: Rule = Rule {
    code: code::UNUSED_DEFINITION,
    phase: Phase::File,
    summary: "A variable, a parameter, a connection or a composed value that nothing looks at.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

/// What the strings of a flow and of the mappings beside it name, folded.
#[derive(Default)]
struct Used {
    variables: BTreeSet<String>,
    parameters: BTreeSet<String>,
    actions: BTreeSet<String>,
}

fn check(view: &View<'_>, sink: &mut Sink) {
    // A name that is computed may be any.
    let Some(used) = used(view) else { return };
    let mut report = |span: Span, message: String, edit: Option<Span>| {
        let found = Diagnostic::new(RULE.code, span, message).hint("remove it");
        sink.push(match edit {
            Some(edit) => found.unsafe_fix(edit, "", "Remove it"),
            None => found,
        });
    };
    for parameter in &view.flow.parameters {
        // The cloud adds parameters of its own, such as `$connections`.
        let name = &parameter.name;
        if !name.starts_with('$') && !used.parameters.contains(&name.to_lowercase()) {
            let edit = entry(view, "parameters", name);
            report(parameter.span, format!("nothing uses the parameter `{name}`"), edit);
        }
    }
    for (id, action) in view.flow.actions.iter().enumerate() {
        match &action.kind {
            ActionKind::Variables(Variables::Initialize(declared)) => {
                for it in
                    declared.iter().filter(|it| !used.variables.contains(&it.name.to_lowercase()))
                {
                    // An action that sets it has to go first, by whoever knows why it is there.
                    let is_alone = declared.len() == 1 && !is_written(view, &it.name);
                    let edit = is_alone.then(|| edits::whole_action(view, id)).flatten();
                    report(it.span, format!("nothing reads the variable `{}`", it.name), edit);
                }
            }
            ActionKind::Compose(_) if !used.actions.contains(action.name.folded()) => {
                let message = format!("nothing looks at what `{}` gives", action.name);
                report(action.name_span, message, edits::whole_action(view, id));
            }
            _ => {}
        }
    }
}

/// The lines of an entry at the top of the file, if others stand beside it.
fn entry(view: &View<'_>, key: &str, name: &str) -> Option<Span> {
    let all = view.locator().root().filter(|_| view.flow.dialect == Dialect::Flowright)?;
    let all = all.get(key)?.as_map()?;
    let entry = all.entry(name).filter(|_| 1 < all.iter().count())?;
    edits::whole_entry(view, entry.key.span, entry.value.span)
}

/// Whether an action writes a variable, beside the one that declares it.
fn is_written(view: &View<'_>, name: &str) -> bool {
    view.flow.actions.iter().any(|it| match &it.kind {
        ActionKind::Variables(
            Variables::Set(change)
            | Variables::Increment(change)
            | Variables::Decrement(change)
            | Variables::Append(change),
        ) => change.name.eq_ignore_ascii_case(name),
        _ => false,
    })
}

fn used(view: &View<'_>) -> Option<Used> {
    let mut used = Used::default();
    for usage in view.usages() {
        used.add(usage)?;
    }
    for mapping in view.package.mappings.values() {
        let mut is_known = Some(());
        walk::every_of(mapping, view.place_in(mapping), &mut |seen| {
            if let Seen::String(placed, place) = seen {
                is_known = is_known.and(used.add(&Usage::new(placed, place)));
            }
        });
        is_known?;
    }
    Some(used)
}

impl Used {
    /// None if the string may name anything.
    fn add(&mut self, usage: &Usage) -> Option<()> {
        if usage.is_open && usage.place.owner != Owner::Mapping {
            return None;
        }
        for it in &usage.uses {
            match &it.what {
                What::Action { name, .. } | What::Result { name } => {
                    self.actions.insert(ActionName::new(name).folded().to_owned());
                }
                What::Variable { name } => drop(self.variables.insert(name.to_lowercase())),
                What::Parameter { name } => drop(self.parameters.insert(name.to_lowercase())),
                What::Function { .. }
                | What::Items { .. }
                | What::Item
                | What::IterationIndexes { .. }
                | What::Root { .. } => {}
            }
        }
        Some(())
    }
}
