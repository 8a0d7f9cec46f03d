//! The frame of a flow file; each action and trigger is handed to its kind.

use base::{ActionName, Diagnostic, Severity, Source, Span, code, limits};
use expr::{Dialect, Tree};
use serde_json::{Map, Value};
use yaml::{Node, Style};

use crate::{
    actions::{self, ActionKind, unsupported::Unsupported},
    builder::{After, Builder, Link, Named},
    check,
    fields::Fields,
    model::{
        Action, ActionId, Block, Connection, Flow, ImmediateResponse, Parameter, ParameterType,
        Trigger, TriggerConcurrency, is_made_of_settings,
    },
    policy::RetryPolicy,
    reader::Reader,
    shape::{self, Shape},
    triggers::{self, TriggerKind, unsupported::UnsupportedTrigger},
};

/// Reads a flow file. There is always a flow; it runs only if no finding is an error.
pub fn read(source: &Source) -> (Flow, Vec<Diagnostic>) {
    let (root, found) = yaml::parse(source.text());
    let mut builder = Builder::new(Reader::new(Dialect::Flowright, found));
    let mut flow = Flow::empty(Dialect::Flowright);
    if let Some(root) = root {
        read_flow(&mut builder, &mut flow, &root);
    }
    let (mut reader, actions, names) = builder.finish();
    flow.actions = actions;
    flow.names = names;
    flow.looks = std::mem::take(&mut reader.looks);
    check::connections(&flow, &mut reader.sink);
    check::answers(&flow, &mut reader.sink);
    check::static_results(&flow, &mut reader.sink);
    (flow, reader.sink.into_sorted())
}

fn read_flow(builder: &mut Builder, flow: &mut Flow, root: &Node) {
    let reader = &mut builder.reader;
    let mut fields = Fields::new(reader, root, "the flow").of(&shape::FLOW);
    flow.name = fields.required_text(reader, "flow").unwrap_or_default().0;
    flow.description = fields.text(reader, "description");
    flow.parameters = entries(reader, &mut fields, "parameters", read_parameter);
    flow.connections = entries(reader, &mut fields, "connections", |reader, key, node| {
        let connector = reader.text(node, "a connection")?;
        let (connector, version) = match connector.rsplit_once('@').filter(|(_, it)| is_version(it))
        {
            Some((connector, version)) => (connector.to_owned(), Some(version.to_owned())),
            None => (connector, None),
        };
        Some(Connection { name: key.text.clone(), connector, version, span: node.span })
    });
    flow.outputs = entries(reader, &mut fields, "outputs", |reader, key, node| {
        Some((key.text.clone(), reader.tree(node)))
    });
    let results = fields.given("staticResults").map(|it| reader.mapping(it, "`staticResults`"));
    flow.static_results = results.map(yaml::Mapping::to_json).unwrap_or_default();
    flow.cloud = read_cloud(reader, &mut fields);
    let triggers = fields.required(reader, "triggers");
    let triggers = triggers.map(|it| (reader.list(it, "`triggers`"), it.span));
    if let Some((nodes, span)) = triggers {
        flow.triggers = read_triggers(reader, nodes, span);
    }
    builder.trigger_names = flow.triggers.iter().map(|it| it.name.clone()).collect();
    if let Some(node) = fields.required(&mut builder.reader, "actions") {
        flow.root = builder.read_block(node, "`actions`");
    }
    fields.finish(&mut builder.reader);
}

/// The entries of an object whose keys are names.
fn entries<T>(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    key: &'static str,
    read: impl Fn(&mut Reader, &yaml::Key, &Node) -> Option<T>,
) -> Vec<T> {
    let Some(node) = fields.given(key) else { return Vec::new() };
    let mapping = reader.mapping(node, &format!("`{key}`"));
    mapping.iter().filter_map(|it| read(reader, &it.key, &it.value)).collect()
}

fn read_parameter(reader: &mut Reader, key: &yaml::Key, node: &Node) -> Option<Parameter> {
    let name = key.text.clone();
    let mut fields =
        Fields::new(reader, node, &format!("parameter `{name}`")).of(&shape::PARAMETER);
    fields.at = key.span;
    let ty = fields.required(reader, "type");
    let ty = ty.and_then(|it| reader.choice(it, "`type`", ParameterType::NAMES));
    let default = fields.given("default");
    let secure = fields.flag(reader, "secure");
    let description = fields.text(reader, "description");
    fields.finish(reader);
    let ty = ty?;
    let default = default.map(|it| match it.as_str().filter(|it| is_made_of_settings(it)) {
        Some(text) => {
            let message = format!("`{text}` has no value here: app settings are of the cloud");
            let found = Diagnostic::new(code::WRONG_TYPE, it.span, message).warning();
            reader.sink.push(found.hint("give the value of the parameter in the environment"));
            text.into()
        }
        None => check::typed(&mut reader.sink, it, ty, "`default`"),
    });
    Some(Parameter { name, span: key.span, ty, default, secure, description })
}

