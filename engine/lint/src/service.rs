//! What a flow asks of services, and which changes start it: by connector, kind of change and table.

use connector::{
    Connector,
    model::{Effect, Operation},
};
use expr::{
    Key, Tree,
    check::{Origin, Paths, Piece, Root, Unknown},
};
use flow::{
    Action, ActionId, ActionKind, Trigger, TriggerKind,
    actions::api_connection::{ApiConnection, Target},
    environment::Setting,
};
use serde_json::Value;

use crate::{guards, view::View};

/// One call of an operation.
pub(crate) struct Access<'a> {
    pub(crate) id: ActionId,
    pub(crate) call: &'a ApiConnection,
    /// The operation's id, as the flow names it.
    pub(crate) operation: &'a str,
    /// The operation, if its connector is at hand and has it.
    pub(crate) known: Option<(&'a Connector, &'a Operation)>,
    /// What it does; guessed from its name where the connector is not at hand.
    pub(crate) effect: Effect,
    pub(crate) about: About,
}

/// Which records a call or a trigger is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The service, as far as the connector's name tells: several connectors may ask one service.
    pub(crate) service: String,
    /// The table, folded; none if there is none or it is computed.
    pub(crate) table: Option<String>,
}

impl About {
    /// Whether both may be about the same records.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let tables = self.table.as_ref().zip(other.table.as_ref());
        self.service == other.service && tables.is_none_or(|(a, b)| a == b)
    }
}

impl<'a> Access<'a> {
    /// The call that an action makes, if it names an operation.
    pub(crate) fn of(view: &View<'a>, id: ActionId) -> Option<Self> {
        let action: &'a Action = view.flow.action(id);
        let ActionKind::ApiConnection(call) = &action.kind else { return None };
        let Target::Operation(operation) = &call.target else { return None };
        let known = view.connector(&call.connection);
        let known = known.and_then(|it| Some((it, it.operation(operation)?)));
        let effect = known.map_or_else(|| guessed(operation), |(_, it)| it.effect);
        let about = About {
            service: service(view, &call.connection),
            table: table(view, &call.parameters),
        };
        Some(Self { id, call, operation, known, effect, about })
    }

    /// Every call of the flow, in the order of the file.
    pub(crate) fn all(view: &View<'a>) -> Vec<Self> {
        (0..view.flow.actions.len()).filter_map(|id| Self::of(view, id)).collect()
    }

    /// Whether it changes records that there are already, or makes new ones.
    pub(crate) const fn writes(&self) -> bool {
        match self.effect {
            Effect::Create | Effect::Update | Effect::Upsert | Effect::Delete => true,
            Effect::Read | Effect::Action => false,
        }
    }

    /// What it is about, for messages.
    pub(crate) fn thing(&self, view: &View<'_>) -> String {
        match named_table(view, &self.call.parameters) {
            Some(table) => format!("`{table}` of `{}`", self.about.service),
            None => format!("records of `{}`", self.about.service),
        }
    }

    /// Whether fields that it writes are known only when it runs.
    fn has_computed_fields(&self) -> bool {
        match &self.call.parameters {
            Tree::Value(_) => false,
            Tree::Template(_) | Tree::Array(_) => true,
            Tree::Object(entries) => entries.iter().any(|(key, value)| match key {
                Key::Plain(key) => {
                    let is_body = self.known.map_or("item", |(_, it)| it.body_param.as_str());
                    key == is_body && is_computed(value)
                }
                Key::Computed(_) => true,
            }),
        }
    }

    /// Whether it may be about another environment than the one that the connection is to.
    pub(crate) fn may_be_elsewhere(&self) -> bool {
        ["dataset", "organization"].iter().any(|it| self.gives(it))
    }

    /// Whether the flow gives this input; a computed set of inputs may have any.
    pub(crate) fn gives(&self, name: &str) -> bool {
        match &self.call.parameters {
            Tree::Value(Value::Object(map)) => map.get(name).is_some_and(|it| !it.is_null()),
            Tree::Value(_) => false,
            Tree::Object(entries) => entries.iter().any(|(key, value)| match key {
                Key::Plain(key) => key == name && value.constant() != Some(Value::Null),
                Key::Computed(_) => true,
            }),
            Tree::Template(_) | Tree::Array(_) => true,
        }
    }

    /// Whether the operation takes this input. Of an unknown one only what its kind usually has.
    pub(crate) fn takes(&self, name: &str) -> bool {
        match self.known {
            Some((_, operation)) => operation.param(name).is_some_and(|it| !it.internal),
            None => LISTS.contains(&self.operation),
        }
    }
}

