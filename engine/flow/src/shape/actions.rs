//! The keys of actions: those that all have, and those of each kind.

use base::{Status, limits};

use super::{
    Key, Kind, Name, Shape, Takes,
    flows::{CLOUD, OPTIONS, RETRY_POLICY, SECURE, TYPE},
    words,
};
use crate::actions::{expression, table, terminate, until};

/// Items that may be wanted of an operation that pages.
pub(crate) const ITEMS_MAX: usize = 1_000_000_000;

pub(crate) const ACTION: Shape = Shape {
    name: "action",
    doc: "One step of the flow.",
    keys: &[
        Key::new("name", Takes::Text, "Its name, unique in the flow. Expressions use it with `_` for blanks.").required(),
        Key::new("description", Takes::Text, "What it is for."),
        Key::new("runAfter", Takes::RunAfter, "Which actions of the same block have to be over, and how. Without it the action runs after the one before it has succeeded; `{}` starts with the block.").example("{ \"Get the referral\": [\"Failed\", \"TimedOut\"] }"),
        RETRY_POLICY,
        Key::new("timeout", Takes::Duration, "How long it may take, all attempts together.").example("\"PT1H\""),
        SECURE,
        Key::new("trackedProperties", Takes::Value, "Values shown beside the run, evaluated when the action has ended."),
        Key::new("staticResult", Takes::Named(Name::StaticResult), "One of the flow's `staticResults`, which tests use in place of the action's own."),
        Key::new("minimumItemCount", Takes::Whole(1, ITEMS_MAX), "How many items are wanted at least, when the operation pages."),
        OPTIONS,
        CLOUD,
    ],
    kinds: KINDS,
};

/// An entry of a block that is no action.
pub(crate) const PARALLEL: Shape = Shape::new(
    "parallel",
    "Branches that start together; what follows waits for all.",
    &[Key::new("parallel", Takes::List(&Takes::Block), "The branches, each a list of actions.")
        .required()],
);

const FROM: Key = Key::new("from", Takes::Value, "The list.").required();
const WITH: Key = Key::new("with", Takes::Value, "The inputs.");
const ACTIONS: Key = Key::new("actions", Takes::Block, "What is done in each pass.").required();