fn read_triggers(reader: &mut Reader, nodes: &[Node], span: Span) -> Vec<Trigger> {
    let mut triggers: Vec<Trigger> = Vec::new();
    if nodes.is_empty() {
        // Definitions that nothing starts are imported as they are.
        let message = "nothing starts this flow: it has no trigger";
        let mut found = Diagnostic::new(code::MISSING_KEY, span, message);
        found.severity = Severity::Warning;
        reader.sink.push(found);
    }
    for node in nodes {
        let trigger = read_trigger(reader, node);
        if let Some(first) = triggers.iter().find(|it| it.name == trigger.name) {
            let message = format!("two triggers are called `{}`", trigger.display);
            let found = Diagnostic::new(code::DUPLICATE_NAME, trigger.span, message);
            reader.sink.push(found.label(first.span, "first here"));
        }
        triggers.push(trigger);
    }
    triggers
}

fn read_trigger(reader: &mut Reader, node: &Node) -> Trigger {
    let (mut fields, display, span) = named(reader, node, &shape::TRIGGER);
    let description = fields.text(reader, "description");
    let kind = read_trigger_kind(reader, &mut fields);
    let conditions = fields.given("conditions");
    let conditions = conditions.map(|it| one_or_more(it)).unwrap_or_default();
    let conditions =
        conditions.iter().filter_map(|it| reader.template(it, "a trigger's condition"));
    let conditions = conditions.collect();
    let split_on = fields.given("splitOn").and_then(|it| reader.template(it, "`splitOn`"));
    let dedupe = fields.given("dedupe").map(|it| reader.tree(it));
    let concurrency = fields.given("concurrency");
    let concurrency = concurrency.map(|it| read_concurrency(reader, it));
    let respond = fields.given("respond").map(|it| read_response(reader, it));
    let tracking_id = fields.tree(reader, "clientTrackingId");
    let retry = fields.given("retryPolicy").and_then(|it| RetryPolicy::read(reader, it));
    let (secure_inputs, secure_outputs) = read_secure(reader, &mut fields);
    let options = read_options(reader, &mut fields);
    let cloud = read_cloud(reader, &mut fields);
    fields.finish(reader);
    let name = ActionName::new(&display);
    Trigger {
        name,
        display,
        span,
        description,
        kind,
        conditions,
        split_on,
        dedupe,
        concurrency,
        respond,
        tracking_id,
        retry,
        secure_inputs,
        secure_outputs,
        options,
        cloud,
    }
}

fn one_or_more(node: &Node) -> Vec<&Node> {
    node.as_seq().map_or_else(|| vec![node], |items| items.iter().collect())
}

/// Takes the only kind key of a trigger. `recurrence` is one if it stands alone.
fn read_trigger_kind(reader: &mut Reader, fields: &mut Fields<'_>) -> TriggerKind {
    let Some((key, node)) = kind(reader, fields, &shape::TRIGGER) else {
        return TriggerKind::Unsupported(UnsupportedTrigger { type_name: String::new() });
    };
    match key {
        "request" => triggers::request::read(reader, node),
        "manual" => triggers::manual::read(reader, node),
        "recurrence" => triggers::recurrence::read(reader, node),
        "on" => triggers::api_connection::read(reader, fields, node),
        "http" => triggers::http::read(reader, fields, node),
        "httpWebhook" => triggers::http_webhook::read(reader, node),
        "flow" => triggers::flow::read(reader, node),
        "batch" => triggers::batch::read(reader, node),
        _ => triggers::unsupported::read(reader, node),
    }
}

fn read_concurrency(reader: &mut Reader, node: &Node) -> TriggerConcurrency {
    let mut fields = Fields::new(reader, node, "`concurrency`").of(&shape::CONCURRENCY);
    let range = (1, limits::FOREACH_CONCURRENCY_MAX);
    let runs = fields.required(reader, "runs").and_then(|it| reader.whole(it, "`runs`", range));
    let group = fields.given("group").and_then(|it| reader.text(it, "`group`"));
    // Without one every run would wait for every other of the group.
    let key = if group.is_some() { fields.required(reader, "key") } else { fields.given("key") };
    let key = key.map(|it| reader.tree(it));
    let max_waiting = fields.given("maxWaiting");
    let max_waiting =
        max_waiting.and_then(|it| reader.whole(it, "`maxWaiting`", (0, 1_000_000_000)));
    fields.finish(reader);
    TriggerConcurrency { runs: runs.unwrap_or(1), key, group, max_waiting }
}

