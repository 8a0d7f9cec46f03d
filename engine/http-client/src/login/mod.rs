//! Logging in: somebody agrees in a browser or on another device, and the token is kept.

mod callback;

use std::time::Duration;

use base::{ErrorClass, Failure, Secret, Timestamp, base64, digest::sha256};
use connector::{
    Connection,
    auth::{self, Asking, Authorization, Device},
};

use self::callback::Callback;
use crate::{client::Client, sign};

/// How long somebody has to agree.
const PATIENCE: Duration = Duration::from_mins(10);
/// What is added to the pause when a service finds that it is asked too often (RFC 8628).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// A login that waits for a browser.
pub struct BrowserLogin {
    /// The address to open.
    pub url: String,
    redirect: String,
    state: Secret<String>,
    verifier: Secret<String>,
    callback: Callback,
}

impl BrowserLogin {
    /// Waits on this machine for the browser to come back. `redirect` is where to, as it is registered
    /// with the service; without it a free port of `127.0.0.1`.
    ///
    /// # Errors
    /// If the connection does not log in that way, or the address is not one of this machine.
    pub async fn start(connection: &Connection, redirect: Option<&str>) -> Result<Self, Failure> {
        let (callback, redirect) = Callback::bind(redirect).await?;
        let random = || {
            sign::random_text().ok_or_else(|| {
                let message = "this machine gives no random numbers";
                Failure::of_class(ErrorClass::Transient, "NoRandomness", message)
            })
        };
        let (state, verifier) = (random()?, random()?);
        let challenge = base64::encode_url(&sha256(verifier.expose().as_bytes()));
        let attempt =
            Authorization { redirect: &redirect, state: state.expose(), challenge: &challenge };
        let url = auth::authorization_url(connection, &attempt)?;
        Ok(Self { url, redirect, state, verifier, callback })
    }
}

impl Client {
    /// Waits until somebody has agreed in the browser, and keeps the token.
    ///
    /// # Errors
    /// If nobody agrees in time, or the service gives no token.
    pub async fn finish_login(
        &self,
        connection: &Connection,
        login: BrowserLogin,
        now: impl Fn() -> Timestamp,
    ) -> Result<(), Failure> {
        let BrowserLogin { redirect, state, verifier, callback, .. } = login;
        let code = tokio::time::timeout(PATIENCE, callback.code(&state)).await;
        let code = code.map_err(|_| too_late())??;
        let request =
            auth::code_request(connection, (&code, &redirect), &verifier, &asking(now()))?;
        let response = self.ask_token(connection, &request).await?;
        let token = auth::read_token(connection, &response)?;
        self.tokens().keep_login(connection, token, now()).await
    }

    /// A code that somebody types on another device.
    ///
    /// # Errors
    /// If the connection does not log in that way, or the service gives none.
    pub async fn start_device_login(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Device, Failure> {
        let request = auth::device_request(connection, &asking(now))?;
        auth::read_device(connection, &self.ask_token(connection, &request).await?)
    }

    /// Asks until somebody has agreed on the other device, and keeps the token.
    ///
    /// # Errors
    /// If nobody agrees in time, or somebody declines.
    pub async fn finish_device_login(
        &self,
        connection: &Connection,
        device: &Device,
        now: impl Fn() -> Timestamp,
    ) -> Result<(), Failure> {
        let mut pause = Duration::from_secs(device.interval);
        let patience = PATIENCE.max(Duration::from_secs(device.lifetime)).min(PATIENCE * 3);
        let end = tokio::time::Instant::now() + patience;
        loop {
            if end < tokio::time::Instant::now() + pause {
                return Err(too_late());
            }
            tokio::time::sleep(pause).await;
            let request = auth::device_token_request(connection, device, &asking(now()))?;
            let answer = match self.ask_token(connection, &request).await {
                Ok(response) => auth::read_token(connection, &response),
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(token) => return self.tokens().keep_login(connection, token, now()).await,
                Err(failure) if failure.code == "authorization_pending" => {}
                Err(failure) if failure.code == "slow_down" => pause += SLOW_DOWN,
                // The network had a moment of weakness: somebody may be typing.
                Err(failure) if failure.class.is_some_and(ErrorClass::retryable) => pause *= 2,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Whether somebody has logged in for a connection.
    ///
    /// # Errors
    /// If what is kept cannot be read.
    pub async fn has_login(&self, connection: &Connection) -> Result<bool, Failure> {
        self.tokens().has_login(connection).await
    }

    /// The token of a connection is asked for, to see whether it can be had.
    ///
    /// # Errors
    /// As the service says. `Ok(false)` if the connection needs no token.
    pub async fn check_token(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        Ok(self.token(connection, now, None).await?.is_some())
    }
}

/// A login is a beginning: there is nothing to refresh.
fn asking(now: Timestamp) -> Asking<'static> {
    Asking { now, refresh: None, signer: &sign::Rsa }
}

fn too_late() -> Failure {
    Failure::of_class(ErrorClass::Auth, "LoginTimedOut", "nobody has agreed in time")
}
