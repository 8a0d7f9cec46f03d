//! Tokens of connections: asked for once, kept until shortly before they end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use base::{Duration, ErrorClass, Failure, Secret, Timestamp};
use connector::{
    Connection, Token,
    auth::{self, Asking, Stored},
};
use tokio::sync::OwnedMutexGuard;

use crate::{client::Client, guard::Egress, sign::Rsa};

/// Keeps what connections must not forget: refresh tokens that a service has given in place of the
/// operator's, and what a login has brought. The texts are secrets.
pub trait TokenStore: Send + Sync {
    /// What was kept for a connection.
    ///
    /// # Errors
    /// Says why it cannot be read.
    fn load(&self, connection: &str) -> Result<Option<Secret<String>>, String>;

    /// Keeps something for a connection in place of what was kept before.
    ///
    /// # Errors
    /// Says why it cannot be written.
    fn keep(&self, connection: &str, token: &Secret<String>) -> Result<(), String>;
}

/// A token is replaced this long before it ends, so that no request is under way when it does.
const EARLY: Duration = Duration::seconds(120);
/// How long a token is used of which the service does not say how long it is good for.
const LIFETIME_DEFAULT: Duration = Duration::seconds(30 * 60);

/// The tokens at hand.
pub(crate) struct Tokens {
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    store: Option<Arc<dyn TokenStore>>,
}

/// The token of one connection with these values. Whoever holds the lock may ask for a new one.
type Slot = tokio::sync::Mutex<Kept>;

#[derive(Default)]
struct Kept {
    token: Option<(Arc<Token>, Timestamp)>,
    refresh: Option<Secret<String>>,
    /// What the store had last: only another one there is news.
    stored: Option<Secret<String>>,
}

impl Tokens {
    pub(crate) fn new(store: Option<Arc<dyn TokenStore>>) -> Self {
        Self { slots: Mutex::default(), store }
    }

    fn slot(&self, connection: &Connection) -> Arc<Slot> {
        // Changed credentials start afresh.
        let key = format!("{} {}", connection.name, connection.fingerprint());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }

    async fn load(
        &self,
        connection: &Connection,
        identity: &str,
    ) -> Result<Option<Stored>, Failure> {
        let Some(store) = self.store.clone() else { return Ok(None) };
        if !auth::refreshes(connection) {
            // Nothing is kept for it, so it need not wait for the store.
            return Ok(None);
        }
        let name = connection.name.clone();
        let loaded = tokio::task::spawn_blocking(move || store.load(&name)).await;
        let loaded = loaded.map_err(|error| unreadable(connection, &error.to_string()))?;
        let text = loaded.map_err(|error| unreadable(connection, &error))?;
        let stored = text.as_ref().and_then(Stored::from_text);
        Ok(stored.filter(|it| it.identity == identity))
    }

    /// Whether somebody has logged in for a connection.
    pub(crate) async fn has_login(&self, connection: &Connection) -> Result<bool, Failure> {
        let Some(identity) = auth::identity(connection)? else { return Ok(false) };
        Ok(self.load(connection, &identity).await?.is_some())
    }

    /// Keeps what a service gave. A token that cannot be kept is still good for this process, so
    /// that is told to the operator and the work goes on.
    async fn keep(&self, connection: &Connection, stored: &Stored) -> Result<(), String> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        let (name, text) = (connection.name.clone(), stored.to_text());
        let kept = tokio::task::spawn_blocking(move || store.keep(&name, &text)).await;
        kept.map_err(|error| error.to_string())?
    }

    /// Keeps what a login has brought.
    pub(crate) async fn keep_login(
        &self,
        connection: &Connection,
        mut token: Token,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if self.store.is_none() {
            return Err(unreadable(connection, "there is nowhere to keep it"));
        }
        let identity = auth::identity(connection)?.unwrap_or_default();
        let refresh = token.refresh.take();
        let until = usable_until(&token, now);
        let stored = Stored::new(&identity, &token, refresh.as_ref(), until);
        self.keep(connection, &stored).await.map_err(|error| unreadable(connection, &error))
    }
}

fn unreadable(connection: &Connection, why: &str) -> Failure {
    let message = format!("the kept token of connection `{}`: {why}", connection.name);
    Failure::of_class(ErrorClass::Transient, "TokenStoreUnavailable", message)
}

