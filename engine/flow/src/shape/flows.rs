//! The keys of a flow file but those of its triggers and actions.

use base::limits;

use super::{Key, Name, Shape, Takes, triggers::TRIGGER, words};
use crate::{model::ParameterType, policy};

/// Types of parameters, variables and inputs.
pub(crate) const TYPE: Takes = Takes::Words(|| words(ParameterType::NAMES));

/// `secure`.
pub(crate) const SIDES: &[(&str, usize)] = &[("inputs", 0), ("outputs", 1)];

pub(crate) const FLOW: Shape = Shape::new(
    "flow",
    "A flow: what starts it, and the actions that it runs.",
    &[
        Key::new("flow", Takes::Text, "Name of the flow, as people read it.")
            .required()
            .example("\"Partner Center to Dynamics 365\""),
        Key::new("description", Takes::Text, "What the flow is for."),
        Key::new(
            "parameters",
            Takes::Map(&Takes::Object(&PARAMETER)),
            "Values that differ from environment to environment: Power Automate's environment variables. `environments/<name>.yaml` gives the current ones.",
        ),
        Key::new(
            "connections",
            Takes::Map(&Takes::Named(Name::Connector)),
            "The connections that the flow uses: its own name for each, and the connector.",
        )
        .example("{ \"crm\": \"dynamics-365\" }"),
        Key::new(
            "triggers",
            Takes::List(&Takes::Object(&TRIGGER)),
            "What starts runs of the flow.",
        )
        .required(),
        Key::new(
            "actions",
            Takes::Block,
            "What a run does, in this order unless `runAfter` says otherwise.",
        )
        .required(),
        Key::new(
            "outputs",
            Takes::Map(&Takes::Value),
            "Values that the flow gives; read, not evaluated yet.",
        ),
        Key::new(
            "staticResults",
            Takes::AnyObject,
            "Results that tests use in place of those of actions, by name: `{status, outputs, error}`.",
        ),
        Key::new(
            "cloud",
            Takes::AnyObject,
            "What the definition in the cloud says besides. It has no effect and is kept for `flowright export`.",
        ),
    ],
);

pub(crate) const PARAMETER: Shape = Shape::new(
    "parameter",
    "A value that the environment may set.",
    &[
        Key::new("type", TYPE, "Its type.").required(),
        Key::new("default", Takes::Json, "The value where the environment gives none."),
        Key::new("secure", Takes::Flag, "Whether the value is kept out of the journal.")
            .default("false"),
        Key::new("description", Takes::Text, "What it is for."),
    ],
);

/// What triggers and actions have in common besides.
pub(crate) const RETRY_POLICY: Key = Key::new(
    "retryPolicy",
    Takes::Either(&[Takes::Words(|| vec!["none"]), Takes::Object(&RETRY)]),
    "What to do when the service cannot be reached or asks for patience.",
)
.example("{ \"type\": \"exponential\", \"count\": 4, \"interval\": \"PT7S\" }");

pub(crate) const SECURE: Key = Key::new(
    "secure",
    Takes::List(&Takes::Words(|| words(SIDES))),
    "What is shown as `*sanitized*` in records.",
)
.example("[\"inputs\", \"outputs\"]");

pub(crate) const OPTIONS: Key = Key::new(
    "operationOptions",
    Takes::OneOrMore(&Takes::Text),
    "Options as the cloud has them, such as `DisableAsyncPattern`.",
);

pub(crate) const CLOUD: Key = Key::new(
    "cloud",
    Takes::AnyObject,
    "What its definition in the cloud says besides. It has no effect and is kept for `flowright export`.",
);

pub(crate) const RETRY: Shape = Shape::new(
    "retryPolicy",
    "What to do about failures that may pass.",
    &[
        Key::new("type", Takes::Words(|| words(policy::TYPES)), "How the pauses grow.").required(),
        Key::new(
            "count",
            Takes::Whole(1, limits::RETRIES_MAX),
            "How often at most, the first time not counted.",
        ),
        Key::new("interval", Takes::Duration, "The first pause.").example("\"PT7S\""),
        Key::new("minimumInterval", Takes::Duration, "No pause is shorter."),
        Key::new("maximumInterval", Takes::Duration, "No pause is longer."),
    ],
);
