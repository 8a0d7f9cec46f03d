//! The model in few words, so that tests compare text.

use expr::{Key, Tree, condition::Condition};
use serde_json::Value;

use crate::{
    ActionKind, Flow, RetryPolicy, TriggerKind,
    actions::{api_connection::Target, http::HttpInputs, variables::Variables, wait::Wait},
    model::Block,
    triggers::recurrence::Recurrence,
};

/// JSON with templates between `«` and `»`.
pub(crate) fn tree(tree: &Tree) -> String {
    let join = |parts: Vec<String>| parts.join(",");
    match tree {
        Tree::Value(value) => value.to_string(),
        Tree::Template(placed) => format!("«{}»", placed.template.source()),
        Tree::Array(items) => format!("[{}]", join(items.iter().map(self::tree).collect())),
        Tree::Object(entries) => {
            let entry = |(key, value): &(Key, Tree)| match key {
                Key::Plain(key) => format!("{}:{}", Value::from(key.clone()), self::tree(value)),
                Key::Computed(key) => format!("«{}»:{}", key.template.source(), self::tree(value)),
            };
            format!("{{{}}}", join(entries.iter().map(entry).collect()))
        }
    }
}

pub(crate) fn condition(it: &Condition) -> String {
    let list = |all: &[Condition]| all.iter().map(condition).collect::<Vec<_>>().join(", ");
    match it {
        Condition::Template(placed) => format!("«{}»", placed.template.source()),
        Condition::And(all) => format!("and({})", list(all)),
        Condition::Or(any) => format!("or({})", list(any)),
        Condition::Not(inner) => format!("not({})", condition(inner)),
        Condition::Compare { operator, operands } => {
            let operands: Vec<_> = operands.iter().map(tree).collect();
            format!("{}({})", operator.name(), operands.join(", "))
        }
    }
}

fn optional(name: &str, it: Option<&Tree>) -> String {
    it.map_or(String::new(), |it| format!(" {name}={}", tree(it)))
}

fn http(it: &HttpInputs) -> String {
    let mut text = format!("{} {}", tree(&it.method), tree(&it.uri));
    for (name, part) in [
        ("headers", &it.headers),
        ("queries", &it.queries),
        ("body", &it.body),
        ("cookie", &it.cookie),
        ("authentication", &it.authentication),
    ] {
        text.push_str(&optional(name, part.as_ref()));
    }
    text
}

fn block(flow: &Flow, it: &Block) -> String {
    let actions = it.actions.iter().map(|id| {
        let action = flow.action(*id);
        format!("{}: {}", action.display, kind(flow, &action.kind))
    });
    format!("[{}]", actions.collect::<Vec<_>>().join("; "))
}

pub(crate) fn kind(flow: &Flow, it: &ActionKind) -> String {
    match it {
        ActionKind::Condition(it) => {
            let (then, otherwise) = (block(flow, &it.then), block(flow, &it.otherwise));
            format!("if {} {then} else {otherwise}", condition(&it.condition))
        }
        ActionKind::Foreach(it) => {
            let (items, block) = (tree(&it.items), block(flow, &it.block));
            format!("foreach {items} x{} {block}", it.concurrency)
        }
        ActionKind::Scope(it) => format!("scope {}", block(flow, &it.block)),
        ActionKind::Switch(it) => {
            let cases = it.cases.iter();
            let cases =
                cases.map(|it| format!("{}={}: {}", it.name, it.value, block(flow, &it.block)));
            let cases: Vec<_> = cases.collect();
            let default = block(flow, &it.default);
            format!("switch {} {} default {default}", tree(&it.on), cases.join(" "))
        }
        ActionKind::Until(it) => {
            let fails = if it.fails_at_limit { "fail" } else { "continue" };
            let (until, block) = (condition(&it.condition), block(flow, &it.block));
            format!("until {until} {}/{} {fails} {block}", it.count, it.timeout)
        }
        ActionKind::Terminate(it) => {
            let (code, message) = (it.code.as_ref(), it.message.as_ref());
            let status = it.status.name();
            format!("terminate {status}{}{}", optional("code", code), optional("message", message))
        }
        ActionKind::Variables(it) => variables(it),
        other => leaf(other),
    }
}

