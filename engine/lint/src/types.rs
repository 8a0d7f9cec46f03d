//! The types of a flow's values: from schemas, from declarations, and from actions that compute.

use std::collections::BTreeMap;

use base::Status;
use expr::{
    Dialect, Field, Key, Tree, Type,
    check::{Environment, check_tree},
};
use flow::{Action, ActionId, ActionKind, Mapping, Trigger, TriggerKind, model::ParameterType};
use serde_json::Value;

use crate::view::{Moment, Owner, Place, View};

/// What is known of the values of one flow, wherever they are asked for.
pub(crate) struct FlowTypes {
    trigger: Type,
    /// By [`ActionId`]. Filled in the order of the file: what comes later is not known.
    outputs: Vec<Type>,
    /// The items of loops and of actions that go over a list.
    items: BTreeMap<ActionId, Type>,
    /// The source objects of the package's mappings.
    sources: Vec<Type>,
}

impl FlowTypes {
    pub(crate) fn new(view: &View<'_>) -> Self {
        let trigger = match view.flow.triggers.as_slice() {
            [only] => trigger(view, only),
            _ => Type::Any,
        };
        let n_actions = view.flow.actions.len();
        let outputs = Vec::with_capacity(n_actions);
        let sources = view.package.mappings.values().map(|it| source(view, it)).collect();
        let mut types = Self { trigger, outputs, items: BTreeMap::new(), sources };
        for (id, action) in view.flow.actions.iter().enumerate() {
            let place = Place::start(Owner::Action(id));
            let each = list(action).map(|tree| types.at(view, place).of(tree));
            if let Some(list) = each.filter(Type::is_list) {
                types.items.insert(id, list.element());
            }
            let made = types.at(view, place).made(action);
            types.outputs.push(made);
        }
        types
    }

    /// What an expression can know that stands there.
    pub(crate) fn at<'v, 'a>(&'v self, view: &'v View<'a>, place: Place) -> At<'v, 'a> {
        At { types: self, view, place }
    }
}

/// The list that an action goes over.
fn list(action: &Action) -> Option<&Tree> {
    match &action.kind {
        ActionKind::Foreach(it) => Some(&it.items),
        ActionKind::Query(it) => Some(&it.from),
        ActionKind::Select(it) => Some(&it.from),
        ActionKind::Table(it) => Some(&it.from),
        _ => None,
    }
}

/// The types at one place of a flow.
pub(crate) struct At<'v, 'a> {
    types: &'v FlowTypes,
    view: &'v View<'a>,
    place: Place,
}

impl At<'_, '_> {
    /// What an action gives when it succeeds, as far as that is known.
    pub(crate) fn given(&self, id: ActionId) -> Type {
        self.types.outputs.get(id).cloned().unwrap_or(Type::Any)
    }

    fn of(&self, tree: &Tree) -> Type {
        check_tree(tree, self, &mut |_, _| {})
    }

    /// What an action gives when it succeeds.
    fn made(&self, action: &Action) -> Type {
        match &action.kind {
            ActionKind::Compose(it) => self.of(&it.inputs).widened(),
            ActionKind::ParseJson(it) => {
                body(Type::of_schema(it.schema.source(), &|_| None).presumed())
            }
            ActionKind::Query(it) => body(Type::array_of(element(&self.of(&it.from)))),
            ActionKind::Select(it) => {
                let inside = Self { place: self.place.each(), ..*self };
                body(Type::array_of(inside.of(&it.select).widened()))
            }
            ActionKind::Join(_) | ActionKind::Table(_) => body(Type::String),
            ActionKind::Compare(it) => body(differences(&self.of(&it.left))),
            ActionKind::Map(it) => self
                .view
                .package
                .mappings
                .get(&it.mapping)
                .map_or(Type::Any, |it| body(self.target(it))),
            ActionKind::ApiConnection(_) => self.answer(action),
            _ => Type::Any,
        }
    }

