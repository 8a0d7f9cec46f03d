//! The keys under `serve` in a project's file: how its service is run.

use super::{Key, Kind, RATE, Shape, Takes, words};
use crate::serve::Auth;

const TEXTS: Takes = Takes::OneOrMore(&Takes::Text);
const LIMIT: Takes = Takes::Either(&[Takes::Object(&RATE), Takes::Exact("unlimited")]);

pub(crate) const SERVE: Shape = Shape::new(
    "serve",
    "How a service is run; flags and variables win over it.",
    &[
        Key::new("listen", Takes::Text, "Where it listens.").default("\"127.0.0.1:8080\""),
        Key::new("hooksListen", Takes::Text, "Where it listens for requests to triggers.")
            .example("\"0.0.0.0:8080\""),
        Key::new("publicUrl", Takes::Text, "The address by which services reach it."),
        Key::new("origin", Takes::Text, "The address by which browsers reach it."),
        Key::new("database", Takes::Text, "A file, or the URL of a database server.")
            .default("\".flowright/flowright.db\""),
        Key::new("node", Takes::Text, "What it is called among those that share a database."),
        Key::new(
            "auth",
            Takes::Words(|| words(Auth::NAMES)),
            "Whether people and programs have to say who they are.",
        ),
        Key::new("session", Takes::Duration, "How long a sign-in lasts.").default("\"PT8H\""),
        Key::new("edit", Takes::Flag, "Whether flows may be saved."),
        Key::new("tls", Takes::Object(&SERVE_TLS), "The certificate to serve with."),
        Key::new("limits", Takes::Object(&SERVE_LIMITS), "How often one address may ask."),
        Key::new("proxies", TEXTS, "Proxies whose `X-Forwarded-For` is believed."),
        Key::new("oidc", Takes::Object(&SERVE_OIDC), "The identity provider to sign in at."),
        Key::new(
            "notify",
            Takes::List(&Takes::Object(&SERVE_NOTIFY)),
            "Who is told of runs that fail.",
        ),
    ],
);

pub(crate) const SERVE_TLS: Shape = Shape::new(
    "serveTls",
    "Files in PEM.",
    &[
        Key::new("certificate", Takes::Text, "The chain, the own certificate first.").required(),
        Key::new("key", Takes::Text, "The private key.").required(),
    ],
);

pub(crate) const SERVE_LIMITS: Shape = Shape::new(
    "serveLimits",
    "How often one address may ask.",
    &[
        Key::new("api", LIMIT, "The API and the pages."),
        Key::new("hooks", LIMIT, "Triggers.").default("\"unlimited\""),
    ],
);

pub(crate) const SERVE_OIDC: Shape = Shape::new(
    "serveOidc",
    "An identity provider (OpenID Connect).",
    &[
        Key::new("issuer", Takes::Text, "Its address, as its tokens name it.").required(),
        Key::new("clientId", Takes::Text, "What the service is called there.").required(),
        Key::new("clientSecret", Takes::Text, "What proves that; a public client has none."),
        Key::new("scopes", TEXTS, "What is asked for besides `openid`.")
            .default("[\"profile\", \"email\"]"),
        Key::new("rolesClaim", Takes::Text, "The claim that decides about roles.")
            .default("\"roles\""),
        Key::new("roles", Takes::Object(&SERVE_ROLES), "Who has which role.").required(),
    ],
);

pub(crate) const SERVE_ROLES: Shape = Shape::new(
    "serveRoles",
    "Values of the claim for each role; `*` is whoever can sign in.",
    &[
        Key::new("viewer", TEXTS, "Who reads everything that is no secret."),
        Key::new("operator", TEXTS, "Who fires triggers, stops and repeats runs, too."),
        Key::new("editor", TEXTS, "Who saves flows, too."),
        Key::new("admin", TEXTS, "Who says who may do what, and sees who did, too."),
    ],
);

pub(crate) const SERVE_NOTIFY: Shape = Shape {
    name: "serveNotify",
    doc: "Somebody who is told of runs that fail.",
    keys: &[
        Key::new("flows", TEXTS, "Flows, by name or with `*` at the end; all if not given."),
        Key::new("rate", Takes::Object(&RATE), "How often at most."),
    ],
    kinds: &[
        Kind {
            key: Key::new("webhook", Takes::Text, "JSON is posted to this address."),
            beside: &[],
        },
        Kind {
            key: Key::new("teams", Takes::Text, "A card is posted to this workflow of a channel."),
            beside: &[],
        },
        Kind {
            key: Key::new("email", Takes::Object(&SERVE_EMAIL), "A mail is sent by a connection."),
            beside: &[],
        },
        Kind {
            key: Key::new("smtp", Takes::Object(&SERVE_SMTP), "A mail is sent by a mail server."),
            beside: &[],
        },
    ],
};

pub(crate) const SERVE_EMAIL: Shape = Shape::new(
    "serveEmail",
    "A mail through a connection.",
    &[
        Key::new("connection", Takes::Text, "The connection of the environment.").required(),
        Key::new("to", Takes::Text, "To whom, with `;` between several.").required(),
    ],
);

pub(crate) const SERVE_SMTP: Shape = Shape::new(
    "serveSmtp",
    "A mail through a mail server.",
    &[
        Key::new(
            "server",
            Takes::Text,
            "`smtp://host:587` (STARTTLS) or `smtps://host:465` (TLS).",
        )
        .required(),
        Key::new("user", Takes::Text, "Who hands the mail in, if the server wants to know."),
        Key::new("password", Takes::Text, "What proves that: `${secret:mail}`."),
        Key::new("caCertificate", Takes::Text, "A certificate in PEM form that is trusted, too."),
        Key::new("from", Takes::Text, "Who sends it.").required(),
        Key::new("to", Takes::Text, "To whom, with `;` between several.").required(),
    ],
);