/// Operations of well-known connectors that list records with the options of `OData`.
const LISTS: &[&str] = &["GetItems", "GetItems_V2", "ListRecords", "ListRecordsWithOrganization"];

/// The changes that start a flow.
pub(crate) struct Events {
    pub(crate) about: About,
    pub(crate) changes: Changes,
    /// Only changes of these columns; none if any.
    columns: Vec<String>,
}

impl Events {
    /// Whether a change, which a flow makes, can be one of them.
    pub(crate) fn are_made_by(&self, change: &Change) -> bool {
        let is_other = |fields: &Vec<String>| !fields.iter().any(|it| self.columns.contains(it));
        self.about.meets(&change.about)
            && self.changes.include(change.effect)
            && (self.columns.is_empty() || !change.fields.as_ref().is_some_and(is_other))
    }
}

/// What a call changes, as far as others can see it.
pub(crate) struct Change {
    pub(crate) effect: Effect,
    pub(crate) about: About,
    /// The only fields that it writes, folded; none if there may be more.
    fields: Option<Vec<String>>,
}

impl Change {
    /// What a call of the flow changes; nothing if it only reads.
    pub(crate) fn of(view: &View<'_>, access: &Access<'_>) -> Option<Self> {
        let is_all = access.effect == Effect::Update && !access.has_computed_fields();
        access.writes().then(|| Self {
            effect: access.effect,
            about: access.about.clone(),
            fields: is_all.then(|| guards::written_fields(view, access.id)),
        })
    }
}

/// What kind of change starts a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) created: bool,
    pub(crate) updated: bool,
}

impl Changes {
    /// Whether such a call can be one of the changes.
    pub(crate) const fn include(self, effect: Effect) -> bool {
        match effect {
            Effect::Create => self.created,
            Effect::Update => self.updated,
            Effect::Upsert => self.created || self.updated,
            // What is gone cannot go again: that ends by itself.
            Effect::Delete | Effect::Read | Effect::Action => false,
        }
    }
}

/// The records whose changes start a flow, and which changes those are.
pub(crate) fn listens(view: &View<'_>, trigger: &Trigger) -> Option<Events> {
    match &trigger.kind {
        TriggerKind::ApiConnection(on) => {
            let service = service(view, &on.connection);
            let table = table(view, &on.parameters);
            let columns = text_of(view, &on.parameters, COLUMNS).unwrap_or_default();
            let columns = columns.split(',').map(|it| it.trim().to_lowercase());
            Some(Events {
                about: About { service, table },
                changes: changes(view, &on.operation, &on.parameters),
                columns: columns.filter(|it| !it.is_empty()).collect(),
            })
        }
        TriggerKind::Request(request) => {
            let verify = request.verify.as_ref()?;
            let named = view.catalog().find(&verify.connector);
            let name = named.map_or(verify.connector.as_str(), |it| it.name.as_str());
            let changes = Changes { created: true, updated: true };
            let about = About { service: stem(name), table: None };
            Some(Events { about, changes, columns: Vec::new() })
        }
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Http(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => None,
    }
}

/// Which changes a trigger is about: what its inputs say as numbers, else what its name says.
fn changes(view: &View<'_>, trigger: &str, inputs: &Tree) -> Changes {
    let message = text_of(view, inputs, &["subscriptionRequest/message"]);
    if let Some(number) = message.and_then(|it| it.parse::<u8>().ok()) {
        // 1 added, 2 deleted, 3 modified, 4 to 6 pairs of them, 7 all.
        return Changes {
            created: [1, 4, 5, 7].contains(&number),
            updated: [3, 4, 6, 7].contains(&number),
        };
    }
    let name = trigger.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|it| name.contains(it));
    let deleted = has(&["delet", "remov"]);
    let updated = has(&["updat", "modif", "chang"]);
    let created = has(&["new", "creat", "added"]);
    match (created, updated, deleted) {
        // Records that are new were modified, too, for whoever asks for modified ones.
        (false, true, false) => Changes { created: true, updated },
        (false, false, false) => Changes { created: true, updated: true },
        _ => Changes { created, updated },
    }
}

/// The service of a connection: its connector's, by name.
fn service(view: &View<'_>, connection: &str) -> String {
    if let Some(connector) = view.connector(connection) {
        return stem(&connector.name);
    }
    let declared = view.flow.connections.iter().find(|it| it.name == connection);
    let name = declared.map_or(connection, |it| it.connector.as_str());
    stem(name.rsplit('/').next().unwrap_or(name))
}