fn variables(it: &Variables) -> String {
    let (word, change) = match it {
        Variables::Initialize(list) => {
            let list = list.iter().map(|it| {
                format!("{} {}{}", it.name, it.ty.name(), optional("value", it.value.as_ref()))
            });
            return format!("initialize {}", list.collect::<Vec<_>>().join("; "));
        }
        Variables::Set(it) => ("set", it),
        Variables::Increment(it) => ("increment", it),
        Variables::Decrement(it) => ("decrement", it),
        Variables::Append(it) => ("append", it),
    };
    format!("{word} {}{}", change.name, optional("value", change.value.as_ref()))
}

fn leaf(it: &ActionKind) -> String {
    match it {
        ActionKind::ApiConnection(it) => {
            let target = match &it.target {
                Target::Operation(operation) => operation.clone(),
                Target::Path { method, path } => format!("{method} {}", tree(path)),
            };
            let waits = if it.webhook { " waits" } else { "" };
            format!("call {} {target} {}{waits}", it.connection, tree(&it.parameters))
        }
        ActionKind::Compare(it) => {
            let using = it.using.as_ref().map_or("", |(name, _)| name.as_str());
            let base = it.base.as_ref().map(|it| format!(" base {}", tree(it))).unwrap_or_default();
            format!("compare {} with {}{base} using {using}", tree(&it.left), tree(&it.right))
        }
        ActionKind::Compose(it) => format!("compose {}", tree(&it.inputs)),
        ActionKind::Expression(it) => format!("expression {} {}", it.kind, tree(&it.inputs)),
        ActionKind::Http(it) => format!("http {}", http(&it.request)),
        ActionKind::HttpWebhook(it) => {
            let unsubscribe = it.unsubscribe.as_deref().map(http).unwrap_or_default();
            format!("httpWebhook {} / {unsubscribe}", http(&it.subscribe))
        }
        ActionKind::Join(it) => format!("join {} with {}", tree(&it.from), tree(&it.with)),
        ActionKind::Map(it) => format!("map {} from {}", it.mapping, tree(&it.from)),
        ActionKind::ParseJson(it) => format!("parseJson {} as {}", tree(&it.content), it.schema),
        ActionKind::Query(it) => {
            format!("filter {} by {}", tree(&it.from), condition(&it.condition))
        }
        ActionKind::Response(it) => {
            let (headers, body) = (it.headers.as_ref(), it.body.as_ref());
            let status = tree(&it.status);
            format!("respond {status}{}{}", optional("headers", headers), optional("body", body))
        }
        ActionKind::Select(it) => format!("select {} from {}", tree(&it.select), tree(&it.from)),
        ActionKind::Table(it) => {
            let columns = it.columns.iter();
            let columns = columns.map(|it| format!("{}={}", tree(&it.header), tree(&it.value)));
            let columns: Vec<_> = columns.collect();
            format!("table {:?} {} [{}]", it.format, tree(&it.from), columns.join(", "))
        }
        ActionKind::Wait(Wait::Duration(it)) => format!("wait {}", tree(it)),
        ActionKind::Wait(Wait::Until(it)) => format!("wait until {}", tree(it)),
        ActionKind::Wait(Wait::Interval { count, unit }) => {
            format!("wait {} {}", tree(count), tree(unit))
        }
        ActionKind::Workflow(it) => {
            let (body, headers) = (it.body.as_ref(), it.headers.as_ref());
            let trigger = it.trigger.as_deref().unwrap_or("-");
            let parts = optional("body", body) + &optional("headers", headers);
            format!("runFlow {} {trigger}{parts}", it.flow)
        }
        ActionKind::Unsupported(it) => format!("unsupported {} {}", it.type_name, tree(&it.inputs)),
        other => format!("{other:?}"),
    }
}

