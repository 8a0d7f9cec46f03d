//! Carries out one call of an operation: token, request, answer, further pages.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use base::{
    Duration, ErrorClass, Failure, HttpRequest, HttpResponse, Outcome, Timestamp, http::TRACEPARENT,
};
use connector::{
    Call, Connection, Link, Operation,
    auth::Token,
    paging::{Next, Pages},
    policy, prepare, request, response,
};
use serde_json::Value;

use crate::{client::Client, gate::Closed, hide, redirect, tokens::connection_egress};

/// What a flow wants of a call besides its inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct InvokeOptions<'a> {
    /// Pages are followed until there are so many items; 0 means the first page as it is.
    pub items_min: usize,
    /// The flow, which takes turns with others at the limits of the connection.
    pub flow: &'a str,
    /// The trace that the request belongs to, as W3C Trace Context writes it.
    pub traceparent: Option<&'a str>,
    /// Which attempt of the call it is, from 1 on; 0 if that is not known.
    pub attempt: u32,
    /// Where it is noted when the limits of the connection have let its first request through.
    pub sent: Option<&'a OnceLock<Instant>>,
}

/// Why there is no answer.
pub(crate) enum Trouble {
    Closed(Closed),
    Failed(Failure),
}

/// One request as it was answered.
pub(crate) struct Exchanged {
    /// Where it went.
    address: String,
    pub(crate) response: HttpResponse,
    token: Option<Arc<Token>>,
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
        let asked = if connection.connector.program.is_some() {
            self.ask_program(connection, operation, call, options).await
        } else {
            self.pages(connection, operation, call, options).await
        };
        match asked {
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
        let prepared = self.prepared((connection, operation), call, options).await?;
        let call = &Call { inputs: prepared.as_ref().unwrap_or(call.inputs), ..*call };
        let mut pages = Pages::new(connection, operation, options.items_min);
        let mut next: Option<Next> = None;
        loop {
            let page = match &next {
                None => *call,
                Some(Next::Link(link)) => Call { link: Some(Link::Page(link)), ..*call },
                Some(Next::Inputs(inputs)) => Call { inputs, link: None, ..*call },
            };
            let exchanged = self.exchange((connection, operation), &page, options).await?;
            let outcome = self.read(&exchanged, (connection, operation), &page);
            let Exchanged { address, response, .. } = exchanged;
            if options.items_min == 0 || operation.paginate.is_none() || outcome.failure.is_some() {
                return Ok(outcome);
            }
            next = pages.add(call, &address, &response)?;
            if next.is_none() {
                return Ok(pages.merge(call, &response));
            }
        }
    }

    /// The inputs of a call with what had to be asked before.
    async fn prepared(
        &self,
        (connection, operation): (&Connection, &Operation),
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<Option<Value>, Trouble> {
        let Some((prepare, asked, inputs)) = prepare::question(connection, operation, call)? else {
            return Ok(None);
        };
        let before = Call { inputs: &inputs, callback_url: None, ..*call };
        let exchanged = self.exchange((connection, asked), &before, options).await?;
        if let Some(failure) = self.read(&exchanged, (connection, asked), &before).failure {
            return Err(Trouble::Failed(failure));
        }
        let response = &exchanged.response;
        Ok(Some(prepare::inputs(connection, (operation, prepare), call, response)?))
    }

    /// What an answer means, without what proves who asks.
    fn read(
        &self,
        exchanged: &Exchanged,
        (connection, operation): (&Connection, &Operation),
        call: &Call<'_>,
    ) -> Outcome {
        let mut outcome = response::read(connection, operation, call, &exchanged.response);
        hide::secrets(connection, exchanged.token.as_deref(), &mut outcome);
        self.leave_alone(connection, &outcome);
        outcome
    }

    /// Lets everybody wait for a service that is throttled as its connector reads its answers.
    fn leave_alone(&self, connection: &Connection, outcome: &Outcome) {
        let failure = outcome.failure.as_ref();
        let throttled = failure.filter(|it| it.class == Some(ErrorClass::Throttled));
        if let Some(pause) = throttled.and_then(|it| it.retry_after)
            && Duration::ZERO < pause
        {
            self.gates().of(connection).close(pause.to_std());
        }
    }

    /// One request, where it went, and its answer; a token that is turned down is replaced once.
    pub(crate) async fn exchange(
        &self,
        (connection, operation): (&Connection, &Operation),
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<Exchanged, Trouble> {
        let of = (connection, operation);
        let mut token = self.token(connection, call.now, None).await?;
        let (mut address, mut response) = self.ask(of, call, token.as_deref(), options).await?;
        if token.is_some() && response.status == 401 {
            let connection_name = &connection.name;
            tracing::debug!(connection_name, "A token was turned down and is replaced.");
            token = self.token(connection, call.now, token.as_deref()).await?;
            (address, response) = self.ask(of, call, token.as_deref(), options).await?;
        }
        Ok(Exchanged { address, response, token })
    }

    async fn ask(
        &self,
        (connection, operation): (&Connection, &Operation),
        call: &Call<'_>,
        token: Option<&Token>,
        options: InvokeOptions<'_>,
    ) -> Result<(String, HttpResponse), Trouble> {
        let lookups = policy::lookups(connection, operation, call, token)?;
        let gate = self.gates().of(connection);
        let came = Instant::now();
        let pass = gate.enter(options.flow).await.map_err(Trouble::Closed)?;
        if let Some(sent) = options.sent {
            sent.get_or_init(Instant::now);
        }
        let mut answers = Vec::new();
        for mut lookup in lookups {
            answers.push(self.follow((connection, operation), &mut lookup.request).await?);
        }
        let mut request = request::build_after(connection, operation, call, (token, &answers))?;
        if let Some(traceparent) = options.traceparent
            && request.header(TRACEPARENT).is_none()
        {
            request.set_header(TRACEPARENT, traceparent.to_owned());
        }
        let began = Instant::now();
        let sent = self.follow((connection, operation), &mut request).await;
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
        let response = policy::respond(connection, operation, call, response)?;
        Ok((request.url, response))
    }

    /// Sends a request, and again where the service says that what it asks for is. `request` is then
    /// the one that was answered. All of it takes no longer than one may.
    async fn follow(
        &self,
        (connection, operation): (&Connection, &Operation),
        request: &mut HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        let timeout = connection.connector.http.timeout.map(Duration::to_std);
        let mut bounds = self.bounds(timeout);
        let until = Instant::now() + bounds.timeout;
        let pool = self.pools().of(connection)?;
        let egress = connection_egress(connection);
        let mut redirects = 0;
        loop {
            let response = self.send_within((&pool, &egress), request, bounds).await?;
            let is_wanted = operation.success.contains(&response.status);
            // A signature is for the address that was signed.
            if is_wanted || connection.auth().signs_requests() {
                return Ok(response);
            }
            let Some(next) = redirect::next(request, &response)? else { return Ok(response) };
            redirects += 1;
            if redirect::REDIRECTS_MAX < redirects {
                return Err(redirect::too_many());
            }
            *request = next;
            bounds.timeout = until.saturating_duration_since(Instant::now());
        }
    }
}

/// How long a service asks to be left alone.
fn asked_pause(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    base::http::retry_after(response.header("retry-after")?, now)
        .filter(|pause| Duration::ZERO < *pause)
}