/// Connectors of one service are called alike: `partner-center-events`, `partner-center-referrals`.
fn stem(name: &str) -> String {
    let words: Vec<&str> = name.split('-').collect();
    match words.as_slice() {
        [one, two, _, ..] => format!("{one}-{two}"),
        _ => name.to_ascii_lowercase(),
    }
}

/// Inputs of triggers that name the columns of which one has to change.
const COLUMNS: &[&str] =
    &["subscriptionRequest/filteringattributes", "subscriptionRequest/AttributeFilters"];
/// Inputs that name the table of records.
const TABLES: &[&str] = &["entityName", "subscriptionRequest/entityname", "table", "tableName"];

/// The table that inputs name, so that singular and plural are the same.
fn table(view: &View<'_>, inputs: &Tree) -> Option<String> {
    let name = named_table(view, inputs)?.to_lowercase();
    let inside = |suffix: &str| name.strip_suffix(suffix).filter(|it| 1 < it.chars().count());
    Some(match (inside("ies"), inside("ses").or_else(|| inside("xes")), inside("s")) {
        (Some(stem), ..) => format!("{stem}y"),
        (None, Some(_), _) => name.strip_suffix("es").unwrap_or(&name).to_owned(),
        (None, None, Some(stem)) => stem.to_owned(),
        (None, None, None) => name,
    })
}

/// The table that inputs name, as they do.
pub(crate) fn named_table(view: &View<'_>, inputs: &Tree) -> Option<String> {
    text_of(view, inputs, TABLES)
}

/// Whether a body, or one of its keys, is computed.
fn is_computed(body: &Tree) -> bool {
    match body {
        Tree::Value(_) => false,
        Tree::Template(_) | Tree::Array(_) => true,
        Tree::Object(entries) => entries.iter().any(|(key, _)| matches!(key, Key::Computed(_))),
    }
}

/// The first of these inputs that is written out, here or as the value of a parameter.
pub(crate) fn text_of(view: &View<'_>, inputs: &Tree, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let value = match inputs {
            Tree::Value(value) => value.get(*name)?.clone(),
            Tree::Object(entries) => {
                let is_it = |key: &Key| matches!(key, Key::Plain(key) if key == name);
                let (_, tree) = entries.iter().find(|(key, _)| is_it(key))?;
                tree.constant().or_else(|| of_parameter(view, tree))?
            }
            Tree::Template(_) | Tree::Array(_) => return None,
        };
        Some(expr::to_text(&value)).filter(|it| !it.is_empty())
    })
}

/// The value of a parameter that stands there alone: the environment's, else its default.
fn of_parameter(view: &View<'_>, tree: &Tree) -> Option<Value> {
    let Tree::Template(placed) = tree else { return None };
    let pieces = placed.template.pieces(&Unknown, Paths::Run);
    let [Piece::Value(_, origins)] = pieces.as_slice() else { return None };
    let [Origin { root: Root::Parameter(name), path, through, .. }] = origins.as_slice() else {
        return None;
    };
    if !path.is_empty() || !through.is_empty() {
        return None;
    }
    let is_it = |it: &str| it.eq_ignore_ascii_case(name);
    let given = view.project.environment.and_then(|it| {
        match &it.parameters.iter().find(|it| is_it(&it.name))?.setting {
            Setting::Value(value) => Some(value.clone()),
            Setting::Text(_) | Setting::Array(_) | Setting::Object(_) => None,
        }
    });
    given.or_else(|| view.flow.parameters.iter().find(|it| is_it(&it.name))?.default.clone())
}

/// What an operation probably does, by the verb that its name begins with.
fn guessed(operation: &str) -> Effect {
    let name = operation.to_ascii_lowercase();
    let begins = |verbs: &[&str]| verbs.iter().any(|it| name.starts_with(it));
    if begins(&["get", "list", "find", "search", "query", "read", "lookup", "count", "fetch"]) {
        Effect::Read
    } else if begins(&["create", "post", "add", "insert", "new"]) {
        Effect::Create
    } else if begins(&["updateorinsert", "upsert"]) {
        Effect::Upsert
    } else if begins(&["update", "patch", "edit", "set", "modify"]) {
        Effect::Update
    } else if begins(&["delete", "remove"]) {
        Effect::Delete
    } else {
        Effect::Action
    }
}
