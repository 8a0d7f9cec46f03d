//! How a service is run: flags, then variables, then the file of `--config`, then `serve` in flowright.yaml, then the
//! usual values.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use base::{Duration, Severity, Source, limits::FILE_BYTES_MAX, quota::Rate};
use clap::{Args, ValueEnum};
use flow::{
    environment::Setting,
    serve::{Auth, Email, Limit, Serve},
};
use http_client::mail::{MailServer, check_addresses};
use server::{Access, Oidc, Role, RoleRule, Tls, access::tokens::TokenFile};
use worker::{
    Project,
    notify::{Smtp, Way, Wish},
    references::setting_text,
};

use crate::{
    cmd::serve::{Place, public_url},
    database::Database,
    diagnostics,
    secrets::ProcessSecrets,
};

/// Where a service listens that nobody has said anything about.
const LISTEN: &str = "127.0.0.1:8080";
/// Where it keeps its runs.
const DATABASE: &str = ".flowright/flowright.db";
/// How often one address may ask the API if others than this machine can.
const API_RATE: Rate = Rate { calls: 1_000, per: Duration::seconds(10) };

#[derive(Debug, Args)]
#[command(
    after_help = "What is not given stands in the file of --config, else under `serve` in flowright.yaml, else it has its
usual value. A flag wins over its variable, a variable over the files.

Examples:
  flowright serve                                      for this machine only, without sign-in
  flowright tokens create me --role admin              a token, before others are let in
  flowright serve --listen 0.0.0.0:8443 --auth required --tls-certificate chain.pem --tls-key key.pem
  flowright serve --hooks-listen 0.0.0.0:8081          triggers for everybody, the API for this machine

Exit codes: 0 it was told to stop, 2 it could not start, or another process has taken its place."
)]
pub(crate) struct ServeArgs {
    /// Where to listen (127.0.0.1:8080). Others than this machine need --auth required.
    #[arg(long, value_name = "ADDRESS", env = "FLOWRIGHT_LISTEN")]
    pub listen: Option<SocketAddr>,

    /// Where to listen for requests to triggers, apart from the API and the pages.
    #[arg(long, value_name = "ADDRESS", env = "FLOWRIGHT_HOOKS_LISTEN")]
    pub hooks_listen: Option<SocketAddr>,

    /// The address by which services reach this one, such as `https://flows.example.com`; what flows
    /// give out as `listCallbackUrl()` begins with it. The address listened on if not given.
    #[arg(long, value_name = "URL", env = "FLOWRIGHT_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Whether people and programs have to say who they are.
    #[arg(long, value_enum, env = "FLOWRIGHT_AUTH")]
    pub auth: Option<AuthMode>,

    /// The certificate chain to serve with, PEM; it is read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "FLOWRIGHT_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate", env = "FLOWRIGHT_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Let flows be saved through the API.
    #[arg(long)]
    pub edit: bool,

    /// A file with what else would stand under `serve` in flowright.yaml; it wins over that.
    #[arg(long, value_name = "FILE", env = "FLOWRIGHT_CONFIG")]
    pub config: Option<PathBuf>,

    /// The database: a file, or `postgres://user:password@host:port/name`
    /// (.flowright/flowright.db). A password is better given in the variable.
    #[arg(long, env = "FLOWRIGHT_DATABASE", hide_env_values = true)]
    pub database: Option<Database>,

    /// What this process is called among those that share a database server. It comes in the place
    /// of one that is called the same. The machine's name with the number of the process if not
    /// given.
    #[arg(long, value_name = "NAME", env = "FLOWRIGHT_NODE")]
    pub node: Option<String>,

    /// The project's folder; the one around the present folder if not given.
    #[arg(long, env = "FLOWRIGHT_PROJECT")]
    pub project: Option<PathBuf>,

    /// The environment that gives parameters and connections.
    #[arg(long, env = "FLOWRIGHT_ENVIRONMENT")]
    pub environment: Option<String>,
}

/// Whether it is asked who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthMode {
    /// Everybody on this machine may do everything.
    None,
    /// By a token, or at the identity provider.
    Required,
}

