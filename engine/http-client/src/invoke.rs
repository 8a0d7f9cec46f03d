//! Carries out one call of an operation: token, request, answer, further pages.

use base::{Failure, HttpResponse, Outcome};
use connector::{Call, Connection, Link, Operation, auth::Token, paging::Pages, request, response};

use crate::{client::Client, tokens::connection_egress};

/// What a flow wants of a call besides its inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct InvokeOptions {
    /// Pages are followed until there are so many items; 0 means the first page as it is.
    pub items_min: usize,
}

impl Client {
    /// Calls an operation once. Nothing is retried, except that a token which is turned down is
    /// replaced once: whether to try again is for whoever keeps the run.
    pub async fn invoke(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions,
    ) -> Outcome {
        match self.pages(connection, operation, call, options).await {
            Ok(outcome) => outcome,
            Err(failure) => Outcome::failed(failure),
        }
    }

    async fn pages(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions,
    ) -> Result<Outcome, Failure> {
        let mut pages = Pages::new(connection, operation, options.items_min);
        let mut next: Option<String> = None;
        loop {
            let link = next.as_deref().map(Link::Page).or(call.link);
            let call = Call { link, ..*call };
            let (address, response) = self.exchange(connection, operation, &call).await?;
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
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
    ) -> Result<(String, HttpResponse), Failure> {
        let token = self.token(connection, call.now, None).await?;
        let (address, response) = self.ask(connection, operation, call, token.as_deref()).await?;
        let Some(token) = token.filter(|_| response.status == 401) else {
            return Ok((address, response));
        };
        tracing::debug!(connection = connection.name, "A token was turned down and is replaced.");
        let token = self.token(connection, call.now, Some(&token)).await?;
        self.ask(connection, operation, call, token.as_deref()).await
    }

    async fn ask(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        token: Option<&Token>,
    ) -> Result<(String, HttpResponse), Failure> {
        let request = request::build(connection, operation, call, token)?;
        let _turn = self.turns().turn(connection).await;
        let timeout = connection.connector.http.timeout.map(base::Duration::to_std);
        let egress = connection_egress(connection);
        let response = self.send_within(&request, &egress, self.bounds(timeout)).await?;
        Ok((request.url, response))
    }
}
