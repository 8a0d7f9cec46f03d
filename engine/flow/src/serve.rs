//! How a service is run: `serve` in `flowright.yaml`, or a file of its own.

use base::{Diagnostic, Duration, Source, quota::Rate};
use expr::Dialect;
use yaml::Node;

use crate::{
    environment::{Setting, read_rate, read_secret_text},
    fields::Fields,
    parse::kind as only_kind,
    reader::Reader,
    shape,
};

/// What is said of a service; flags and variables win over it.
#[derive(Clone, Debug, Default)]
pub struct Serve {
    /// Where it listens.
    pub listen: Option<String>,
    /// Where it listens for requests to triggers.
    pub hooks_listen: Option<String>,
    /// The address that services know it by.
    pub public_url: Option<String>,
    /// The address that browsers know its pages by.
    pub origin: Option<String>,
    /// Where it keeps its runs.
    pub database: Option<Setting>,
    /// What it is called among those that share a database.
    pub node: Option<String>,
    /// Whether people and programs have to say who they are.
    pub auth: Option<Auth>,
    /// How long a session of a browser lasts.
    pub session: Option<Duration>,
    /// Whether flows may be saved.
    pub edit: Option<bool>,
    /// The files of its certificate and key.
    pub tls: Option<Tls>,
    /// The identity provider that people sign in at.
    pub oidc: Option<Oidc>,
    /// How often one address may ask the API, and triggers.
    pub api_rate: Option<Limit>,
    /// The same of triggers.
    pub hooks_rate: Option<Limit>,
    /// Proxies whose word is taken for where a request comes from.
    pub proxies: Vec<String>,
    /// Who is told of runs that fail.
    pub notify: Vec<Notify>,
}

impl Serve {
    /// This, and of the other what is not said here.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            hooks_listen: self.hooks_listen.or(other.hooks_listen),
            public_url: self.public_url.or(other.public_url),
            origin: self.origin.or(other.origin),
            database: self.database.or(other.database),
            node: self.node.or(other.node),
            auth: self.auth.or(other.auth),
            session: self.session.or(other.session),
            edit: self.edit.or(other.edit),
            tls: self.tls.or(other.tls),
            oidc: self.oidc.or(other.oidc),
            api_rate: self.api_rate.or(other.api_rate),
            hooks_rate: self.hooks_rate.or(other.hooks_rate),
            proxies: if self.proxies.is_empty() { other.proxies } else { self.proxies },
            notify: if self.notify.is_empty() { other.notify } else { self.notify },
        }
    }
}

/// Whether it is asked who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Everybody on this machine may do everything.
    None,
    /// By a token, or at the identity provider.
    Required,
}

impl Auth {
    /// As files and flags write it.
    pub const NAMES: &[(&str, Self)] = &[("none", Self::None), ("required", Self::Required)];
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, the service's own certificate first.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// An identity provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Oidc {
    /// Its address.
    pub issuer: String,
    /// What the service is called there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: Option<Setting>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that decides about roles.
    pub claim: String,
    /// Values of the claim, each with the name of a role.
    pub roles: Vec<(String, String)>,
}

/// So many requests, or as many as come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Unlimited,
    /// At most so many.
    Rate(Rate),
}

/// Somebody who is told of runs that fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    /// How.
    pub way: Way,
    /// Flows, by name or with `*` at the end; all if there are none.
    pub flows: Vec<String>,
    /// How often at most; what is more is told together later.
    pub rate: Option<Rate>,
}

/// How somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// JSON is posted there.
    Webhook(Setting),
    /// A card is posted to this workflow of a Teams channel.
    Teams(Setting),
    /// A mail is sent through a connection of the environment.
    Email(Email),
    /// A mail is sent through a mail server.
    Smtp(Box<Smtp>),
}

/// A mail server, and a mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Smtp {
    /// `smtp://host:587` or `smtps://host:465`.
    pub server: String,
    /// Who hands mails in, if the server wants to know.
    pub user: Option<String>,
    /// What proves it.
    pub password: Option<Setting>,
    /// A certificate in PEM form that is trusted besides those of the system.
    pub ca_certificate: Option<Setting>,
    /// Who sends it.
    pub from: String,
    /// To whom.
    pub to: String,
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The connection.
    pub connection: String,
    /// To whom.
    pub to: String,
}

/// Reads a file of its own.
pub fn read(source: &Source) -> (Serve, Vec<Diagnostic>) {
    let (root, found) = yaml::parse(source.text());
    let mut reader = Reader::new(Dialect::Flowright, found);
    let serve = root.map(|it| read_serve(&mut reader, &it)).unwrap_or_default();
    (serve, reader.sink.into_sorted())
}

