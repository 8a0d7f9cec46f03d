//! Reads what a program says that it can do: operations, triggers and schemas, as JSON.

use base::{Duration, limits};
use expr::{Dialect, Key, Tree};
use serde_json::{Map, Value, json};

use super::program::template;
use crate::{
    model::{Connector, Effect, Idempotency, Operation, Param, Place},
    program::{INVOKE, POLL, Speaks, trigger_inputs},
    schema,
    trigger::{
        Cardinality, Cursor, Dedupe, Poll, Receive, Subscription, SubscriptionCall, Trigger,
        TriggerKind, Verify, Webhook,
    },
};

/// How often a program is asked for events if it does not say.
const EVERY_DEFAULT: Duration = Duration::seconds(60);
/// How long an event is remembered.
const KEEP_DEFAULT: Duration = Duration::seconds(30 * 86_400);
/// Characters of the name of an operation.
const ID_CHARS_MAX: usize = 256;
/// Problems that are told of one description.
const PROBLEMS_MAX: usize = 20;

/// Reads a description, and keeps what is wrong with it.
pub(super) struct Description {
    speaks: Speaks,
    pub(super) problems: Vec<String>,
}

impl Description {
    pub(super) const fn new(speaks: Speaks) -> Self {
        Self { speaks, problems: Vec::new() }
    }

