//! The one walk over a flow: every rule sees every thing of its kind once.

use base::{Sink, Source};
use expr::{Dialect, Notation, Placed, Tree, Use, What, condition::Condition};
use flow::{
    Action, ActionId, ActionKind, Flow, Mapping, Trigger, TriggerKind,
    actions::{
        api_connection::Target,
        http::HttpInputs,
        table::Column,
        variables::{Change, Variables},
        wait::Wait,
    },
};

use crate::{
    rule::{Asked, Written},
    settings::Settings,
    view::{Moment, Owner, Place, View},
};

/// Looks at the text of a file.
pub(crate) fn file(settings: &Settings, source: &Source, sink: &mut Sink) {
    for rule in settings.rules() {
        if let Some(hook) = rule.hooks.file {
            hook(source, sink);
        }
    }
}

/// Walks over a flow's own file.
pub(crate) fn flow(view: &View<'_>, sink: &mut Sink) {
    if view.flow.dialect == Dialect::Flowright {
        file(view.settings, view.source, sink);
    }
    for rule in view.settings.rules() {
        if let Some(hook) = rule.hooks.flow {
            hook(view, sink);
        }
    }
    every(view.flow, &mut |seen| show(view, &seen, sink));
}

/// Walks over a mapping beside the flow.
pub(crate) fn mapping(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    for rule in view.settings.rules() {
        if let Some(hook) = rule.hooks.mapping {
            hook(view, mapping, sink);
        }
    }
    every_of(mapping, view.place_in(mapping), &mut |seen| show(view, &seen, sink));
}

