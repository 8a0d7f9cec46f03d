//! Tokens of connections: asked for once, kept until shortly before they end.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
};

use base::{Duration, Failure, Secret, Timestamp};
use connector::{Connection, Token, auth};

use crate::{client::Client, guard::Egress};

/// Called with the name of a connection and the refresh token that takes the old one's place.
pub type Rotated = Arc<dyn Fn(&str, &Secret<String>) + Send + Sync>;

/// A token is replaced this long before it ends, so that no request is under way when it does.
const EARLY: Duration = Duration::seconds(120);
/// How long a token is used of which the service does not say how long it is good for.
const LIFETIME_DEFAULT: Duration = Duration::seconds(30 * 60);

/// The tokens at hand.
pub(crate) struct Tokens {
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    on_rotated: Option<Rotated>,
}

/// The token of one connection for one audience. Whoever holds the lock may ask for a new one.
type Slot = tokio::sync::Mutex<Kept>;

#[derive(Default)]
struct Kept {
    token: Option<(Arc<Token>, Timestamp)>,
    refresh: Option<Secret<String>>,
}

impl Tokens {
    pub(crate) fn new(on_rotated: Option<Rotated>) -> Self {
        Self { slots: Mutex::default(), on_rotated }
    }

    fn slot(&self, key: String) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }
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
        let Some(configured) = auth::token_request(connection, None)? else { return Ok(None) };
        // What the operator configured is part of the key: changed credentials start afresh.
        let mut hasher = DefaultHasher::new();
        configured.body.hash(&mut hasher);
        configured.headers.hash(&mut hasher);
        let key = format!("{} {} {:x}", connection.name, configured.url, hasher.finish());
        let slot = self.tokens().slot(key);
        let mut kept = slot.lock().await;
        if let Some((token, until)) = &kept.token {
            let refused = refused.is_some_and(|it| it.access == token.access);
            if now < *until && !refused {
                return Ok(Some(Arc::clone(token)));
            }
        }
        kept.token = None;
        let request = match &kept.refresh {
            Some(refresh) => auth::token_request(connection, Some(refresh))?.unwrap_or(configured),
            None => configured,
        };
        let egress = connection_egress(connection);
        let response = self.send_within(&request, &egress, self.bounds(None)).await?;
        let mut token = auth::read_token(connection, &response)?;
        if let Some(refresh) = token.refresh.take() {
            if let Some(on_rotated) = &self.tokens().on_rotated {
                on_rotated(&connection.name, &refresh);
            }
            kept.refresh = Some(refresh);
        }
        let token = Arc::new(token);
        kept.token = Some((Arc::clone(&token), usable_until(&token, now)));
        Ok(Some(token))
    }
}

/// Until when a token is used: a little less than it is good for.
fn usable_until(token: &Token, now: Timestamp) -> Timestamp {
    let lifetime = token.lifetime.unwrap_or(LIFETIME_DEFAULT);
    let half = Duration::from_ticks(lifetime.ticks() / 2);
    let early = EARLY.min(half);
    now.after(Duration::from_ticks(lifetime.ticks() - early.ticks()))
}

/// Where requests of a connection may go: the public internet and the connection's own addresses.
pub fn connection_egress(connection: &Connection) -> Egress {
    connection.origins().iter().fold(Egress::public(), |egress, it| egress.allow(it))
}