pub(crate) const KINDS: &[Kind] = &[
    kind(
        "call",
        Takes::Either(&[Takes::Named(Name::Operation), Takes::Object(&CALL)]),
        "Calls an operation of a connector, as `connection.Operation`.",
        &[Key::new("with", Takes::Value, "The inputs of the operation.")],
    ),
    kind(
        "http",
        Takes::Object(&HTTP),
        "Sends a plain HTTP request. A 202 with `Location` is followed.",
        &[],
    ),
    kind(
        "httpWebhook",
        Takes::Object(&HTTP_WEBHOOK),
        "Asks a service to call, and waits for the call.",
        &[],
    ),
    kind(
        "approval",
        Takes::Object(&APPROVAL),
        "Asks people and waits until one of them answers.",
        &[],
    ),
    kind("compose", Takes::Value, "Makes a value.", &[]),
    kind(
        "parseJson",
        Takes::Value,
        "Takes JSON text or a value and checks it.",
        &[Key::new("schema", Takes::Schema, "What the value has to be.")],
    ),
    kind("select", Takes::Value, "Gives each item of a list this form.", &[FROM]),
    kind("filter", Takes::Condition, "Keeps the items of a list for which this holds.", &[FROM]),
    kind("join", Takes::Value, "Writes a list as text, with this between its items.", &[FROM]),
    kind(
        "table",
        Takes::Words(|| words(table::FORMATS)),
        "Writes a list as a table.",
        &[
            FROM,
            Key::new(
                "columns",
                Takes::List(&Takes::Object(&COLUMN)),
                "The columns in order; the items' keys if not given.",
            ),
        ],
    ),
    kind(
        "initialize",
        Takes::Either(&[Takes::Object(&DECLARATION), Takes::List(&Takes::Object(&DECLARATION))]),
        "Declares variables; only at the top level of the flow.",
        &[],
    ),
    kind("set", Takes::Object(&CHANGE), "Gives a variable a new value.", &[]),
    kind("increment", Takes::Object(&COUNT), "Adds to a variable.", &[]),
    kind("decrement", Takes::Object(&COUNT), "Subtracts from a variable.", &[]),
    kind("append", Takes::Object(&APPEND), "Adds an item to a list, or text to a string.", &[]),
    kind(
        "wait",
        Takes::Either(&[Takes::Object(&WAIT_FOR), Takes::Object(&WAIT_UNTIL), Takes::Template]),
        "Lets time pass: a duration, a number of units, or until an instant.",
        &[],
    ),
    kind(
        "map",
        Takes::Named(Name::Mapping),
        "Applies a mapping beside the flow to an object.",
        &[Key::new("from", Takes::Value, "The source object.").required()],
    ),
    kind(
        "compare",
        Takes::Value,
        "Tells what of this object differs from another: `{changed, changes, fields, patch}`.",
        &[
            Key::new("with", Takes::Value, "The present state.").required(),
            Key::new(
                "base",
                Takes::Value,
                "What both sides last agreed on; what only the other side has changed is then left alone.",
            ),
            Key::new(
                "using",
                Takes::Named(Name::Mapping),
                "The mapping that knows how each field is compared.",
            ),
        ],
    ),
    kind(
        "expression",
        Takes::Words(|| words(expression::KINDS)),
        "One of the designer's actions for dates, numbers and texts.",
        &[WITH],
    ),
    kind("scope", Takes::Block, "Groups actions; it has failed if one in it has.", &[]),
    kind(
        "if",
        Takes::Condition,
        "Runs one of two blocks.",
        &[
            Key::new("then", Takes::Block, "What is done if the condition is true.").required(),
            Key::new("else", Takes::Block, "What is done if it is false."),
        ],
    ),
    kind(
        "switch",
        Takes::Value,
        "Runs one of several blocks, by this value.",
        &[
            Key::new("cases", Takes::List(&Takes::Object(&CASE)), "The blocks by value.")
                .required(),
            Key::new("default", Takes::Block, "What is done if no case has the value."),
        ],
    ),
    kind(
        "foreach",
        Takes::Value,
        "Runs a block for each item of this list.",
        &[
            Key::new(
                "concurrency",
                Takes::Whole(1, limits::FOREACH_CONCURRENCY_MAX),
                "How many items at a time.",
            )
            .default("1"),
            ACTIONS,
        ],
    ),
    kind(
        "until",
        Takes::Condition,
        "Runs a block until this is true.",
        &[
            Key::new("limit", Takes::Object(&LIMIT), "How often and how long at most."),
            Key::new(
                "onLimit",
                Takes::Words(|| words(until::OUTCOMES)),
                "What becomes of the action at its limit.",
            )
            .default("\"fail\""),
            ACTIONS,
        ],
    ),
    kind(
        "terminate",
        Takes::Either(&[Takes::Words(|| words(terminate::STATUSES)), Takes::Object(&TERMINATE)]),
        "Ends the run; not inside a loop.",
        &[],
    ),
    kind(
        "respond",
        Takes::Maybe(&RESPOND),
        "Answers whoever called the trigger; not inside a loop.",
        &[],
    ),
    kind(
        "runFlow",
        Takes::Named(Name::Flow),
        "Calls another flow of the project and waits for its answer.",
        &[
            Key::new("with", Takes::Value, "The body of the trigger's event."),
            Key::new("headers", Takes::Value, "Its headers."),
            Key::new(
                "trigger",
                Takes::Text,
                "The trigger of the other flow, if not its first one.",
            ),
        ],
    ),
    kind(
        "sendToBatch",
        Takes::Named(Name::Flow),
        "Hands a message to the `batch` trigger of another flow.",
        &[
            Key::new("batch", Takes::Value, "The batch.").required(),
            Key::new("with", Takes::Value, "The message.").required(),
            Key::new("partition", Takes::Value, "Messages of one partition are released together."),
            Key::new("messageId", Takes::Value, "Identity of the message; made up if not given."),
            Key::new("trigger", Takes::Text, "The trigger of the other flow, if it has several."),
        ],
    ),
    kind(
        "unsupported",
        Takes::Text,
        "A type of the cloud's that does not run here; fails if it is reached.",
        &[WITH],
    ),
];

const fn kind(name: &'static str, takes: Takes, doc: &'static str, beside: &'static [Key]) -> Kind {
    Kind { key: Key::new(name, takes, doc), beside }
}

/// Statuses in `runAfter`.
pub(crate) fn statuses() -> Vec<&'static str> {
    Status::ALL.iter().map(|it| it.name()).collect()
}

pub(crate) const CALL: Shape = Shape::new(
    "call",
    "An operation of a connector.",
    &[
        Key::new(
            "connection",
            Takes::Named(Name::Connection),
            "The connection by its name in the flow.",
        )
        .required(),
        Key::new("operation", Takes::Text, "The operation."),
        Key::new("method", Takes::Text, "The method, of a call by method and path."),
        Key::new("path", Takes::Value, "The path, of a call by method and path."),
        Key::new("webhook", Takes::Flag, "Whether it waits to be called back.").default("false"),
    ],
);