pub(crate) fn trigger(it: &TriggerKind) -> String {
    match it {
        TriggerKind::Request(it) => {
            let schema = it.schema.as_ref().map_or(String::new(), |it| format!(" {it}"));
            let verify = it.verify.as_ref();
            let verify =
                verify.map_or(String::new(), |it| format!(" {}#{}", it.connector, it.trigger));
            format!("request {:?} {:?} {:?}{schema}{verify}", it.method, it.relative_path, it.kind)
        }
        TriggerKind::Manual(it) => {
            let inputs = it.inputs.iter().map(|it| {
                let required = if it.required { "!" } else { "" };
                format!("{}{required} {} {:?} {:?}", it.name, it.ty.name(), it.default, it.choices)
            });
            format!("manual {}", inputs.collect::<Vec<_>>().join("; "))
        }
        TriggerKind::Recurrence(it) => format!("recurrence {}", recurrence(it)),
        TriggerKind::Batch(it) => {
            let batches = it.batches.iter().map(|it| {
                let every = it.recurrence.as_ref().map_or(String::new(), recurrence);
                format!("{} {:?} {:?} {every}", it.name, it.message_count, it.batch_size)
            });
            format!("batch {}", batches.collect::<Vec<_>>().join("; "))
        }
        TriggerKind::ApiConnection(it) => {
            let every =
                it.recurrence.as_ref().map_or(String::new(), |it| format!(" {}", recurrence(it)));
            let webhook = it.webhook.map_or(String::new(), |it| format!(" webhook={it}"));
            format!(
                "on {} {} {}{every}{webhook}",
                it.connection,
                it.operation,
                tree(&it.parameters)
            )
        }
        TriggerKind::Http(it) => {
            let every =
                it.recurrence.as_ref().map_or(String::new(), |it| format!(" {}", recurrence(it)));
            format!("http {}{every}", http(&it.request))
        }
        TriggerKind::HttpWebhook(it) => {
            let unsubscribe = it.unsubscribe.as_deref().map(http).unwrap_or_default();
            format!("httpWebhook {} / {unsubscribe}", http(&it.subscribe))
        }
        TriggerKind::Flow(it) => format!("flow {:?}", it.schema),
        TriggerKind::Unsupported(it) => format!("unsupported {}", it.type_name),
    }
}

fn recurrence(it: &Recurrence) -> String {
    match it {
        Recurrence::Cron { expression, time_zone } => format!("cron {expression} {time_zone:?}"),
        Recurrence::Every(it) => {
            let mut text = format!("every {} {:?}", it.interval, it.frequency);
            for (name, part) in [
                ("start", it.start_time.clone().unwrap_or_default()),
                ("zone", it.time_zone.clone().unwrap_or_default()),
                ("hours", join(&it.hours)),
                ("minutes", join(&it.minutes)),
                ("weekDays", it.week_days.join(",")),
                ("monthDays", join(&it.month_days)),
                ("delay", it.delay.clone().unwrap_or_default()),
            ] {
                if !part.is_empty() {
                    text = format!("{text} {name}={part}");
                }
            }
            if it.sliding { text + " sliding" } else { text }
        }
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

pub(crate) fn retry(it: Option<&RetryPolicy>) -> String {
    let time = |it: &Option<base::Duration>| it.map_or("-".to_owned(), |it| it.to_string());
    match it {
        None => "default".to_owned(),
        Some(RetryPolicy::None) => "none".to_owned(),
        Some(RetryPolicy::Fixed { count, interval }) => format!("fixed {count} {interval}"),
        Some(RetryPolicy::Exponential { count, interval, minimum, maximum }) => {
            format!("exponential {count} {interval} {}..{}", time(minimum), time(maximum))
        }
    }
}