fn read_response(reader: &mut Reader, node: &Node) -> ImmediateResponse {
    let mut fields = Fields::new(reader, node, "`respond`").of(&shape::IMMEDIATE);
    let status = fields.given("status").and_then(|it| reader.whole(it, "`status`", (200, 599)));
    let status = status.and_then(|it| u16::try_from(it).ok()).unwrap_or(202);
    let (headers, body) = (fields.tree(reader, "headers"), fields.tree(reader, "body"));
    fields.finish(reader);
    ImmediateResponse { status, headers, body }
}

/// `secure: [inputs, outputs]`.
fn read_secure(reader: &mut Reader, fields: &mut Fields<'_>) -> (bool, bool) {
    let Some(node) = fields.given("secure") else { return (false, false) };
    let mut secure = [false; 2];
    for item in reader.list(node, "`secure`") {
        if let Some(side) = reader.choice(item, "an item of `secure`", shape::SIDES) {
            secure[side] = true;
        }
    }
    (secure[0], secure[1])
}

/// `operationOptions`, a list or as the cloud writes it: words with commas.
pub(crate) fn read_options(reader: &mut Reader, fields: &mut Fields<'_>) -> Vec<String> {
    let Some(node) = fields.given("operationOptions") else { return Vec::new() };
    let mut options = Vec::new();
    for item in one_or_more(node) {
        let text = reader.text(item, "an item of `operationOptions`").unwrap_or_default();
        let words = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        options.extend(words.map(str::to_owned));
    }
    options
}

/// `cloud`: JSON as a definition of the cloud's had it; nothing in it is read here.
fn read_cloud(reader: &mut Reader, fields: &mut Fields<'_>) -> Map<String, Value> {
    let node = fields.given("cloud").map(|it| reader.mapping(it, "`cloud`"));
    node.map(yaml::Mapping::to_json).unwrap_or_default()
}

/// The keys of an action or a trigger, its name and where that stands.
fn named<'a>(
    reader: &mut Reader,
    node: &'a Node,
    shape: &'static Shape,
) -> (Fields<'a>, String, Span) {
    let what = shape.name;
    let name = node.get("name").and_then(Node::as_str).unwrap_or_default();
    let place = if name.is_empty() { format!("this {what}") } else { format!("{what} `{name}`") };
    let mut fields = Fields::new(reader, node, &place).of(shape);
    let (name, span) = fields.required_text(reader, "name").unwrap_or((String::new(), fields.at));
    fields.at = span;
    if fields.node("name").is_some_and(|it| it.as_str().is_some()) {
        check::name(&mut reader.sink, &name, span, what);
    }
    (fields, name, span)
}

/// The only one of the kind keys that there is, and its value.
pub(crate) fn kind<'a>(
    reader: &mut Reader,
    fields: &mut Fields<'a>,
    shape: &'static Shape,
) -> Option<(&'static str, &'a Node)> {
    let kinds: Vec<&str> = shape.kinds.iter().map(|it| it.key.name).collect();
    let kinds_there = shape.kinds_of(fields.keys());
    let Some(kind) = kinds_there.first() else {
        fields.know(&kinds);
        if !fields.has_unknown() {
            let message = format!("{} does nothing: it has no kind", fields.place);
            let found = Diagnostic::new(code::MISSING_KEY, fields.at, message);
            reader.sink.push(found.hint(format!("add one of {}", kinds.join(", "))));
        }
        return None;
    };
    fields.of_kind(kind);
    if let Some(other) = kinds_there.get(1) {
        let (first, other) = (kind.key.name, other.key.name);
        let message = format!("{} has two kinds: `{first}` and `{other}`", fields.place);
        let [at, also] = [first, other].map(|it| fields.span(it).unwrap_or(fields.at));
        let found = Diagnostic::new(code::WRONG_TYPE, also, message);
        reader.sink.push(found.label(at, "first kind").hint("split it in two"));
        fields.know(&kinds);
    }
    let key = kind.key.name;
    fields.node(key).map(|node| (key, node))
}

impl Builder {
    /// Reads a list of actions.
    pub(crate) fn read_block(&mut self, node: &Node, what: &str) -> Block {
        if node.is_null() {
            return Block::default();
        }
        let nodes = self.reader.list(node, what);
        let mut links = Vec::new();
        self.read_sequence(nodes, Vec::new(), &mut links);
        self.block(links)
    }