    /// What a mapping makes: fields that are left out if a condition does not hold may be missing.
    fn target(&self, mapping: &Mapping) -> Type {
        let inside = Self { place: self.view.place_in(mapping), ..*self };
        let mut fields = Vec::new();
        let mut others = None;
        for field in &mapping.fields {
            match &field.target {
                Key::Plain(name) if !name.contains('/') => {
                    let ty = crate::fields::made(field, &inside).widened();
                    fields.push((name.clone(), Field { ty, required: field.when.is_none() }));
                }
                Key::Plain(_) | Key::Computed(_) => others = Some(Type::Any),
            }
        }
        Type::object_of(fields, others)
    }

    /// What an operation of a connector answers.
    fn answer(&self, action: &Action) -> Type {
        let schema = crate::call::Call::of_action(self.view, action).and_then(|call| {
            let operation = call.connector.operation(call.id)?;
            let returns = operation.returns.as_ref().filter(|_| operation.output.is_none())?;
            Some((call.connector, returns))
        });
        let Some((connector, returns)) = schema else { return Type::Any };
        let field = |name: &str, ty| (name.to_owned(), Field { ty, required: true });
        let fields = [
            field("body", of_connector(connector, returns)),
            field("headers", Type::Object),
            field("statusCode", Type::Integer),
        ];
        Type::object_of(fields, Some(Type::Any))
    }

    /// Whether an action has surely succeeded before the place is evaluated: it stands in no
    /// branch that the place does not, and nothing here is about failures.
    fn is_certain(&self, id: ActionId) -> bool {
        let Some(here) = self.place.action().filter(|_| self.place.moment == Moment::Start) else {
            return false;
        };
        let flow = self.view.flow;
        let around: Vec<ActionId> = flow.ancestors(here).collect();
        let handles = |id: &ActionId| {
            let after = &flow.action(*id).run_after;
            after.iter().any(|it| {
                [Status::Failed, Status::TimedOut, Status::Skipped]
                    .iter()
                    .any(|status| it.statuses.contains(*status))
            })
        };
        !around.iter().chain([&here]).any(handles)
            && flow.ancestors(id).all(|it| around.contains(&it))
    }
}

/// The object that a mapping is about.
fn source(view: &View<'_>, mapping: &Mapping) -> Type {
    let named = mapping.from.as_ref().and_then(|(name, _)| name.split_once('#'));
    let schema = named.and_then(|(connector, schema)| {
        let connector = view.catalog().find(connector)?;
        Some(of_connector(connector, connector.schemas.get(schema)?))
    });
    schema.unwrap_or(Type::Any)
}

/// What a comparison gives.
fn differences(left: &Type) -> Type {
    let field = |name: &str, ty| (name.to_owned(), Field { ty, required: true });
    // Any of the fields may be the same on both sides and then is not among the changes.
    let fields: Vec<_> = left.field_names().map(str::to_owned).collect();
    let changes = fields.into_iter().map(|name| {
        let ty = left.member(&name);
        (name, Field { ty, required: false })
    });
    let changes = Type::object_of(changes, Some(Type::Any));
    Type::object_of(
        [
            field("changed", Type::Boolean),
            field("changes", changes),
            field("fields", Type::Array),
            field("patch", Type::Array),
        ],
        Some(Type::Any),
    )
}

fn element(list: &Type) -> Type {
    if list.is_list() { list.element() } else { Type::Any }
}

fn body(ty: Type) -> Type {
    Type::object_of([("body".to_owned(), Field { ty, required: true })], Some(Type::Any))
}

/// A connector's schemas tell all fields that there are, unless they say that there are others.
fn of_connector(connector: &connector::Connector, schema: &Value) -> Type {
    let named = |reference: &str| connector.schemas.get(reference.strip_prefix("#/schemas/")?);
    Type::of_schema(schema, &named).presumed().closed()
}

