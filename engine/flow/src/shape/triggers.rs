//! The keys of triggers: those that all have, and those of each kind.

use base::limits;

use super::{
    Key, Kind, Name, Shape, Takes,
    actions::HTTP,
    flows::{CLOUD, OPTIONS, RETRY_POLICY, SECURE, TYPE},
    words,
};
use crate::triggers::recurrence::{FREQUENCIES, INTERVAL_MAX, WEEK_DAYS};

/// Runs that may wait, at most.
pub(crate) const WAITING_MAX: usize = 1_000_000_000;

pub(crate) const TRIGGER: Shape = Shape {
    name: "trigger",
    doc: "What starts runs of the flow.",
    keys: &[
        Key::new("name", Takes::Text, "Its name, unique among the triggers.").required(),
        Key::new("description", Takes::Text, "What it is for."),
        Key::new(
            "conditions",
            Takes::OneOrMore(&Takes::Template),
            "All must be true, else the event starts no run.",
        ),
        Key::new("splitOn", Takes::Template, "A list; each of its items starts a run of its own."),
        Key::new("dedupe", Takes::Value, "Events with the same value start one run.")
            .example("\"{{body.id}}|{{body.changed}}\""),
        Key::new(
            "concurrency",
            Takes::Object(&CONCURRENCY),
            "How many runs at a time, and which must follow each other.",
        ),
        Key::new(
            "respond",
            Takes::Object(&IMMEDIATE),
            "What the caller is told as soon as the event is durable.",
        ),
        Key::new(
            "clientTrackingId",
            Takes::Value,
            "A value by which runs of the same business are found.",
        ),
        RETRY_POLICY,
        SECURE,
        OPTIONS,
        CLOUD,
    ],
    kinds: KINDS,
};

const RECURS: Key = Key::new(
    "recurrence",
    Takes::Either(&[Takes::Object(&EVERY), Takes::Object(&CRON)]),
    "How often it asks.",
);

pub(crate) const KINDS: &[Kind] = &[
    kind(
        "request",
        Takes::Maybe(&REQUEST),
        "An HTTP request to the flow's own address starts a run.",
        &[],
    ),
    kind("manual", Takes::Maybe(&MANUAL), "A person starts a run, with typed inputs.", &[]),
    kind(
        "recurrence",
        Takes::Either(&[Takes::Object(&EVERY), Takes::Object(&CRON)]),
        "A schedule.",
        &[],
    ),
    kind(
        "on",
        Takes::Either(&[Takes::Named(Name::ConnectorTrigger), Takes::Object(&ON)]),
        "A trigger of a connector, as `connection.Trigger`.",
        &[Key::new("with", Takes::Value, "The inputs of the connector's trigger."), RECURS],
    ),
    kind(
        "http",
        Takes::Object(&HTTP),
        "An address that is asked again and again; 200 starts a run.",
        &[RECURS],
    ),
    kind(
        "httpWebhook",
        Takes::Object(&super::actions::HTTP_WEBHOOK),
        "A subscription by plain HTTP: the service calls the flow's own address.",
        &[],
    ),
    kind("flow", Takes::Maybe(&CALLED), "Another flow calls this one with `runFlow`.", &[]),
    kind(
        "batch",
        Takes::Map(&Takes::Object(&BATCH)),
        "Messages of other flows, collected until there are enough: batches by name.",
        &[],
    ),
    kind(
        "unsupported",
        Takes::Text,
        "A type of the cloud's that does not run here, as an import writes it.",
        &[],
    ),
];

const fn kind(name: &'static str, takes: Takes, doc: &'static str, beside: &'static [Key]) -> Kind {
    Kind { key: Key::new(name, takes, doc), beside }
}

pub(crate) const CONCURRENCY: Shape = Shape::new(
    "concurrency",
    "Order and parallelism of runs.",
    &[
        Key::new(
            "key",
            Takes::Value,
            "Runs of one key are counted together, and start in the order of their events.",
        ),
        Key::new(
            "runs",
            Takes::Whole(1, limits::FOREACH_CONCURRENCY_MAX),
            "Runs at a time, of one key if there is a key.",
        )
        .required(),
        Key::new(
            "group",
            Takes::Text,
            "Flows that name the same group share its keys: no two of their runs of one key overlap.",
        ),
        Key::new(
            "maxWaiting",
            Takes::Whole(0, WAITING_MAX),
            "Events that may wait; further ones are refused with 429.",
        ),
    ],
);

pub(crate) const IMMEDIATE: Shape = Shape::new(
    "answer",
    "What the caller is told at once.",
    &[
        Key::new("status", Takes::Whole(200, 599), "HTTP status.").default("202"),
        Key::new("headers", Takes::Value, "Headers by name."),
        Key::new("body", Takes::Value, "The body."),
    ],
);