/// Reads what stands under `serve`.
pub(crate) fn read_serve(reader: &mut Reader, node: &Node) -> Serve {
    let mut fields = Fields::new(reader, node, "`serve`").of(&shape::SERVE);
    let mut serve = Serve {
        listen: fields.text(reader, "listen"),
        hooks_listen: fields.text(reader, "hooksListen"),
        public_url: fields.text(reader, "publicUrl"),
        origin: fields.text(reader, "origin"),
        node: fields.text(reader, "node"),
        ..Serve::default()
    };
    let database = fields.given("database");
    serve.database = database.and_then(|it| read_secret_text(reader, it, "`database`"));
    serve.auth = fields.given("auth").and_then(|it| reader.choice(it, "`auth`", Auth::NAMES));
    serve.session = fields.given("session").and_then(|it| reader.duration(it, "`session`"));
    serve.edit = fields.given("edit").and_then(|it| reader.flag(it, "`edit`"));
    serve.tls = fields.given("tls").and_then(|it| read_tls(reader, it));
    serve.oidc = fields.given("oidc").and_then(|it| read_oidc(reader, it));
    if let Some(node) = fields.given("limits") {
        let mut inner = Fields::new(reader, node, "`limits`").of(&shape::SERVE_LIMITS);
        serve.api_rate = inner.given("api").and_then(|it| read_limit(reader, it));
        serve.hooks_rate = inner.given("hooks").and_then(|it| read_limit(reader, it));
        inner.finish(reader);
    }
    serve.proxies = texts(reader, fields.given("proxies"), "`proxies`");
    let notify = fields.given("notify");
    let notify = notify.map_or(&[][..], |it| reader.list(it, "`notify`"));
    serve.notify = notify.iter().filter_map(|it| read_notify(reader, it)).collect();
    fields.finish(reader);
    serve
}

fn texts(reader: &mut Reader, node: Option<&Node>, what: &str) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    // One is as good as a list of one.
    if let Some(only) = node.as_str() {
        return vec![only.to_owned()];
    }
    let what_item = format!("an item of {what}");
    let items = reader.list(node, what);
    items.iter().filter_map(|it| reader.text(it, &what_item)).collect()
}

fn read_tls(reader: &mut Reader, node: &Node) -> Option<Tls> {
    let mut fields = Fields::new(reader, node, "`tls`").of(&shape::SERVE_TLS);
    let certificate = fields.required_text(reader, "certificate");
    let key = fields.required_text(reader, "key");
    fields.finish(reader);
    Some(Tls { certificate: certificate?.0, key: key?.0 })
}

fn read_oidc(reader: &mut Reader, node: &Node) -> Option<Oidc> {
    let mut fields = Fields::new(reader, node, "`oidc`").of(&shape::SERVE_OIDC);
    let issuer = fields.required_text(reader, "issuer");
    let client_id = fields.required_text(reader, "clientId");
    let secret = fields.given("clientSecret");
    let client_secret = secret.and_then(|it| read_secret_text(reader, it, "`clientSecret`"));
    let scopes = fields.given("scopes");
    let scopes = match scopes {
        Some(_) => texts(reader, scopes, "`scopes`"),
        None => vec!["profile".to_owned(), "email".to_owned()],
    };
    let claim = fields.text(reader, "rolesClaim").unwrap_or_else(|| "roles".to_owned());
    let mut roles = Vec::new();
    if let Some(node) = fields.required(reader, "roles") {
        let mut inner = Fields::new(reader, node, "`roles`").of(&shape::SERVE_ROLES);
        for role in ["viewer", "operator", "editor", "admin"] {
            let values = inner.given(role);
            let values = texts(reader, values, &format!("`{role}`"));
            roles.extend(values.into_iter().map(|value| (value, role.to_owned())));
        }
        inner.finish(reader);
    }
    fields.finish(reader);
    let (issuer, client_id) = (issuer?.0, client_id?.0);
    Some(Oidc { issuer, client_id, client_secret, scopes, claim, roles })
}

fn read_limit(reader: &mut Reader, node: &Node) -> Option<Limit> {
    if node.as_str() == Some("unlimited") {
        return Some(Limit::Unlimited);
    }
    read_rate(reader, node).map(Limit::Rate)
}

fn read_notify(reader: &mut Reader, node: &Node) -> Option<Notify> {
    let mut fields = Fields::new(reader, node, "an item of `notify`").of(&shape::SERVE_NOTIFY);
    let kind = only_kind(reader, &mut fields, &shape::SERVE_NOTIFY);
    let flows = fields.given("flows");
    let flows = texts(reader, flows, "`flows`");
    let rate = fields.given("rate").and_then(|it| read_rate(reader, it));
    fields.finish(reader);
    let way = match kind? {
        ("webhook", node) => Way::Webhook(read_secret_text(reader, node, "`webhook`")?),
        ("teams", node) => Way::Teams(read_secret_text(reader, node, "`teams`")?),
        ("smtp", node) => Way::Smtp(Box::new(read_smtp(reader, node)?)),
        (_, node) => Way::Email(read_email(reader, node)?),
    };
    Some(Notify { way, flows, rate })
}

fn read_smtp(reader: &mut Reader, node: &Node) -> Option<Smtp> {
    let mut fields = Fields::new(reader, node, "`smtp`").of(&shape::SERVE_SMTP);
    let server = fields.required_text(reader, "server");
    let user = fields.text(reader, "user");
    let password = fields.given("password");
    let password = password.and_then(|it| read_secret_text(reader, it, "`password`"));
    let roots = fields.given("caCertificate");
    let ca_certificate = roots.and_then(|it| read_secret_text(reader, it, "`caCertificate`"));
    let from = fields.required_text(reader, "from");
    let to = fields.required_text(reader, "to");
    fields.finish(reader);
    let (server, from, to) = (server?.0, from?.0, to?.0);
    Some(Smtp { server, user, password, ca_certificate, from, to })
}

fn read_email(reader: &mut Reader, node: &Node) -> Option<Email> {
    let mut fields = Fields::new(reader, node, "`email`").of(&shape::SERVE_EMAIL);
    let connection = fields.required_text(reader, "connection");
    let to = fields.required_text(reader, "to");
    fields.finish(reader);
    Some(Email { connection: connection?.0, to: to?.0 })
}
