//! What flows give operations and triggers of connectors: the values beside their schemas.

use base::Span;
use connector::{
    Connector,
    model::{Operation, Param},
    trigger::Trigger as ConnectorTrigger,
};
use expr::{Key, Tree};
use flow::{
    Action, ActionKind, Trigger, TriggerKind,
    actions::api_connection::{ApiConnection, Target},
};
use serde_json::Value;

use crate::view::View;

/// One call of an operation, or one use of a trigger, that the connector knows.
pub(crate) struct Call<'a> {
    pub(crate) connector: &'a Connector,
    /// Its id, for messages.
    pub(crate) id: &'a str,
    pub(crate) params: &'a [Param],
    /// Name and schema of the body.
    pub(crate) body: Option<(&'a str, &'a Value)>,
    /// Whether members of the body that have a default are sent unasked.
    pub(crate) fills_body: bool,
    pub(crate) inputs: &'a Tree,
    /// The name of the action or trigger whose `with` holds the inputs.
    owner: Span,
    /// Where the operation is named.
    pub(crate) span: Span,
}

/// One value that a call gives.
pub(crate) struct Given<'a> {
    /// Its name in `with`.
    pub(crate) key: &'a str,
    pub(crate) value: Value,
    pub(crate) schema: &'a Value,
    /// Whether it is sent as text whatever its type.
    pub(crate) as_text: bool,
}

/// One input that is computed.
pub(crate) struct Computed<'a> {
    pub(crate) key: &'a str,
    pub(crate) tree: &'a Tree,
    /// What it is to be.
    pub(crate) wanted: expr::Type,
    /// Whether it is sent as text whatever its type.
    pub(crate) as_text: bool,
}

/// A connector with all that is known of what these inputs name.
pub(crate) fn seen<'a>(view: &View<'a>, connector: &'a Connector, inputs: &Tree) -> &'a Connector {
    let text = |value: Value| value.as_str().map(str::to_owned);
    view.catalog().seen(connector, |input| match inputs {
        Tree::Value(value) => text(value.get(input)?.clone()),
        Tree::Object(entries) => {
            let is_it = |key: &Key| matches!(key, Key::Plain(key) if key == input);
            let (_, value) = entries.iter().find(|(key, _)| is_it(key))?;
            text(value.constant()?)
        }
        Tree::Template(_) | Tree::Array(_) => None,
    })
}

impl<'a> Call<'a> {
    /// The call that an action makes, if it names an operation that the connector has.
    pub(crate) fn of_action(view: &View<'a>, action: &'a Action) -> Option<Self> {
        let ActionKind::ApiConnection(call) = &action.kind else { return None };
        let ApiConnection { target: Target::Operation(id), .. } = call else { return None };
        let connector = view.connector(&call.connection)?;
        let connector = seen(view, connector, &call.parameters);
        let operation: &Operation = connector.operation(id)?;
        let body = operation.body.as_ref().map(|it| (operation.body_param.as_str(), it));
        Some(Self {
            connector,
            id,
            params: &operation.params,
            body,
            fills_body: operation.fills_body,
            inputs: &call.parameters,
            owner: action.name_span,
            span: call.target_span,
        })
    }

    /// The use that a trigger makes of a connector's trigger that exists.
    pub(crate) fn of_trigger(view: &View<'a>, trigger: &'a Trigger) -> Option<Self> {
        let TriggerKind::ApiConnection(on) = &trigger.kind else { return None };
        let connector = view.connector(&on.connection)?;
        let connector = seen(view, connector, &on.parameters);
        let known: &ConnectorTrigger = connector.trigger(&on.operation)?;
        Some(Self {
            connector,
            id: &on.operation,
            params: &known.params,
            body: None,
            fills_body: false,
            inputs: &on.parameters,
            owner: trigger.span,
            span: on.span,
        })
    }