    /// Reads all of it into a connector. What cannot be read is left out.
    pub(super) fn read(&mut self, connector: &mut Connector, said: &Value) {
        let empty = Map::new();
        let known: &[&str] =
            &["description", "operations", "schemas", "title", "triggers", "version"];
        let Some(said) = self.object(said, "it", known) else { return };
        let section = |key: &str| said.get(key).and_then(Value::as_object).unwrap_or(&empty);
        for key in ["operations", "schemas", "triggers"] {
            if said.get(key).is_some_and(|it| !it.is_object() && !it.is_null()) {
                self.problem(format!("`{key}` is not an object"));
            }
        }
        connector.schemas = section("schemas").clone().into_iter().collect();
        for (id, operation) in section("operations") {
            if let Some(operation) = self.operation(id, operation) {
                connector.operations.insert(id.clone(), operation);
            }
        }
        for (id, trigger) in section("triggers") {
            if let Some(trigger) = self.trigger(id, trigger, connector) {
                connector.triggers.insert(id.clone(), trigger);
            }
        }
        self.references(connector);
        if self.speaks == Speaks::Flowright {
            let discover = internal("discover", "", Effect::Read, &["schema", "inputs"]);
            connector.operations.insert(discover.id.clone(), discover);
        }
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn object<'v>(
        &mut self,
        value: &'v Value,
        place: &str,
        known: &[&str],
    ) -> Option<&'v Map<String, Value>> {
        let Some(map) = value.as_object() else {
            self.problem(format!("{place} is not an object"));
            return None;
        };
        for key in map.keys().filter(|it| !known.contains(&it.as_str())) {
            let near = base::suggest::closest(key, known.iter().copied())
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            self.problem(format!("{place} has no key `{key}`{near}"));
        }
        Some(map)
    }

    fn id(&mut self, id: &str) -> bool {
        let fits = !id.is_empty()
            && id.len() <= ID_CHARS_MAX
            && !id.starts_with('$')
            && !id.chars().any(|it| it.is_control() || it.is_whitespace());
        if !fits {
            self.problem(format!("`{}` is not a name", id.escape_debug()));
        }
        fits
    }

    fn text(&mut self, map: &Map<String, Value>, key: &str, place: &str) -> Option<String> {
        match map.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.problem(format!("`{key}` of {place} is not text"));
                None
            }
        }
    }

    fn flag(&mut self, map: &Map<String, Value>, key: &str, place: &str) -> bool {
        match map.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                self.problem(format!("`{key}` of {place} is not true or false"));
                false
            }
        }
    }

    fn number(&mut self, map: &Map<String, Value>, key: &str, place: &str) -> Option<u64> {
        let value = map.get(key).filter(|it| !it.is_null())?;
        if value.as_u64().is_none() {
            self.problem(format!("`{key}` of {place} is not a whole number"));
        }
        value.as_u64()
    }

    fn duration(&mut self, map: &Map<String, Value>, key: &str, place: &str) -> Option<Duration> {
        let text = self.text(map, key, place)?;
        let duration = Duration::parse_iso(&text).filter(|it| Duration::ZERO <= *it);
        if duration.is_none() {
            self.problem(format!("`{key}` of {place} is not a duration such as `PT60S`"));
        }
        duration
    }

    fn schema(&mut self, map: &Map<String, Value>, key: &str, place: &str) -> Option<Value> {
        match map.get(key)? {
            Value::Null => None,
            Value::Bool(_) => Some(json!({})),
            schema @ Value::Object(_) => Some(schema.clone()),
            Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.problem(format!("`{key}` of {place} is not a schema"));
                None
            }
        }
    }

    fn operation(&mut self, id: &str, said: &Value) -> Option<Operation> {
        if !self.id(id) {
            return None;
        }
        let place = format!("operation `{id}`");
        let known: &[&str] = &[
            "body",
            "bodyParam",
            "description",
            "effect",
            "idempotent",
            "internal",
            "params",
            "returns",
            "title",
        ];
        let map = self.object(said, &place, known)?;
        let effect = match self.text(map, "effect", &place) {
            None => {
                self.problem(format!("{place} does not say its `effect`"));
                Effect::Action
            }
            Some(name) => Effect::ALL.iter().find(|(it, _)| *it == name).map_or_else(
                || {
                    self.problem(format!("the `effect` of {place} cannot be `{name}`"));
                    Effect::Action
                },
                |(_, effect)| *effect,
            ),
        };
        // The key goes with every call; whether the program heeds it, it has to say.
        let idempotency = if self.flag(map, "idempotent", &place) {
            Idempotency::Header { name: "idempotencyKey".to_owned(), value: None }
        } else {
            Idempotency::None
        };
        Some(Operation {
            title: self.text(map, "title", &place).unwrap_or_else(|| id.to_owned()),
            description: self.text(map, "description", &place).unwrap_or_default(),
            effect,
            internal: self.flag(map, "internal", &place),
            params: self.params(map, &place),
            body_param: self.text(map, "bodyParam", &place).unwrap_or_else(|| "body".to_owned()),
            body: self.schema(map, "body", &place),
            returns: self.schema(map, "returns", &place),
            idempotency,
            ..Operation::new(id, INVOKE, id)
        })
    }

    /// Parameters, each a schema; `required: true` and `x-required: true` say the same.
    fn params(&mut self, map: &Map<String, Value>, place: &str) -> Vec<Param> {
        let given = match map.get("params") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(given)) => given,
            Some(_) => {
                self.problem(format!("`params` of {place} is not an object"));
                return Vec::new();
            }
        };
        let mut params = Vec::with_capacity(given.len());
        for (name, schema) in given {
            let Value::Object(mut members) = schema.clone() else {
                self.problem(format!("parameter `{name}` of {place} is not a schema"));
                continue;
            };
            let mut required = members.shift_remove("x-required") == Some(Value::Bool(true));
            if let Some(Value::Bool(flag)) = members.get("required") {
                required = *flag;
                members.shift_remove("required");
            }
            let default = members.get("default").cloned();
            let schema = Value::Object(members);
            params.push(Param { required, default, ..Param::new(name, Place::Input, schema) });
        }
        params
    }

    /// A trigger, and the operations by which the engine asks for it.
    fn trigger(&mut self, id: &str, said: &Value, connector: &mut Connector) -> Option<Trigger> {
        if !self.id(id) {
            return None;
        }
        let place = format!("trigger `{id}`");
        let kind = said.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let common = ["description", "kind", "params", "returns", "title"];
        let own: &[&str] = match kind.as_str() {
            "poll" => &["every", "everyMin"],
            "webhook" => &[
                "bodyBytesMax",
                "cardinality",
                "renew",
                "renewEvery",
                "status",
                "subscribe",
                "unsubscribe",
                "verify",
            ],
            _ => {
                self.problem(format!("the `kind` of {place} is `poll` or `webhook`"));
                return None;
            }
        };
        let known: Vec<&str> = common.iter().chain(own).copied().collect();
        let map = self.object(said, &place, &known)?;
        let params = self.params(map, &place);
        let names: Vec<String> = params.iter().map(|it| it.name.clone()).collect();
        let asked = Asked { id, names: &names, connector };
        let (kind, output) = if kind == "poll" {
            (TriggerKind::Poll(Box::new(self.poll(map, &place, asked))), Some("@item()?['body']"))
        } else {
            (TriggerKind::Webhook(Box::new(self.webhook(map, &place, asked))), None)
        };
        Some(Trigger {
            deprecated: None,
            id: id.to_owned(),
            title: self.text(map, "title", &place).unwrap_or_else(|| id.to_owned()),
            params,
            routes: Vec::new(),
            kind,
            output: output.map(|it| tree(&it.into())),
            returns: self.schema(map, "returns", &place),
        })
    }

    fn poll(&mut self, map: &Map<String, Value>, place: &str, mut asked: Asked<'_>) -> Poll {
        let every_min = self.duration(map, "everyMin", place).unwrap_or(Duration::seconds(1));
        let more = [("state", "@state('state')"), ("since", "@state('since')")];
        let (operation, with) =
            asked.operation(POLL, Effect::Read, &["trigger", "inputs", "state", "since"], &more);
        let cursor = |name: &str, next: &str, initial: &str| Cursor {
            name: name.to_owned(),
            next: template(next),
            initial: template(initial),
        };
        Poll {
            every: self.duration(map, "every", place).unwrap_or(EVERY_DEFAULT).max(every_min),
            every_min,
            operation,
            with,
            items: template("@body()?['items']"),
            cursor: vec![
                cursor("state", "@body()?['state']", "@null"),
                cursor("since", "@null", "@utcNow()"),
            ],
            overlap: Duration::ZERO,
            dedupe: Some(Dedupe { key: template("@item()?['key']"), keep: KEEP_DEFAULT }),
            whole: false,
            filter: None,
        }
    }

    fn webhook(&mut self, map: &Map<String, Value>, place: &str, mut asked: Asked<'_>) -> Webhook {
        let cardinality = match self.text(map, "cardinality", place).as_deref() {
            None | Some("perFlow") => Cardinality::PerFlow,
            Some("singleton") => Cardinality::Singleton,
            Some(other) => {
                self.problem(format!("the `cardinality` of {place} cannot be `{other}`"));
                Cardinality::PerFlow
            }
        };
        // Without a word about it the program subscribes.
        let subscribes = map.get("subscribe").is_none() || self.flag(map, "subscribe", place);
        let subscription = subscribes.then(|| self.subscription(map, place, &mut asked));
        let verify = if self.flag(map, "verify", place) {
            let names = ["trigger", "headers", "bodyBase64"];
            Verify::Program(asked.operation("verify", Effect::Read, &names, &[]).0)
        } else {
            Verify::UrlSecret
        };
        let status = self.number(map, "status", place).unwrap_or(202);
        let status = u16::try_from(status).ok().filter(|it| (200..300).contains(it));
        if status.is_none() {
            self.problem(format!("the `status` of {place} is a number from 200 to 299"));
        }
        let most = self.number(map, "bodyBytesMax", place);
        let most = most.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
        Webhook {
            cardinality,
            subscription,
            receive: Receive {
                status: status.unwrap_or(202),
                body_bytes_max: most.min(limits::REQUEST_BYTES_MAX),
                verify,
                handshakes: Vec::new(),
                body: self.schema(map, "returns", place),
                case_insensitive: false,
                dedupe: None,
                filter: None,
            },
        }
    }

    /// The methods by which a program is told what flows want.
    fn subscription(
        &mut self,
        map: &Map<String, Value>,
        place: &str,
        asked: &mut Asked<'_>,
    ) -> Subscription {
        let url = ("callbackUrl", "@callbackUrl()");
        let known = ("subscription", "@subscription('id')");
        let call = |asked: &mut Asked<'_>, method: &str, more: &[(&str, &str)]| {
            let names: Vec<&str> =
                ["trigger", "inputs"].into_iter().chain(more.iter().map(|it| it.0)).collect();
            let (operation, with) = asked.operation(method, Effect::Upsert, &names, more);
            SubscriptionCall { operation, with, id: None }
        };
        let mut create = call(asked, "subscribe", &[url]);
        create.id = Some(template("@body()?['subscription']"));
        let renews = self.flag(map, "renew", place);
        let removes = self.flag(map, "unsubscribe", place);
        Subscription {
            create: Some(create),
            update: renews.then(|| call(asked, "renew", &[url, known])),
            delete: removes.then(|| call(asked, "unsubscribe", &[url, known])),
            renew_every: self.duration(map, "renewEvery", place),
            ..Subscription::default()
        }
    }

    /// References of parameters have to lead somewhere, as all others have to.
    fn references(&mut self, connector: &Connector) {
        let of_operations = connector.operations.values().flat_map(|it| &it.params);
        let of_triggers = connector.triggers.values().flat_map(|it| &it.params);
        let mut found = Vec::new();
        for param in of_operations.chain(of_triggers) {
            schema::references(&param.schema, &mut found);
        }
        let missing = found.into_iter().filter(|reference| {
            schema::referred(reference).is_none_or(|it| !connector.schemas.contains_key(it))
        });
        let missing: std::collections::BTreeSet<&str> = missing.collect();
        for reference in missing {
            self.problem(format!("there is no schema `{reference}`"));
        }
    }
}