    /// Reads actions that follow each other; gives back those that what follows runs after.
    fn read_sequence(
        &mut self,
        nodes: &[Node],
        mut before: Vec<ActionId>,
        links: &mut Vec<Link>,
    ) -> Vec<ActionId> {
        for node in nodes {
            if let Some(branches) = node.get("parallel") {
                let place = "a parallel branch";
                Fields::new(&mut self.reader, node, place)
                    .of(&shape::PARALLEL)
                    .finish(&mut self.reader);
                let mut ends: Vec<ActionId> = Vec::new();
                for branch in self.reader.list(branches, "`parallel`") {
                    let nodes = self.reader.list(branch, "a branch of `parallel`");
                    if nodes.is_empty() {
                        continue;
                    }
                    let last = self.read_sequence(nodes, before.clone(), links);
                    ends.extend(
                        last.into_iter().filter(|it| !ends.contains(it)).collect::<Vec<_>>(),
                    );
                }
                if !ends.is_empty() {
                    before = ends;
                }
            } else {
                let (id, after) = self.read_action(node);
                let after = after.unwrap_or(After::Previous(before));
                links.push(Link { id, after });
                before = vec![id];
            }
        }
        before
    }

    /// Reads an action; what it runs after, if that is written.
    fn read_action(&mut self, node: &Node) -> (ActionId, Option<After>) {
        let (mut fields, display, name_span) = named(&mut self.reader, node, &shape::ACTION);
        let name = ActionName::new(&display);
        let parent = self.parent();
        let id = self.open(&name, name_span);
        let after = fields.node("runAfter").map(|it| self.read_run_after(it));
        let reader = &mut self.reader;
        let description = fields.text(reader, "description");
        let timeout = fields.given("timeout").and_then(|it| reader.duration(it, "`timeout`"));
        let retry = fields.given("retryPolicy").and_then(|it| RetryPolicy::read(reader, it));
        let (secure_inputs, secure_outputs) = read_secure(reader, &mut fields);
        let tracked_properties = fields.given("trackedProperties").map(|it| reader.tree(it));
        let static_result = fields.text(reader, "staticResult");
        let minimum = fields.given("minimumItemCount");
        let minimum_item_count =
            minimum.and_then(|it| reader.whole(it, "`minimumItemCount`", (1, 1_000_000_000)));
        let options = read_options(reader, &mut fields);
        let cloud = read_cloud(reader, &mut fields);
        let kind = self.read_kind(id, &mut fields);
        fields.finish(&mut self.reader);
        let action = Action {
            name,
            display,
            name_span,
            span: node.span,
            description,
            run_after: Vec::new(),
            kind,
            parent,
            timeout,
            retry,
            secure_inputs,
            secure_outputs,
            tracked_properties,
            static_result,
            minimum_item_count,
            options,
            cloud,
        };
        self.close(id, action);
        (id, after)
    }

    fn read_run_after(&mut self, node: &Node) -> After {
        let mut named = Vec::new();
        let mut entries = self.reader.mapping(node, "`runAfter`").iter().peekable();
        while let Some(entry) = entries.next() {
            let (mut name, mut span, mut value) =
                (entry.key.text.clone(), entry.key.span, &entry.value);
            // Inside `{ }` a comma ends a key: the name goes on in the next one.
            while node.style == Style::Flow
                && value.is_null()
                && let Some(next) = entries.next()
            {
                name = format!("{name}, {}", next.key.text);
                (span, value) = (span.to(next.key.span), &next.value);
            }
            if span != entry.key.span {
                let quoted = format!("\"{name}\"");
                let message = "inside `{ }` a name with a comma must be quoted";
                let found = Diagnostic::new(code::BAD_RUN_AFTER, span, message);
                let found = found.hint(format!("write {quoted}"));
                self.reader.sink.push(found.fix(span, quoted, "quote the name"));
            }
            let statuses = self.statuses(value);
            if value.as_seq().is_some_and(<[Node]>::is_empty) {
                let message = format!("no status of `{name}` would let this action start");
                let found = Diagnostic::new(code::BAD_RUN_AFTER, value.span, message);
                self.reader.sink.push(found.hint("write `[Succeeded]`"));
            }
            named.push(Named { name, span, statuses });
        }
        After::Named(named)
    }

    fn read_kind(&mut self, id: ActionId, fields: &mut Fields<'_>) -> ActionKind {
        let Some((key, node)) = kind(&mut self.reader, fields, &shape::ACTION) else {
            let inputs = Tree::Value(Value::Null);
            return ActionKind::Unsupported(Unsupported {
                type_name: String::new(),
                lacks_inputs: false,
                inputs,
            });
        };
        let is_loop = matches!(key, "foreach" | "until");
        self.enter(id, is_loop, fields.at);
        let kind = actions::read(self, fields, key, node);
        self.leave();
        kind
    }
}

/// Whether this is written behind a connector as its version: other names of connections may hold an
/// `@`, too.
fn is_version(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_digit())
        && text.chars().all(|it| it.is_ascii_alphanumeric() || ".-+".contains(it))
}