/// Something that rules look at.
pub(crate) enum Seen<'a> {
    Trigger(&'a Trigger),
    Action(ActionId),
    Condition(&'a Condition, Place),
    Tree(&'a Tree, Place),
    /// A string in which something is computed.
    String(&'a Placed, Place),
}

/// Shows everything of a flow, in the order of its file.
pub(crate) fn every(flow: &Flow, see: &mut dyn FnMut(Seen<'_>)) {
    let mut walk = Walk { see, deployed: flow.dialect == Dialect::Wdl };
    for trigger in &flow.triggers {
        walk.trigger(trigger);
    }
    for (id, action) in flow.actions.iter().enumerate() {
        walk.action(id, action);
    }
    for (_, tree) in &flow.outputs {
        walk.tree(tree, Place::start(Owner::Outputs));
    }
}

/// Shows everything of a mapping, whose strings stand there.
pub(crate) fn every_of(mapping: &Mapping, place: Place, see: &mut dyn FnMut(Seen<'_>)) {
    let mut walk = Walk { see, deployed: false };
    for field in &mapping.fields {
        if let expr::Key::Computed(placed) = &field.target {
            walk.string(placed, place);
        }
        walk.tree(&field.source, place);
        walk.trees([field.otherwise.as_ref(), field.default.as_ref()], place);
        if let Some(condition) = &field.when {
            walk.condition(condition, place);
        }
    }
}

/// Calls the rules that look at such a thing.
fn show(view: &View<'_>, seen: &Seen<'_>, sink: &mut Sink) {
    let rules = view.settings.rules().map(|it| &it.hooks);
    match seen {
        Seen::Trigger(trigger) => {
            rules.filter_map(|it| it.trigger).for_each(|hook| hook(view, trigger, sink));
        }
        Seen::Action(id) => {
            rules.filter_map(|it| it.action).for_each(|hook| hook(view, *id, sink));
        }
        Seen::Condition(condition, place) => {
            let asked = Asked { condition, place: *place };
            rules.filter_map(|it| it.condition).for_each(|hook| hook(view, &asked, sink));
        }
        Seen::Tree(tree, place) => {
            rules.filter_map(|it| it.tree).for_each(|hook| hook(view, tree, *place, sink));
        }
        Seen::String(placed, place) => {
            let uses = uses(placed, *place);
            let checked = expr::check::check(&placed.template, &view.types_at(*place));
            let types = &checked.findings;
            let written = Written { placed, uses: &uses, types, place: *place };
            rules.filter_map(|it| it.expression).for_each(|hook| hook(view, &written, sink));
        }
    }
}

/// What a string refers to from where it stands.
pub(crate) fn uses(placed: &Placed, place: Place) -> Vec<Use> {
    let template = &placed.template;
    let mut uses = template.uses();
    if place.owner == Owner::Mapping && template.notation() != Notation::Expression {
        // The paths of a mapping lead into its source object, not into the run.
        let is_path = |it: &What| {
            let function = matches!(it, What::Function { .. });
            !function && template.notation() != Notation::Interpolation
        };
        uses.retain(|it| !is_path(&it.what));
    }
    uses
}

struct Walk<'b> {
    see: &'b mut dyn FnMut(Seen<'_>),
    /// Whether there may be expressions of deployment templates.
    deployed: bool,
}

impl Walk<'_> {
    fn trigger(&mut self, trigger: &Trigger) {
        (self.see)(Seen::Trigger(trigger));
        let place = Place::start(Owner::Trigger);
        match &trigger.kind {
            TriggerKind::ApiConnection(it) => self.tree(&it.parameters, place),
            TriggerKind::Http(it) => self.http(&it.request, place),
            TriggerKind::HttpWebhook(it) => {
                self.http(&it.subscribe, place);
                if let Some(unsubscribe) = &it.unsubscribe {
                    self.http(unsubscribe, place.at(Moment::End));
                }
            }
            TriggerKind::Request(_)
            | TriggerKind::Manual(_)
            | TriggerKind::Recurrence(_)
            | TriggerKind::Flow(_)
            | TriggerKind::Batch(_)
            | TriggerKind::Unsupported(_) => {}
        }
        for condition in &trigger.conditions {
            self.condition(&Condition::Template(condition.clone()), place);
        }
        if let Some(placed) = &trigger.split_on {
            self.string(placed, place);
        }
        let key = trigger.concurrency.as_ref().and_then(|it| it.key.as_ref());
        let respond = trigger.respond.as_ref();
        let (headers, body) =
            (respond.and_then(|it| it.headers.as_ref()), respond.and_then(|it| it.body.as_ref()));
        self.trees([trigger.dedupe.as_ref(), key, headers, body], place);
    }

    fn action(&mut self, id: ActionId, action: &Action) {
        (self.see)(Seen::Action(id));
        let place = Place::start(Owner::Action(id));
        self.inputs(&action.kind, place);
        self.trees([action.tracked_properties.as_ref()], place.at(Moment::End));
    }

    fn inputs(&mut self, kind: &ActionKind, place: Place) {
        match kind {
            ActionKind::ApiConnection(it) => {
                if let Target::Path { path, .. } = &it.target {
                    self.tree(path, place);
                }
                self.tree(&it.parameters, place);
            }
            ActionKind::Approval(it) => self.trees(
                [Some(&it.title), it.details.as_ref(), it.assigned_to.as_ref(), Some(&it.options)],
                place,
            ),
            ActionKind::Compare(it) => {
                self.trees([Some(&it.left), Some(&it.right), it.base.as_ref()], place);
            }
            ActionKind::Compose(it) => self.tree(&it.inputs, place),
            ActionKind::Condition(it) => self.condition(&it.condition, place),
            ActionKind::Expression(it) => self.tree(&it.inputs, place),
            ActionKind::Foreach(it) => self.tree(&it.items, place),
            ActionKind::Http(it) => self.http(&it.request, place),
            ActionKind::HttpWebhook(it) => {
                self.http(&it.subscribe, place);
                if let Some(unsubscribe) = &it.unsubscribe {
                    self.http(unsubscribe, place.at(Moment::End));
                }
            }
            ActionKind::Join(it) => self.trees([Some(&it.from), Some(&it.with)], place),
            ActionKind::Map(it) => self.tree(&it.from, place),
            ActionKind::ParseJson(it) => self.tree(&it.content, place),
            ActionKind::Query(it) => {
                self.tree(&it.from, place);
                self.condition(&it.condition, place.each());
            }
            ActionKind::Response(it) => {
                self.trees([Some(&it.status), it.headers.as_ref(), it.body.as_ref()], place);
            }
            ActionKind::Scope(_) => {}
            ActionKind::Select(it) => {
                self.tree(&it.from, place);
                self.tree(&it.select, place.each());
            }
            ActionKind::SendToBatch(it) => self.trees(
                [Some(&it.batch), it.partition.as_ref(), it.message_id.as_ref(), Some(&it.content)],
                place,
            ),
            ActionKind::Switch(it) => self.tree(&it.on, place),
            ActionKind::Table(it) => {
                self.tree(&it.from, place);
                for Column { header, value } in &it.columns {
                    self.trees([Some(header), Some(value)], place.each());
                }
            }
            ActionKind::Terminate(it) => {
                self.trees([it.code.as_ref(), it.message.as_ref()], place);
            }
            ActionKind::Until(it) => self.condition(&it.condition, place.at(Moment::Pass)),
            ActionKind::Variables(it) => self.variables(it, place),
            ActionKind::Wait(it) => match it {
                Wait::Interval { count, unit } => self.trees([Some(count), Some(unit)], place),
                Wait::Duration(tree) | Wait::Until(tree) => self.tree(tree, place),
            },
            ActionKind::Workflow(it) => {
                self.trees([it.body.as_ref(), it.headers.as_ref()], place);
            }
            ActionKind::Unsupported(it) => self.tree(&it.inputs, place),
        }
    }

    fn variables(&mut self, variables: &Variables, place: Place) {
        match variables {
            Variables::Initialize(declared) => {
                for declaration in declared {
                    self.trees([declaration.value.as_ref()], place);
                }
            }
            Variables::Set(Change { value, .. })
            | Variables::Increment(Change { value, .. })
            | Variables::Decrement(Change { value, .. })
            | Variables::Append(Change { value, .. }) => self.trees([value.as_ref()], place),
        }
    }

    fn http(&mut self, inputs: &HttpInputs, place: Place) {
        self.trees([Some(&inputs.method), Some(&inputs.uri)], place);
        let optional = [
            &inputs.headers,
            &inputs.queries,
            &inputs.body,
            &inputs.cookie,
            &inputs.authentication,
        ];
        self.trees(optional.map(Option::as_ref), place);
    }

    fn condition(&mut self, condition: &Condition, place: Place) {
        (self.see)(Seen::Condition(condition, place));
        condition.templates(&mut |placed| self.string(placed, place));
    }

    fn trees<const N: usize>(&mut self, trees: [Option<&Tree>; N], place: Place) {
        trees.into_iter().flatten().for_each(|it| self.tree(it, place));
    }

    fn tree(&mut self, tree: &Tree, place: Place) {
        (self.see)(Seen::Tree(tree, place));
        tree.templates(&mut |placed| self.string(placed, place));
    }

    fn string(&mut self, placed: &Placed, place: Place) {
        let template = &placed.template;
        if template.literal().is_none() && !(self.deployed && is_deployed(template.source())) {
            (self.see)(Seen::String(placed, place));
        }
    }
}

/// Whether a string is an expression of a deployment template, such as `[concat('@{…}')]`: what the
/// flow gets is known only when it is deployed.
pub(crate) fn is_deployed(source: &str) -> bool {
    let inner = source.strip_prefix('[').and_then(|it| it.trim_end().strip_suffix(")]"));
    let name = inner.and_then(|it| it.split_once('(')).map_or("", |(name, _)| name.trim());
    !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric())
}