impl Client {
    /// The token of a connection; `None` if it needs none. `refused` is a token that a service has
    /// just turned down: another is asked for, unless somebody else has done so meanwhile.
    pub(crate) async fn token(
        &self,
        connection: &Connection,
        now: Timestamp,
        refused: Option<&Token>,
    ) -> Result<Option<Arc<Token>>, Failure> {
        let Some(identity) = auth::identity(connection)? else { return Ok(None) };
        let mut kept = self.tokens().slot(connection).lock_owned().await;
        if let Some((token, until)) = &kept.token {
            let refused = refused.is_some_and(|it| it.access == token.access);
            if now < *until && !refused {
                return Ok(Some(Arc::clone(token)));
            }
        }
        kept.token = None;
        let (client, connection) = (self.clone(), connection.clone());
        let refused = refused.map(|it| it.access.clone());
        // A refresh token that a service has taken back must not be lost with a caller that gives up.
        let renewed = tokio::spawn(async move {
            client.renew((&connection, &identity), now, refused, kept).await
        });
        renewed.await.map_err(|error| {
            let message = format!("the token could not be asked for: {error}");
            Failure::of_class(ErrorClass::Transient, "TokenMissing", message)
        })?
    }

    async fn renew(
        &self,
        (connection, identity): (&Connection, &str),
        now: Timestamp,
        refused: Option<Secret<String>>,
        mut kept: OwnedMutexGuard<Kept>,
    ) -> Result<Option<Arc<Token>>, Failure> {
        // Another process may have been given another one meanwhile.
        if let Some(stored) = self.tokens().load(connection, identity).await? {
            let fresh = stored.token(now).filter(|(it, _)| refused.as_ref() != Some(&it.access));
            if let Some((token, until)) = fresh {
                let token = Arc::new(token);
                kept.token = Some((Arc::clone(&token), until));
                return Ok(Some(token));
            }
            if stored.refresh.is_some() && stored.refresh != kept.stored {
                kept.refresh.clone_from(&stored.refresh);
                kept.stored = stored.refresh;
            }
        }
        let asking = Asking { now, refresh: kept.refresh.as_ref(), signer: &Rsa };
        let Some(request) = auth::token_request(connection, &asking)? else { return Ok(None) };
        let mut token = auth::read_token(connection, &self.ask_token(connection, &request).await?)?;
        let until = usable_until(&token, now);
        if let Some(refresh) = token.refresh.take().filter(|_| auth::refreshes(connection)) {
            if kept.refresh.as_ref() != Some(&refresh) {
                let stored = Stored::new(identity, &token, Some(&refresh), until);
                match self.tokens().keep(connection, &stored).await {
                    Ok(()) => kept.stored = Some(refresh.clone()),
                    Err(error) => {
                        let connection = &connection.name;
                        tracing::error!(
                            connection,
                            error,
                            "A refresh token could not be kept; after a restart the old one is used."
                        );
                    }
                }
            }
            kept.refresh = Some(refresh);
        }
        let token = Arc::new(token);
        kept.token = Some((Arc::clone(&token), until));
        Ok(Some(token))
    }

    /// Asks a token service. What it answers is never sent elsewhere.
    pub(crate) async fn ask_token(
        &self,
        connection: &Connection,
        request: &base::HttpRequest,
    ) -> Result<base::HttpResponse, Failure> {
        let pool = self.pools().of(connection)?;
        let egress = connection_egress(connection);
        self.send_within((&pool, &egress), request, self.bounds(None)).await
    }
}

/// Until when a token is used: a little less than it is good for.
fn usable_until(token: &Token, now: Timestamp) -> Timestamp {
    let lifetime = token.lifetime.unwrap_or(LIFETIME_DEFAULT);
    let half = Duration::from_ticks(lifetime.ticks() / 2);
    let early = EARLY.min(half);
    now.after(Duration::from_ticks(lifetime.ticks() - early.ticks()))
}

/// Where requests of a connection may go: the public internet, the connection's own addresses, and
/// what the operator allows it besides.
pub fn connection_egress(connection: &Connection) -> Egress {
    let own = connection.origins();
    let named = own.iter().chain(&connection.network.allow_hosts);
    named.fold(Egress::public(), |egress, it| egress.allow(it))
}
