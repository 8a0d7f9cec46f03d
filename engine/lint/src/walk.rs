//! The one walk over a flow: every rule sees every thing of its kind once.

use base::{Sink, Source};
use expr::{Dialect, Notation, Placed, Tree, What, condition::Condition};
use flow::{
    Action, ActionId, ActionKind, Mapping, Trigger, TriggerKind,
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
    rules::TABLE,
    view::{Moment, Owner, Place, View},
};

/// Looks at the text of a file.
pub(crate) fn file(source: &Source, sink: &mut Sink) {
    for rule in TABLE {
        if let Some(hook) = rule.hooks.file {
            hook(source, sink);
        }
    }
}

/// Walks over a flow's own file.
pub(crate) fn flow(view: &View<'_>, sink: &mut Sink) {
    if view.flow.dialect == Dialect::Flowright {
        file(view.source, sink);
    }
    let mut walk = Walk { view, sink };
    for rule in TABLE {
        if let Some(hook) = rule.hooks.flow {
            hook(view, walk.sink);
        }
    }
    for trigger in &view.flow.triggers {
        walk.trigger(trigger);
    }
    for (id, action) in view.flow.actions.iter().enumerate() {
        walk.action(id, action);
    }
    for (_, tree) in &view.flow.outputs {
        walk.tree(tree, Place::start(Owner::Outputs));
    }
}

/// Walks over a mapping beside the flow.
pub(crate) fn mapping(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    for rule in TABLE {
        if let Some(hook) = rule.hooks.mapping {
            hook(view, mapping, sink);
        }
    }
    let mut walk = Walk { view, sink };
    let place = Place::start(Owner::Mapping).each();
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

struct Walk<'a, 'b> {
    view: &'b View<'a>,
    sink: &'b mut Sink,
}

impl Walk<'_, '_> {
    fn trigger(&mut self, trigger: &Trigger) {
        for rule in TABLE {
            if let Some(hook) = rule.hooks.trigger {
                hook(self.view, trigger, self.sink);
            }
        }
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
        for rule in TABLE {
            if let Some(hook) = rule.hooks.action {
                hook(self.view, id, self.sink);
            }
        }
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
        let asked = Asked { condition, place };
        for rule in TABLE {
            if let Some(hook) = rule.hooks.condition {
                hook(self.view, &asked, self.sink);
            }
        }
        condition.templates(&mut |placed| self.string(placed, place));
    }

    fn trees<const N: usize>(&mut self, trees: [Option<&Tree>; N], place: Place) {
        trees.into_iter().flatten().for_each(|it| self.tree(it, place));
    }

    fn tree(&mut self, tree: &Tree, place: Place) {
        tree.templates(&mut |placed| self.string(placed, place));
    }

    fn string(&mut self, placed: &Placed, place: Place) {
        let template = &placed.template;
        let deployed = self.view.flow.dialect == Dialect::Wdl && is_deployed(template.source());
        if template.literal().is_some() || deployed {
            return;
        }
        let mut uses = template.uses();
        if place.owner == Owner::Mapping && template.notation() != Notation::Expression {
            // The paths of a mapping lead into its source object, not into the run.
            let is_path = |it: &What| {
                let function = matches!(it, What::Function { .. });
                !function && template.notation() != Notation::Interpolation
            };
            uses.retain(|it| !is_path(&it.what));
        }
        let checked = expr::check::check(&placed.template, &self.view.types_at(place));
        let written = Written { placed, uses: &uses, types: &checked.findings, place };
        for rule in TABLE {
            if let Some(hook) = rule.hooks.expression {
                hook(self.view, &written, self.sink);
            }
        }
    }
}

/// Whether a string is an expression of a deployment template, such as `[concat('@{…}')]`: what the
/// flow gets is known only when it is deployed.
fn is_deployed(source: &str) -> bool {
    let inner = source.strip_prefix('[').and_then(|it| it.trim_end().strip_suffix(")]"));
    let name = inner.and_then(|it| it.split_once('(')).map_or("", |(name, _)| name.trim());
    !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric())
}