pub(crate) const REQUEST: Shape = Shape::new(
    "request",
    "A request to the flow's own address.",
    &[
        Key::new("method", Takes::Text, "The only method that it answers to.").default("\"POST\""),
        Key::new("relativePath", Takes::Text, "What stands behind the address, with parameters.")
            .example("\"/orders/{id}\""),
        Key::new("schema", Takes::Schema, "What the body has to be."),
        Key::new("headersSchema", Takes::Schema, "What the headers have to be."),
        Key::new("validate", Takes::Flag, "Whether what does not match the schemas is refused.")
            .default("true"),
        Key::new(
            "verify",
            Takes::Object(&VERIFY),
            "Whose deliveries are genuine: the trigger of a connector that knows how its service signs.",
        ),
        Key::new("kind", Takes::Text, "The cloud's kind, such as `Http` or `PowerApp`."),
    ],
);

pub(crate) const VERIFY: Shape = Shape::new(
    "verify",
    "Who checks that a request is genuine.",
    &[
        Key::new("connector", Takes::Named(Name::Connector), "The connector.").required(),
        Key::new("trigger", Takes::Text, "Its webhook trigger.").required(),
    ],
);

pub(crate) const MANUAL: Shape = Shape::new(
    "manual",
    "A person starts a run.",
    &[Key::new(
        "inputs",
        Takes::Map(&Takes::Object(&INPUT)),
        "The inputs in the order of the form.",
    )],
);

pub(crate) const INPUT: Shape = Shape::new(
    "input",
    "An input of a form.",
    &[
        Key::new("type", TYPE, "Its type.").required(),
        Key::new("title", Takes::Text, "Its label; the name if not given."),
        Key::new("required", Takes::Flag, "Whether it must be given.").default("false"),
        Key::new("default", Takes::Json, "The value when it is not given."),
        Key::new("description", Takes::Text, "Help text."),
        Key::new("choices", Takes::List(&Takes::Json), "The only values that it may have."),
    ],
);

pub(crate) const ON: Shape = Shape::new(
    "connectorTrigger",
    "A trigger of a connector.",
    &[
        Key::new(
            "connection",
            Takes::Named(Name::Connection),
            "The connection by its name in the flow.",
        )
        .required(),
        Key::new("operation", Takes::Text, "The trigger in the connector.").required(),
        Key::new(
            "webhook",
            Takes::Flag,
            "Whether the definition says that it subscribes; else the connector knows.",
        ),
    ],
);

pub(crate) const CALLED: Shape = Shape::new(
    "called",
    "Another flow calls this one.",
    &[Key::new("schema", Takes::Schema, "What the body has to be.")],
);

pub(crate) const BATCH: Shape = Shape::new(
    "batch",
    "When a batch is released: whichever comes first.",
    &[
        Key::new("messageCount", Takes::Whole(1, limits::BATCH_MESSAGES_MAX), "So many messages."),
        Key::new("batchSize", Takes::Whole(1, limits::BATCH_BYTES_MAX), "So many bytes."),
        Key::new(
            "recurrence",
            Takes::Either(&[Takes::Object(&EVERY), Takes::Object(&CRON)]),
            "So much time.",
        ),
    ],
);

pub(crate) const EVERY: Shape = Shape::new(
    "recurrence",
    "A schedule by units.",
    &[
        Key::new("frequency", Takes::Words(|| words(FREQUENCIES)), "The unit.").required(),
        Key::new(
            "interval",
            Takes::Whole(1, INTERVAL_MAX),
            "How many units lie between two firings.",
        )
        .required(),
        Key::new(
            "startTime",
            Takes::Text,
            "The first firing, ISO 8601; without an offset as clocks of `timeZone` show it.",
        )
        .example("\"2026-01-31T08:00:00\""),
        Key::new("timeZone", Takes::Text, "Windows or IANA name.")
            .default("\"UTC\"")
            .example("\"W. Europe Standard Time\""),
        Key::new("schedule", Takes::Object(&SCHEDULE), "Times and days that count."),
        Key::new("slidingWindow", Takes::Flag, "Whether every window fires, the missed ones too.")
            .default("false"),
        Key::new("delay", Takes::Duration, "How long after its end a sliding window fires."),
    ],
);

pub(crate) const CRON: Shape = Shape::new(
    "cron",
    "A schedule as cron has it.",
    &[
        Key::new("cron", Takes::Text, "Five fields, or six with seconds first.")
            .required()
            .example("\"0 8 * * 1-5\""),
        Key::new("timeZone", Takes::Text, "Windows or IANA name.").default("\"UTC\""),
    ],
);

pub(crate) const SCHEDULE: Shape = Shape::new(
    "schedule",
    "Times and days that count.",
    &[
        Key::new("hours", Takes::OneOrMore(&Takes::Whole(0, 23)), "Hours of the day."),
        Key::new("minutes", Takes::OneOrMore(&Takes::Whole(0, 59)), "Minutes of the hour."),
        Key::new(
            "weekDays",
            Takes::OneOrMore(&Takes::Words(|| words(WEEK_DAYS))),
            "Days of the week.",
        ),
        Key::new(
            "monthDays",
            Takes::OneOrMore(&Takes::Day),
            "Days of the month; `-1` is the last one.",
        ),
    ],
);