/// What stands in the file of `--config`.
fn of_file(path: &Path) -> anyhow::Result<Serve> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    ensure!(text.len() <= FILE_BYTES_MAX, "`{shown}` has more than {FILE_BYTES_MAX} bytes");
    let source = Source::new(&shown.to_string(), &text);
    let (serve, found) = flow::serve::read(&source);
    let faults = found.iter().filter(|it| it.severity == Severity::Error);
    let faults: Vec<String> = faults.map(|it| diagnostics::render(&source, it)).collect();
    ensure!(faults.is_empty(), "`{shown}` has errors:\n{}", faults.join("\n"));
    Ok(serve)
}

/// What the files say of a service.
pub(crate) fn files(args: &ServeArgs, project: &Project) -> anyhow::Result<Serve> {
    let of_file = args.config.as_deref().map(of_file).transpose()?.unwrap_or_default();
    Ok(of_file.over(project.settings.serve.clone()))
}

/// Everything that is said of a service.
pub(crate) fn place(args: &ServeArgs, project: &Project) -> anyhow::Result<Place> {
    let root = &project.root;
    let mut serve = files(args, project)?;
    let address = |given: Option<SocketAddr>, text: &Option<String>, key: &str| {
        let text = text.as_deref().map(|it| {
            it.parse().with_context(|| format!("`{key}: {it}` is no address such as `{LISTEN}`"))
        });
        given.map(Ok).or(text).transpose()
    };
    let listen = address(args.listen, &serve.listen, "listen")?;
    let listen = listen.map_or_else(|| LISTEN.parse(), Ok)?;
    let hooks_listen = address(args.hooks_listen, &serve.hooks_listen, "hooksListen")?;
    let url = args.public_url.clone().or(serve.public_url.take());
    let public_url = url.as_deref().map(public_url).transpose()?;
    let origin = serve.origin.take();
    let origin = origin.as_deref().map(crate::cmd::serve::public_url).transpose()?;
    let auth = match args.auth {
        Some(AuthMode::None) => Some(Auth::None),
        Some(AuthMode::Required) => Some(Auth::Required),
        None => serve.auth,
    };
    let is_guarded = match auth {
        Some(auth) => auth == Auth::Required,
        None => serve.oidc.is_some(),
    };
    let files = match (&args.tls_certificate, &args.tls_key, &serve.tls) {
        (Some(certificate), Some(key), _) => Some((certificate.clone(), key.clone())),
        (_, _, Some(tls)) => Some((root.join(&tls.certificate), root.join(&tls.key))),
        _ => None,
    };
    let tls = files.map(|(certificate, key)| Tls::load(&certificate, &key)).transpose()?;
    Ok(Place {
        listen,
        hooks_listen,
        database: database(args.database.as_ref(), &serve, root)?,
        node: args.node.clone().or(serve.node.take()),
        public_url,
        origin,
        is_guarded,
        tls: tls.map(Arc::new),
        // Whoever may save a flow may let it do anything that its connections may.
        is_editable: args.edit || serve.edit.unwrap_or(is_guarded),
        serve,
    })
}

fn database(given: Option<&Database>, serve: &Serve, root: &Path) -> anyhow::Result<Database> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let Some(setting) = &serve.database else { return Ok(usual()) };
    let secrets = ProcessSecrets { root: root.to_path_buf() };
    let text = setting_text(setting, &secrets).map_err(anyhow::Error::msg);
    let text = text.context("`serve: database` cannot be looked up")?;
    let Ok(database) = text.expose().parse::<Database>();
    Ok(database)
}

fn usual() -> Database {
    Database::File(PathBuf::from(DATABASE))
}

/// The database of the service of a project, for commands that do not run it.
pub(crate) fn database_of(given: Option<&Database>, root: &Path) -> anyhow::Result<Database> {
    let file = root.join(worker::project::PROJECT_FILE);
    if given.is_some() || !file.is_file() {
        return Ok(given.cloned().unwrap_or_else(usual));
    }
    let text = fs::read_to_string(&file);
    let text = text.with_context(|| format!("cannot read `{}`", file.display()))?;
    let (settings, _) = flow::project::read(&Source::new(worker::project::PROJECT_FILE, &text));
    database(None, &settings.serve, root)
}

