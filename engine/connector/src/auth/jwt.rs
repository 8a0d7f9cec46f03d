//! What an application says of itself and signs: JSON Web Tokens for the grant `jwtBearer`.

use base::{
    Duration, ErrorClass, Failure, Secret, base64,
    digest::{sha256, sha256_hex},
};
use expr::Template;
use serde_json::{Map, Value, json};

use super::{Asking, OAuth2, needed};
use crate::{connection::Connection, scope::Scope};

/// Ticks of a time in a second.
const TICKS: i64 = 10_000_000;
/// How long an assertion is good for, if the file does not say; Salesforce takes no more.
const LIFETIME: Duration = Duration::seconds(180);

/// Signs with private keys: that needs a library which pure crates do not have.
pub trait Signer: Send + Sync {
    /// The RS256 signature (RSA, PKCS #1 v1.5, SHA-256) of some bytes.
    ///
    /// # Errors
    /// Says what is wrong with the key, without the key.
    fn rs256(&self, key_pem: &Secret<String>, bytes: &[u8]) -> Result<Vec<u8>, String>;
}

/// What a signed assertion says.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The private key, as PEM.
    pub key: Template,
    /// The name by which the service knows the key; null for none.
    pub key_id: Template,
    /// The key's certificate, as PEM, by whose digest the service knows the key; null for none.
    pub certificate: Template,
    /// Who says it (`iss`); the client id if null.
    pub issuer: Template,
    /// Whom the application acts for (`sub`); null for none.
    pub subject: Template,
    /// Who is to believe it (`aud`); the token address if null.
    pub audience: Template,
    /// How long it is to be believed.
    pub lifetime: Option<Duration>,
    /// Whatever else it says.
    pub claims: Vec<(String, Template)>,
}

/// The assertion of the grant: whom the application acts for.
pub(super) fn of_grant(
    connection: &Connection,
    oauth: &OAuth2,
    asking: &Asking<'_>,
) -> Result<String, Failure> {
    let said = said(connection, oauth)?;
    let scope = Scope { now: asking.now, ..Scope::new(connection).with_secrets() };
    let issuer = match scope.text(&said.issuer)? {
        Some(issuer) => issuer,
        None => needed(connection, &oauth.client_id, "client id")?,
    };
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), issuer.into());
    if let Some(subject) = scope.text(&said.subject)? {
        claims.insert("sub".to_owned(), subject.into());
    }
    claims.insert("aud".to_owned(), audience(connection, oauth, &scope)?.into());
    sign((connection, said), claims, asking, &scope)
}

/// The assertion in place of a secret: that the application is itself.
pub(super) fn of_client(
    connection: &Connection,
    oauth: &OAuth2,
    asking: &Asking<'_>,
) -> Result<String, Failure> {
    let said = said(connection, oauth)?;
    let scope = Scope { now: asking.now, ..Scope::new(connection).with_secrets() };
    let id = needed(connection, &oauth.client_id, "client id")?;
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), id.as_str().into());
    claims.insert("sub".to_owned(), id.into());
    claims.insert("aud".to_owned(), audience(connection, oauth, &scope)?.into());
    // Each one is taken once; two of one connection are never made at one time.
    let name = format!("{} {}", connection.fingerprint(), asking.now.ticks());
    claims.insert("jti".to_owned(), sha256_hex(name.as_bytes()).into());
    sign((connection, said), claims, asking, &scope)
}

fn said<'a>(connection: &Connection, oauth: &'a OAuth2) -> Result<&'a Assertion, Failure> {
    oauth.assertion.as_ref().ok_or_else(|| {
        let message = format!("connection `{}` has no private key", connection.name);
        Failure::of_class(ErrorClass::Auth, "InvalidConnection", message)
    })
}

fn audience(connection: &Connection, oauth: &OAuth2, scope: &Scope<'_>) -> Result<String, Failure> {
    match scope.text(&said(connection, oauth)?.audience)? {
        Some(audience) => Ok(audience),
        None => needed(connection, &oauth.token_url, "token address"),
    }
}

/// The signed text of some claims, with the times and whatever else the file says.
fn sign(
    (connection, said): (&Connection, &Assertion),
    mut claims: Map<String, Value>,
    asking: &Asking<'_>,
    scope: &Scope<'_>,
) -> Result<String, Failure> {
    let invalid = |what: String| {
        let message = format!("connection `{}` {what}", connection.name);
        Failure::of_class(ErrorClass::Auth, "InvalidConnection", message)
    };
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = scope.text(&said.key_id)? {
        header["kid"] = id.into();
    }
    if let Some(pem) = scope.text(&said.certificate)? {
        let der = certificate(&pem)
            .ok_or_else(|| invalid("has a certificate that is not in PEM form".to_owned()))?;
        header["x5t#S256"] = base64::encode_url(&sha256(&der)).into();
    }
    let from = asking.now.ticks().div_euclid(TICKS);
    let lifetime = said.lifetime.unwrap_or(LIFETIME).ticks() / TICKS;
    claims.insert("iat".to_owned(), from.into());
    claims.insert("exp".to_owned(), from.saturating_add(lifetime).into());
    for (name, template) in &said.claims {
        let value = scope.eval(template)?;
        if !value.is_null() {
            claims.insert(name.clone(), value);
        }
    }
    let part = |value: &Value| base64::encode_url(value.to_string().as_bytes());
    let text = format!("{}.{}", part(&header), part(&Value::Object(claims)));
    let key = Secret::new(needed(connection, &said.key, "private key")?);
    let signature = asking.signer.rs256(&key, text.as_bytes());
    let signature = signature.map_err(|error| invalid(format!("cannot sign: {error}")))?;
    Ok(format!("{text}.{}", base64::encode_url(&signature)))
}

/// The bytes of the first certificate of a PEM file.
fn certificate(pem: &str) -> Option<Vec<u8>> {
    // Environments often hold it in one line.
    let pem = pem.replace("\\n", "\n");
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    base64::decode_lenient(body).filter(|it| !it.is_empty())
}
