//! What the other flows of a project see of a flow, so that it need not be there when they are checked.

use std::cell::OnceCell;

use base::{ActionName, Code, Diagnostic, Source, Span};
use expr::{Dialect, Tree};
use flow::{ActionId, ActionKind, Flow, Trigger, TriggerKind, actions::workflow::Workflow};

use crate::{
    calls::{Reach, Run},
    guards::{self, Guard},
    paths,
    project::{FlowFile, Project},
    service::{self, Access, Change, Events},
    settings::Settings,
    view::View,
};

/// A flow as those see it that call it, and whom it calls.
pub(crate) struct Face {
    /// Its folder.
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) triggers: Vec<Entrance>,
    /// Its calls of flows, in the order of the file.
    pub(crate) calls: Vec<Call>,
    /// Whether changes of records may start it.
    pub(crate) listens: bool,
}

/// A trigger as callers see it.
pub(crate) struct Entrance {
    pub(crate) name: ActionName,
    pub(crate) display: String,
    pub(crate) is_callable: bool,
    /// Whether each event starts a run, and only one.
    pub(crate) is_plain: bool,
    /// What it takes, if it takes nothing else.
    pub(crate) takes: Option<TriggerKind>,
}

/// A call of a flow.
pub(crate) struct Call {
    /// The called flow, as it is named.
    pub(crate) flow: String,
    pub(crate) trigger: Option<String>,
    pub(crate) body: Option<Tree>,
    pub(crate) place: Place,
    /// Whether a run gets there, for each trigger that may have started it.
    pub(crate) reach: Vec<Reach>,
}

/// Where something is said of a flow.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) span: Span,
    /// The action there.
    pub(crate) path: Option<String>,
}

impl Face {
    pub(crate) fn of(file: &FlowFile<'_>) -> Self {
        let flow = file.flow();
        // Most flows call none.
        let runs = OnceCell::new();
        let run = || flow.triggers.iter().map(|it| Run::new(flow, it)).collect::<Vec<_>>();
        let calls = workflows(flow).map(|(id, called)| Call {
            flow: called.flow.clone(),
            trigger: called.trigger.clone(),
            body: called.body.clone(),
            place: Place::of(file, called.span),
            reach: runs.get_or_init(run).iter().map(|it| it.gets_to(id)).collect(),
        });
        Self {
            folder: file.name.to_owned(),
            name: flow.name.clone(),
            dialect: flow.dialect,
            triggers: flow.triggers.iter().map(|it| Entrance::of(flow, it)).collect(),
            calls: calls.collect(),
            listens: flow.triggers.iter().any(is_listener),
        }
    }

    /// The trigger of that name, in any case, with spaces or underscores.
    pub(crate) fn trigger(&self, name: &str) -> Option<usize> {
        let wanted = ActionName::new(name);
        self.triggers.iter().position(|it| it.name == wanted)
    }

    /// The trigger that a call fires: the named one, else the first that can be called.
    pub(crate) fn fired(&self, call: &Call) -> Option<usize> {
        match &call.trigger {
            Some(name) => self.trigger(name),
            None => self.triggers.iter().position(|it| it.is_callable),
        }
    }
}

impl Entrance {
    fn of(flow: &Flow, trigger: &Trigger) -> Self {
        let is_callable = trigger.kind.is_callable();
        // A trigger of ours takes nothing but what its schema or its form says; the cloud's take everything.
        let is_strict = is_callable && flow.dialect == Dialect::Flowright;
        Self {
            name: trigger.name.clone(),
            display: trigger.display.clone(),
            is_callable,
            is_plain: trigger.conditions.is_empty() && trigger.split_on.is_none(),
            takes: is_strict.then(|| trigger.kind.clone()),
        }
    }
}

impl Place {
    /// What is found there.
    pub(crate) fn found(&self, code: Code, message: String) -> Diagnostic {
        let mut found = Diagnostic::new(code, self.span, message);
        found.path.clone_from(&self.path);
        found
    }

    fn of(file: &FlowFile<'_>, span: Span) -> Self {
        let source: Option<&Source> = file.text().map(|(source, _)| source);
        Self { span, path: source.and_then(|it| paths::at(it, file.flow(), span)) }
    }
}

fn workflows(flow: &Flow) -> impl Iterator<Item = (ActionId, &Workflow)> {
    flow.actions.iter().enumerate().filter_map(|(id, it)| {
        if let ActionKind::Workflow(called) = &it.kind { Some((id, called)) } else { None }
    })
}

/// Whether changes of records may fire a trigger.
fn is_listener(trigger: &Trigger) -> bool {
    match &trigger.kind {
        TriggerKind::ApiConnection(_) => true,
        TriggerKind::Request(request) => request.verify.is_some(),
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => false,
    }
}

/// Which changes start a flow, and which it makes without looking whether anything differs.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) heard: Vec<Events>,
    pub(crate) made: Vec<Made>,
    /// Its calls of flows that may make more, by their numbers.
    pub(crate) calls: Vec<usize>,
}

/// A change that a flow makes.
pub(crate) struct Made {
    pub(crate) change: Change,
    /// What is changed, for messages.
    pub(crate) what: String,
    pub(crate) place: Place,
}

impl Echo {
    pub(crate) fn of_file(project: &Project<'_>, file: &FlowFile<'_>) -> Self {
        let Some((source, _)) = file.text() else { return Self::default() };
        let settings = Settings::default();
        Self::of(&View::new(project, source, (file.package, file.flow()), &settings), file)
    }

    pub(crate) fn of(view: &View<'_>, file: &FlowFile<'_>) -> Self {
        let is_open = |id: ActionId| guards::of_action(view, id) < Guard::Difference;
        let made = Access::all(view).into_iter().filter_map(|it| {
            let change = Change::of(view, &it).filter(|_| is_open(it.id))?;
            let place = Place::of(file, it.call.target_span);
            Some(Made { change, what: it.thing(view), place })
        });
        let triggers = view.flow.triggers.iter();
        let heard = triggers.filter_map(|trigger| {
            let events = service::listens(view, trigger)?;
            (guards::of_trigger(view, trigger) < Guard::Difference).then_some(events)
        });
        let calls = workflows(view.flow).enumerate().filter(|(_, (id, _))| is_open(*id));
        Self {
            heard: heard.collect(),
            made: made.collect(),
            calls: calls.map(|(number, _)| number).collect(),
        }
    }
}