/// The trigger that operations are made for.
struct Asked<'a> {
    id: &'a str,
    names: &'a [String],
    connector: &'a mut Connector,
}

impl Asked<'_> {
    /// Makes the operation by which a method is asked for the trigger: its id and its inputs.
    fn operation(
        &mut self,
        method: &str,
        effect: Effect,
        params: &[&str],
        more: &[(&str, &str)],
    ) -> (String, Tree) {
        let made = internal(method, self.id, effect, params);
        let id = made.id.clone();
        self.connector.operations.insert(id.clone(), made);
        let inputs = trigger_inputs(self.names, more);
        let Tree::Object(entries) = tree(&inputs) else { return (id, tree(&inputs)) };
        // The name is data, whatever is in it.
        let name = Tree::Value(self.id.into());
        let named = (Key::Plain("trigger".to_owned()), name);
        (id, Tree::Object([named].into_iter().chain(Vec::from(entries)).collect()))
    }
}

fn tree(value: &Value) -> Tree {
    Tree::from_value(value, Dialect::Wdl).0
}

/// An operation that is for the engine only.
fn internal(method: &str, of: &str, effect: Effect, params: &[&str]) -> Operation {
    let param = |name: &&str| Param::new(name, Place::Input, json!({}));
    let id = if of.is_empty() { format!("${method}") } else { format!("${method}/{of}") };
    Operation {
        effect,
        internal: true,
        params: params.iter().map(param).collect(),
        ..Operation::new(&id, method, of)
    }
}