pub(crate) const HTTP: Shape = Shape::new(
    "http",
    "A plain HTTP request.",
    &[
        Key::new("method", Takes::Value, "The method.").required().example("\"GET\""),
        Key::new("uri", Takes::Value, "The whole address.")
            .required()
            .example("\"https://api.example.com/orders\""),
        Key::new("headers", Takes::Value, "Headers by name."),
        Key::new("queries", Takes::Value, "Query parameters by name."),
        Key::new("body", Takes::Value, "Text is sent as it is, anything else as JSON."),
        Key::new("cookie", Takes::Value, "The header `Cookie`."),
        Key::new("authentication", Takes::Value, "Credentials: an object with a `type`."),
    ],
);

pub(crate) const HTTP_WEBHOOK: Shape = Shape::new(
    "httpWebhook",
    "A service that is asked to call.",
    &[
        Key::new(
            "subscribe",
            Takes::Object(&HTTP),
            "The request that asks; `listCallbackUrl()` is the address to call.",
        )
        .required(),
        Key::new("unsubscribe", Takes::Maybe(&HTTP), "The request that takes it back."),
    ],
);

pub(crate) const APPROVAL: Shape = Shape::new(
    "approval",
    "A question to people.",
    &[
        Key::new("title", Takes::Value, "What is asked, in a line.").required(),
        Key::new("details", Takes::Value, "What one has to know to answer."),
        Key::new("assignedTo", Takes::Value, "Who is to answer."),
        Key::new("options", Takes::Value, "The answers that can be given, a list of texts.")
            .default("[\"Approve\", \"Reject\"]"),
    ],
);

pub(crate) const COLUMN: Shape = Shape::new(
    "column",
    "A column of a table.",
    &[
        Key::new("header", Takes::Value, "Its heading.").required(),
        Key::new("value", Takes::Value, "Its value for `item()`.").required(),
    ],
);

const VARIABLE: Key = Key::new("name", Takes::Named(Name::Variable), "The variable.").required();

pub(crate) const DECLARATION: Shape = Shape::new(
    "declaration",
    "A variable.",
    &[
        Key::new("name", Takes::Text, "Its name.").required(),
        Key::new("type", TYPE, "Its type.").required(),
        Key::new("value", Takes::Value, "Its first value."),
    ],
);

pub(crate) const CHANGE: Shape = Shape::new(
    "change",
    "A new value for a variable.",
    &[VARIABLE, Key::new("value", Takes::Value, "The value.").required()],
);

pub(crate) const COUNT: Shape = Shape::new(
    "count",
    "A change of a number.",
    &[VARIABLE, Key::new("value", Takes::Value, "By how much.").default("1")],
);

pub(crate) const APPEND: Shape = Shape::new(
    "append",
    "What is added to a variable.",
    &[
        VARIABLE,
        Key::new("value", Takes::Value, "The item, or the text.").required(),
        Key::new("type", TYPE, "The action fails for a variable of another type."),
    ],
);

pub(crate) const WAIT_FOR: Shape = Shape::new(
    "waitFor",
    "How long.",
    &[
        Key::new("interval", Takes::Value, "How many units.").required(),
        Key::new("unit", Takes::Value, "`Second Minute Hour Day Week Month`.").required(),
    ],
);

pub(crate) const WAIT_UNTIL: Shape = Shape::new(
    "waitUntil",
    "Until when.",
    &[Key::new("until", Takes::Value, "The instant, ISO 8601.").required()],
);

pub(crate) const CASE: Shape = Shape::new(
    "case",
    "A block for one value.",
    &[
        Key::new("case", Takes::Json, "The value: text or a whole number.").required(),
        Key::new("name", Takes::Text, "Its name in the designer."),
        Key::new("actions", Takes::Block, "What is done.").required(),
    ],
);

pub(crate) const LIMIT: Shape = Shape::new(
    "limit",
    "How often and how long a loop goes on.",
    &[
        Key::new("count", Takes::Whole(1, limits::UNTIL_COUNT_MAX), "Passes at most.")
            .default("60"),
        Key::new("timeout", Takes::Duration, "Time at most.").default("\"PT1H\""),
    ],
);

pub(crate) const TERMINATE: Shape = Shape::new(
    "terminate",
    "How the run ends.",
    &[
        Key::new("status", Takes::Words(|| words(terminate::STATUSES)), "Its status.").required(),
        Key::new("code", Takes::Value, "The error's code."),
        Key::new("message", Takes::Value, "The error's message."),
    ],
);

pub(crate) const RESPOND: Shape = Shape::new(
    "respond",
    "An answer to the caller.",
    &[
        Key::new("status", Takes::Value, "HTTP status.").default("200"),
        Key::new("headers", Takes::Value, "Headers by name."),
        Key::new("body", Takes::Value, "The body."),
        Key::new(
            "schema",
            Takes::Schema,
            "What the body is, for whoever reads it; it is not checked.",
        ),
        Key::new("kind", Takes::Text, "The cloud's kind, such as `Http`."),
    ],
);