    /// The parameter of that name that flows may give.
    pub(crate) fn param(&self, name: &str) -> Option<&'a Param> {
        let mut params = self.params.iter().filter(|it| !it.internal);
        let exact = params.clone().find(|it| it.name == name);
        exact.or_else(|| params.find(|it| it.is_for(name)))
    }

    /// The names that flows may give, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + Clone {
        let params = self.params.iter().filter(|it| !it.internal).map(|it| it.name.as_str());
        let params = params.filter(|it| !it.ends_with("/*"));
        params.chain(self.body.map(|(name, _)| name))
    }

    /// The keys that are given, with their values; keys that are computed are left out.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Option<Value>)> {
        match self.inputs {
            Tree::Value(Value::Object(map)) => {
                map.iter().map(|(key, value)| (key.as_str(), Some(value.clone()))).collect()
            }
            Tree::Object(entries) => {
                let plain = entries.iter().filter_map(|(key, value)| match key {
                    Key::Plain(key) => Some((key.as_str(), value.constant())),
                    Key::Computed(_) => None,
                });
                plain.collect()
            }
            Tree::Value(_) | Tree::Template(_) | Tree::Array(_) => Vec::new(),
        }
    }

    /// Whether every key is written down, so that what is not there is missing.
    pub(crate) fn is_complete(&self) -> bool {
        match self.inputs {
            Tree::Value(value) => value.is_object() || value.is_null(),
            Tree::Object(entries) => entries.iter().all(|(key, _)| matches!(key, Key::Plain(_))),
            Tree::Template(_) | Tree::Array(_) => false,
        }
    }

    /// The fields from the body down that a key stands for, if it stands for the body at all; none
    /// is the body itself.
    pub(crate) fn body_path<'k>(&self, key: &'k str) -> Option<Vec<&'k str>> {
        let mut path = key.split('/');
        (path.next() == self.body.map(|(name, _)| name)).then(|| path.collect())
    }

    /// Every constant that is given where the schema is known, with the schema.
    pub(crate) fn constants(&self) -> Vec<Given<'a>> {
        let mut all = Vec::new();
        for (key, value) in self.entries() {
            let Some(value) = value else { continue };
            if let Some(param) = self.param(key) {
                let schema = self.connector.schema(&param.schema);
                let as_text = param.place != connector::model::Place::Input;
                all.extend(schema.map(|schema| Given { key, value, schema, as_text }));
                continue;
            }
            let (Some((_, body)), Some(path)) = (self.body, self.body_path(key)) else { continue };
            if let Some(schema) = self.connector.schema_at(body, &path) {
                all.push(Given { key, value, schema, as_text: false });
            }
        }
        all
    }

    /// Every input that is computed where the schema is known, with the type that it is to have.
    pub(crate) fn computed(&self) -> Vec<Computed<'a>> {
        let Tree::Object(entries) = self.inputs else { return Vec::new() };
        let mut all = Vec::new();
        for (key, tree) in entries {
            let Key::Plain(key) = key else { continue };
            if tree.constant().is_some() {
                continue;
            }
            let param = self.param(key);
            let as_text = param.is_some_and(|it| it.place != connector::model::Place::Input);
            let schema = match (param, self.body) {
                (Some(param), _) => self.connector.schema(&param.schema),
                (None, Some((_, body))) => {
                    self.body_path(key).and_then(|path| self.connector.schema_at(body, &path))
                }
                (None, None) => None,
            };
            let Some(schema) = schema else { continue };
            let named =
                |reference: &str| self.connector.schemas.get(reference.strip_prefix("#/schemas/")?);
            let wanted = expr::Type::of_schema(schema, &named);
            all.push(Computed { key, tree, wanted, as_text });
        }
        all
    }

    /// Where a key stands, or its value.
    pub(crate) fn place(&self, view: &View<'_>, key: &str, of_value: bool) -> Span {
        let with = view.locator().entry(self.owner, &["with"]).map(|it| &it.value);
        let parameters = || {
            let inputs = &view.locator().entry(self.owner, &["inputs"])?.value;
            inputs.get("parameters")
        };
        let entry = with.or_else(parameters).and_then(|it| it.as_map()?.entry(key));
        entry.map_or(self.span, |it| if of_value { it.value.span } else { it.key.span })
    }
}
