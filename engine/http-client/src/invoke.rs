//! Carries out one call of an operation: token, request, answer, further pages.

use std::time::Instant;

use base::{Duration, Failure, HttpResponse, Outcome, Timestamp, http::TRACEPARENT};
use connector::{Call, Connection, Link, Operation, auth::Token, paging::Pages, request, response};

use crate::{client::Client, gate::Closed, tokens::connection_egress};

/// What a flow wants of a call besides its inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct InvokeOptions<'a> {
    /// Pages are followed until there are so many items; 0 means the first page as it is.
    pub items_min: usize,
    /// The flow, which takes turns with others at the limits of the connection.
    pub flow: &'a str,
    /// The trace that the request belongs to, as W3C Trace Context writes it.
    pub traceparent: Option<&'a str>,
}

/// Why there is no answer.
enum Trouble {
    Closed(Closed),
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Client {
    /// Calls an operation once. Nothing is retried, except that a token which is turned down is
    /// replaced once: whether to try again is for whoever keeps the run.
    pub async fn invoke(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Outcome {
        let asked = self.try_invoke(connection, operation, call, options).await;
        asked.unwrap_or_else(|closed| Outcome::failed(closed.to_failure()))
    }

    /// The same for somebody who can come back.
    ///
    /// # Errors
    /// If the service has asked to be left alone for a while: then the call was not made.
    pub async fn try_invoke(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<Outcome, Closed> {
        match self.pages(connection, operation, call, options).await {
            Ok(outcome) => Ok(outcome),
            Err(Trouble::Failed(failure)) => Ok(Outcome::failed(failure)),
            Err(Trouble::Closed(closed)) => Err(closed),
        }
    }

    async fn pages(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<Outcome, Trouble> {
        let mut pages = Pages::new(connection, operation, options.items_min);
        let mut next: Option<String> = None;
        loop {
            let link = next.as_deref().map(Link::Page).or(call.link);
            let call = Call { link, ..*call };
            let (address, response) =
                self.exchange((connection, operation), &call, options).await?;
            let outcome = response::read(connection, operation, &call, &response);
            if options.items_min == 0 || operation.paginate.is_none() || outcome.failure.is_some() {
                return Ok(outcome);
            }
            match pages.add(&call, &address, &response)? {
                Some(page) => next = Some(page),
                None => return Ok(pages.merge(outcome)),
            }
        }
    }

    /// One request, where it went, and its answer; a token that is turned down is replaced once.
    async fn exchange(
        &self,
        (connection, operation): (&Connection, &Operation),
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<(String, HttpResponse), Trouble> {
        let of = (connection, operation);
        let token = self.token(connection, call.now, None).await?;
        let (address, response) = self.ask(of, call, token.as_deref(), options).await?;
        let Some(token) = token.filter(|_| response.status == 401) else {
            return Ok((address, response));
        };
        tracing::debug!(connection = connection.name, "A token was turned down and is replaced.");
        let token = self.token(connection, call.now, Some(&token)).await?;
        self.ask(of, call, token.as_deref(), options).await
    }

    async fn ask(
        &self,
        (connection, operation): (&Connection, &Operation),
        call: &Call<'_>,
        token: Option<&Token>,
        options: InvokeOptions<'_>,
    ) -> Result<(String, HttpResponse), Trouble> {
        let mut request = request::build(connection, operation, call, token)?;
        if let Some(traceparent) = options.traceparent
            && request.header(TRACEPARENT).is_none()
        {
            request.set_header(TRACEPARENT, traceparent.to_owned());
        }
        let gate = self.gates().of(connection);
        let came = Instant::now();
        let pass = gate.enter(options.flow).await.map_err(Trouble::Closed)?;
        let timeout = connection.connector.http.timeout.map(Duration::to_std);
        let egress = connection_egress(connection);
        let began = Instant::now();
        let sent = self.send_within(&request, &egress, self.bounds(timeout)).await;
        self.tell(Some((&connection.name, began - came)), began, &sent);
        let response = sent?;
        if matches!(response.status, 429 | 503)
            && let Some(pause) = asked_pause(&response, call.now)
        {
            tracing::warn!(
                connection = connection.name,
                seconds = pause.as_seconds(),
                "A service asks to be left alone; what is for it waits."
            );
            gate.close(pause.to_std());
        }
        drop(pass);
        Ok((request.url, response))
    }
}

/// How long a service asks to be left alone.
fn asked_pause(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    base::http::retry_after(response.header("retry-after")?, now)
        .filter(|pause| Duration::ZERO < *pause)
}
