//! The keys of mapping, environment and project files.

use super::{Key, Name, SERVE, Shape, Takes, words};
use crate::{
    environment::QUOTA_MAX,
    mapping::{Comparison, Conversion},
};

pub(crate) const MAPPING: Shape = Shape::new(
    "mapping",
    "Which field of the target comes from where.",
    &[
        Key::new("mapping", Takes::Text, "Its name.").required(),
        Key::new("from", Takes::Named(Name::Schema), "Schema of the source, `connector#Schema`.")
            .example("\"partner-center-referrals#Referral\""),
        Key::new("to", Takes::Named(Name::Schema), "Schema of the target, `connector#Schema`."),
        Key::new("reverse", Takes::Text, "The mapping of the other direction."),
        Key::new(
            "fields",
            Takes::Map(&Takes::Either(&[Takes::Object(&FIELD), Takes::Value])),
            "Where each field of the target comes from; `/` in a name leads into a nested object.",
        )
        .required(),
    ],
);

pub(crate) const FIELD: Shape = Shape::new(
    "field",
    "A field of the target, with settings.",
    &[
        Key::new("from", Takes::Value, "The value; the source object is `$` and `item()`.")
            .required(),
        Key::new("values", Takes::AnyObject, "The value by its text."),
        Key::new(
            "otherwise",
            Takes::Value,
            "The value for a text that `values` does not have; without it that is a failure.",
        ),
        Key::new("default", Takes::Value, "The value when the source is null."),
        Key::new("as", Takes::Words(|| words(Conversion::NAMES)), "What the value is turned into."),
        Key::new("when", Takes::Condition, "The field is left out unless this is true."),
        Key::new("required", Takes::Flag, "Whether null and empty text are failures.")
            .default("false"),
        Key::new(
            "compare",
            Takes::Words(|| words(Comparison::NAMES)),
            "When two values count as the same.",
        )
        .default("\"exact\""),
    ],
);

pub(crate) const ENVIRONMENT: Shape = Shape::new(
    "environment",
    "Values of parameters and connections. Secrets are only named: `${env:NAME}`, `${file:path}`, `${secret:name}`.",
    &[
        Key::new("parameters", Takes::Map(&Takes::Json), "Values of parameters by name."),
        Key::new(
            "connections",
            Takes::Map(&Takes::Maybe(&CONNECTION)),
            "Connections by the name that flows use.",
        ),
    ],
);

pub(crate) const CONNECTION: Shape = Shape::new(
    "connection",
    "What a connection is in this environment.",
    &[
        Key::new(
            "connector",
            Takes::Named(Name::Connector),
            "The connector; the one of the connection's own name if it is not given.",
        ),
        Key::new(
            "params",
            Takes::Map(&Takes::Json),
            "Address, credentials and what else the connector asks for.",
        ),
        Key::new("auth", Takes::Text, "One of the connector's ways to prove who asks."),
        Key::new("limits", Takes::Object(&QUOTA), "How much may be asked of it."),
        Key::new(
            "allowHosts",
            Takes::List(&Takes::Text),
            "Private hosts and origins that it may reach besides those in its `params`.",
        ),
        Key::new("proxy", Takes::Text, "Its own proxy.")
            .example("\"http://user:password@host:8080\""),
        Key::new(
            "caCertificate",
            Takes::Text,
            "Authorities, as PEM, that its service's certificate may lead to besides the machine's.",
        ),
    ],
);

pub(crate) const QUOTA: Shape = Shape::new(
    "limits",
    "How much may be asked.",
    &[
        Key::new("concurrency", Takes::Whole(1, QUOTA_MAX), "Requests at a time."),
        Key::new("rate", Takes::Object(&RATE), "Requests within a time."),
    ],
);

pub(crate) const RATE: Shape = Shape::new(
    "rate",
    "Requests within a time.",
    &[
        Key::new("calls", Takes::Whole(1, QUOTA_MAX), "How many.").required(),
        Key::new("per", Takes::Duration, "In which time.").required().example("\"PT1M\""),
    ],
);