fn trigger(view: &View<'_>, trigger: &Trigger) -> Type {
    if trigger.split_on.is_some() {
        return Type::Any;
    }
    match &trigger.kind {
        // The cloud checks the body only where it is told to.
        TriggerKind::Request(it) if view.flow.dialect == Dialect::Flowright => {
            let schema = it.schema.as_ref().filter(|_| it.verify.is_none());
            schema.map_or(Type::Any, |it| body(Type::of_schema(it.source(), &|_| None).presumed()))
        }
        TriggerKind::Manual(it) if !it.inputs.is_empty() => {
            let fields = it.inputs.iter().map(|input| {
                let required = input.required || input.default.is_some();
                let ty = match input.choices.as_slice() {
                    [] => plain(input.ty),
                    choices => Type::one_of(choices),
                };
                let ty = if required { ty } else { ty.or_null() };
                (input.name.clone(), Field { ty, required })
            });
            body(Type::object_of(fields, None))
        }
        TriggerKind::ApiConnection(on) => {
            let connector = view.connector(&on.connection);
            let connector = connector.map(|it| crate::call::seen(view, it, &on.parameters));
            let known = connector.and_then(|it| Some((it, it.trigger(&on.operation)?)));
            let returns = known.and_then(|(it, known)| Some((it, known.returns.as_ref()?)));
            returns.map_or(Type::Any, |(it, schema)| body(of_connector(it, schema)))
        }
        _ => Type::Any,
    }
}

const fn plain(ty: ParameterType) -> Type {
    match ty {
        ParameterType::String => Type::String,
        ParameterType::Integer => Type::Integer,
        ParameterType::Float => Type::Number,
        ParameterType::Boolean => Type::Boolean,
        ParameterType::Array => Type::Array,
        ParameterType::Object => Type::Object,
    }
}

impl Environment for At<'_, '_> {
    fn outputs(&self, name: &str) -> Type {
        let id = self.view.flow.find(name).filter(|id| self.is_certain(*id));
        id.and_then(|id| self.types.outputs.get(id)).cloned().unwrap_or(Type::Any)
    }

    fn trigger_outputs(&self) -> Type {
        match self.place.owner {
            Owner::Action(_) | Owner::Outputs => self.types.trigger.clone(),
            Owner::Trigger | Owner::Mapping => Type::Any,
        }
    }

    fn variable(&self, name: &str) -> Type {
        // Without a value a variable is null until it is set.
        let declared = self.view.variable(name).filter(|it| it.value.is_some());
        declared.map_or(Type::Any, |it| plain(it.ty))
    }

    fn parameter(&self, name: &str) -> Type {
        let mut all = self.view.flow.parameters.iter();
        let declared = all.find(|it| it.name.eq_ignore_ascii_case(name));
        declared.map_or(Type::Any, |it| plain(it.ty))
    }

    fn item(&self) -> Type {
        if self.place.owner == Owner::Mapping {
            let source = self.place.mapping.and_then(|it| self.types.sources.get(it));
            return source.cloned().unwrap_or(Type::Any);
        }
        let Some(here) = self.place.action() else { return Type::Any };
        let flow = self.view.flow;
        let is_loop = |id: &ActionId| matches!(flow.action(*id).kind, ActionKind::Foreach(_));
        let about =
            if self.place.has_item { Some(here) } else { flow.ancestors(here).find(is_loop) };
        about.and_then(|id| self.types.items.get(&id)).cloned().unwrap_or(Type::Any)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Type, usize)> {
        if self.place.owner == Owner::Mapping {
            // Paths of a mapping lead into its source object.
            return Some((self.item(), 0));
        }
        expr::check::usual_paths(self, path)
    }

    fn items(&self, name: &str) -> Type {
        let id = self.view.flow.find(name);
        id.and_then(|id| self.types.items.get(&id)).cloned().unwrap_or(Type::Any)
    }
}