/// Who is told of runs that fail.
pub(crate) fn wishes(serve: &Serve, root: &Path) -> anyhow::Result<Vec<Wish>> {
    let secrets = ProcessSecrets { root: root.to_path_buf() };
    let url = |setting| {
        let text = setting_text(setting, &secrets).map_err(anyhow::Error::msg);
        text.context("an address in `notify` cannot be looked up")
    };
    let wishes = serve.notify.iter().map(|it| {
        let way = match &it.way {
            flow::serve::Way::Webhook(setting) => Way::Webhook(url(setting)?),
            flow::serve::Way::Teams(setting) => Way::Teams(url(setting)?),
            flow::serve::Way::Email(Email { connection, to }) => {
                Way::Email { connection: connection.clone(), to: to.clone() }
            }
            flow::serve::Way::Smtp(it) => Way::Smtp(Box::new(smtp(it, &secrets)?)),
        };
        Ok(Wish { way, flows: it.flows.clone(), rate: it.rate })
    });
    wishes.collect()
}

/// A mail server with what it is to be told.
fn smtp(it: &flow::serve::Smtp, secrets: &ProcessSecrets) -> anyhow::Result<Smtp> {
    let text = |setting: &Option<Setting>, name: &str| {
        let text = setting.as_ref().map(|it| setting_text(it, secrets)).transpose();
        text.map_err(anyhow::Error::msg)
            .with_context(|| format!("`{name}` of `smtp` in `notify` cannot be looked up"))
    };
    let password = text(&it.password, "password")?;
    let roots = text(&it.ca_certificate, "caCertificate")?;
    let login = match (&it.user, password) {
        (Some(user), Some(password)) => Some((user.clone(), password)),
        (None, None) => None,
        _ => anyhow::bail!("`smtp` in `notify` needs `user` and `password`, or neither"),
    };
    let server = MailServer::new(&it.server, login, roots.map(|it| it.expose().clone()));
    let server = server.map_err(anyhow::Error::msg).context("`smtp` in `notify`")?;
    check_addresses(&it.from, &it.to)
        .map_err(|it| anyhow::Error::msg(it.message))
        .context("`smtp` in `notify`")?;
    Ok(Smtp { server, from: it.from.clone(), to: it.to.clone() })
}

/// Who is let in.
pub(crate) fn access(place: &Place, root: &Path, origin: &str) -> anyhow::Result<Access> {
    let proxies = place.serve.proxies.iter().map(|it| {
        let address: Result<IpAddr, _> = it.parse();
        address.with_context(|| format!("`proxies: {it}` is no address"))
    });
    let proxies = proxies.collect::<anyhow::Result<_>>()?;
    let hooks_rate = rate(place.serve.hooks_rate, None);
    if !place.is_guarded {
        let api_rate = rate(place.serve.api_rate, None);
        return Ok(Access { api_rate, hooks_rate, proxies, ..Access::default() });
    }
    let secrets = ProcessSecrets { root: root.to_path_buf() };
    let tokens = TokenFile::new(&place.database.state_folder(root)?);
    let oidc = match &place.serve.oidc {
        None => None,
        Some(oidc) => {
            let secret = oidc.client_secret.as_ref().map(|it| setting_text(it, &secrets));
            let secret = secret.transpose().map_err(anyhow::Error::msg);
            let rules = oidc.roles.iter().filter_map(|(value, role)| {
                Some(RoleRule { role: Role::parse(role)?, value: value.clone() })
            });
            Some(Oidc {
                issuer: oidc.issuer.clone(),
                client_id: oidc.client_id.clone(),
                client_secret: secret.context("`clientSecret` cannot be looked up")?,
                scopes: oidc.scopes.clone(),
                claim: oidc.claim.clone(),
                rules: rules.collect(),
                origin: origin.to_owned(),
            })
        }
    };
    Ok(Access {
        tokens: Some(Arc::new(tokens)),
        oidc,
        session: place.serve.session,
        api_rate: rate(place.serve.api_rate, Some(API_RATE)),
        hooks_rate,
        proxies,
    })
}

fn rate(said: Option<Limit>, usual: Option<Rate>) -> Option<Rate> {
    match said {
        None => usual,
        Some(Limit::Unlimited) => None,
        Some(Limit::Rate(rate)) => Some(rate),
    }
}