pub(crate) const PROJECT: Shape = Shape::new(
    "project",
    "Where a project keeps its flows, connectors and environments.",
    &[
        Key::new(
            "flows",
            Takes::List(&Takes::Text),
            "Folders in which every folder with a `flow.yaml` is a flow.",
        )
        .default("[\"flows\"]"),
        Key::new("connectors", Takes::List(&Takes::Text), "Folders of connectors.")
            .default("[\"connectors\"]"),
        Key::new("environments", Takes::Text, "The folder of environments.")
            .default("\"environments\""),
        Key::new(
            "environment",
            Takes::Named(Name::Environment),
            "The environment that is used unless another is asked for.",
        ),
        Key::new("http", Takes::Object(&PROJECT_HTTP), "What plain HTTP may reach."),
        Key::new("retention", Takes::Object(&RETENTION), "How long runs that have ended are kept."),
        Key::new("serve", Takes::Object(&SERVE), "How its service is run."),
        Key::new("lint", Takes::Object(&LINT), "What lint looks for."),
    ],
);

/// Lint reads this itself; the rules are not known here.
pub(crate) const LINT: Shape = Shape::new(
    "lint",
    "What lint looks for.",
    &[
        Key::new(
            "select",
            Takes::OneOrMore(&Takes::Text),
            "Only these rules: slugs, numbers or how they begin, `default`, `pedantic`, `all`.",
        ),
        LINT_EXTEND,
        LINT_IGNORE,
        LINT_SEVERITY,
        LINT_TARGET,
        LINT_OPTIONS,
        Key::new(
            "exclude",
            Takes::OneOrMore(&Takes::Text),
            "Patterns of files that are not reported, as in `.gitignore`.",
        ),
        Key::new("baseline", Takes::Text, "A file of findings that are known."),
        Key::new("files", Takes::List(&Takes::Object(&LINT_FILES)), "What differs for some files."),
    ],
);

pub(crate) const LINT_FILES: Shape = Shape::new(
    "lintFiles",
    "What differs for some files.",
    &[
        Key::new("paths", Takes::OneOrMore(&Takes::Text), "Patterns of their paths.").required(),
        LINT_EXTEND,
        LINT_IGNORE,
        LINT_SEVERITY,
        LINT_TARGET,
        LINT_OPTIONS,
    ],
);

const LINT_EXTEND: Key = Key::new("extend", Takes::OneOrMore(&Takes::Text), "These rules as well.");
const LINT_IGNORE: Key = Key::new("ignore", Takes::OneOrMore(&Takes::Text), "Not these rules.");
const LINT_SEVERITY: Key = Key::new(
    "severity",
    Takes::Map(&Takes::Words(|| vec!["info", "warning", "error"])),
    "How grave the findings of rules are.",
);
const LINT_TARGET: Key = Key::new(
    "target",
    Takes::Words(|| vec!["flowright", "power-automate", "logic-apps"]),
    "Where the flows are to run, which decides how much they may hold.",
);
const LINT_OPTIONS: Key =
    Key::new("options", Takes::Map(&Takes::AnyObject), "What findings of rules depend on.");

pub(crate) const PROJECT_HTTP: Shape = Shape::new(
    "plainHttp",
    "What plain HTTP may reach.",
    &[Key::new(
        "allowHosts",
        Takes::List(&Takes::Text),
        "Private hosts that flows may call all the same.",
    )],
);

pub(crate) const RETENTION: Shape = Shape::new(
    "retention",
    "How long runs that have ended are kept.",
    &[
        Key::new(
            "age",
            Takes::Either(&[Takes::Duration, Takes::Exact("forever")]),
            "After their end.",
        )
        .default("\"P28D\""),
        Key::new(
            "bytes",
            Takes::Either(&[
                Takes::Whole(1_000_000, usize::MAX >> 1),
                Takes::Pattern("^[0-9]+ *(KB|MB|GB|TB|B)?$|^unlimited$"),
            ]),
            "What a database file may hold; the oldest runs go first.",
        )
        .default("\"10GB\""),
    ],
);
