//! Sends mails through a mail server (SMTP).

use std::{net::IpAddr, time::Duration};

use base::{Failure, Secret, base64};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        Error as SmtpError,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use url::{Host, Url};

use crate::hide::HIDDEN;

/// Where mails are handed in, encrypted from the first or from an early byte on.
const PORT_STARTTLS: u16 = 587;
const PORT_TLS: u16 = 465;
/// How long each thing that is said to the server may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// A shorter password would be found in any text.
const PASSWORD_CHARS_MIN: usize = 4;

/// A mail server and who hands mails in.
#[derive(Clone, Debug)]
pub struct MailServer {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, Secret<String>)>,
    roots: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    /// From the first byte on.
    Tls,
    /// After some words; nothing is said without it.
    StartTls,
    /// A server on this machine: nobody else hears it.
    Plain,
}

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// Who sends it: `ops@example.com` or `Flows <ops@example.com>`.
    pub from: &'a str,
    /// To whom, with `;` between several.
    pub to: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// Its text in HTML.
    pub html: String,
    /// The same for the same mail: by this one that comes twice is recognised.
    pub id: &'a str,
}

impl MailServer {
    /// The server at `smtp://host:587` (STARTTLS) or `smtps://host:465`. `roots` are certificates in PEM
    /// form that are trusted besides those of the system.
    ///
    /// # Errors
    /// Says what is wrong with the address.
    pub fn new(
        address: &str,
        login: Option<(String, Secret<String>)>,
        roots: Option<String>,
    ) -> Result<Self, String> {
        let wrong = || {
            format!("`{address}` is no mail server: write `smtp://host:587` or `smtps://host:465`")
        };
        let url = Url::parse(address).map_err(|_| wrong())?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        let host = url.host().filter(|_| is_bare).ok_or_else(wrong)?;
        let security = match url.scheme() {
            "smtps" => Security::Tls,
            // Who names a certificate wants it looked at.
            "smtp" if is_here(&host) && roots.is_none() => Security::Plain,
            "smtp" => Security::StartTls,
            _ => return Err(wrong()),
        };
        let usual = if security == Security::Tls { PORT_TLS } else { PORT_STARTTLS };
        let host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self { host, port: url.port().unwrap_or(usual), security, login, roots })
    }

    /// Hands a mail in.
    ///
    /// # Errors
    /// If an address is none, or the server did not take the mail.
    pub async fn send(&self, mail: &Mail<'_>) -> Result<(), Failure> {
        let message = message(mail)?;
        self.transport()?.send(message).await.map_err(|error| self.failure(&error))?;
        Ok(())
    }

    /// Whether the server answers and lets in who hands mails in; nothing is sent.
    ///
    /// # Errors
    /// Says what it did not do.
    pub async fn look(&self) -> Result<(), Failure> {
        let answers = self.transport()?.test_connection().await;
        if answers.map_err(|error| self.failure(&error))? {
            Ok(())
        } else {
            Err(Failure::new("MailNotSent", "the mail server does not answer as one"))
        }
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
        let tls = match self.security {
            Security::Tls => Tls::Wrapper(self.parameters()?),
            Security::StartTls => Tls::Required(self.parameters()?),
            Security::Plain => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let Some((user, password)) = &self.login {
            let login = Credentials::new(user.clone(), password.expose().clone());
            builder = builder.credentials(login);
        }
        Ok(builder.build())
    }

    fn parameters(&self) -> Result<TlsParameters, Failure> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(pem) = &self.roots {
            let root = Certificate::from_pem(pem.as_bytes()).map_err(|_| {
                invalid("`caCertificate` of the mail server holds no certificate in PEM form")
            })?;
            builder = builder.add_root_certificate(root);
        }
        builder.build_rustls().map_err(|error| self.failure(&error))
    }

    /// What went wrong with everything that led to it, without what proves who hands mails in.
    fn failure(&self, error: &SmtpError) -> Failure {
        let mut message = format!("the mail server did not take it: {error}");
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            let text = inner.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner;
        }
        if let Some((user, password)) = &self.login {
            let password = password.expose();
            let plain = format!("\0{user}\0{password}");
            let said = [
                password.clone(),
                base64::encode(password.as_bytes()),
                base64::encode(plain.as_bytes()),
            ];
            for secret in said.iter().filter(|it| PASSWORD_CHARS_MIN <= it.len()) {
                message = message.replace(secret.as_str(), HIDDEN);
            }
        }
        Failure::new("MailNotSent", message)
    }
}

impl std::fmt::Display for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Whether nobody but this machine hears what is said to a host.
fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn invalid(what: impl Into<String>) -> Failure {
    Failure::new("InvalidMail", what)
}

fn message(mail: &Mail<'_>) -> Result<Message, Failure> {
    let address = |text: &str| {
        let parsed: Result<Mailbox, _> = text.trim().parse();
        parsed.map_err(|_| invalid(format!("`{}` is no address of a mail", text.trim())))
    };
    let mut builder = Message::builder()
        .from(address(mail.from)?)
        .subject(mail.subject)
        .message_id(Some(format!("<{}@flowright>", mail.id)))
        .header(ContentType::TEXT_HTML);
    for one in mail.to.split(';').filter(|it| !it.trim().is_empty()) {
        builder = builder.to(address(one)?);
    }
    builder.body(mail.html.clone()).map_err(|error| invalid(format!("it is no mail: {error}")))
}

/// Whether these can be who sends a mail and who gets it.
///
/// # Errors
/// Says which address is none.
pub fn check_addresses(from: &str, to: &str) -> Result<(), Failure> {
    message(&Mail { from, to, subject: "", html: String::new(), id: "0" }).map(drop)
}
