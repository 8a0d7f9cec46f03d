//! Calls of connectors that are programs: handed on to whoever runs them, within the same limits.

use std::time::Instant;

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp};
use connector::{
    Call, Connection, Operation,
    program::{self, Programs, Wanted},
    proof::Asked,
};
use serde_json::Value;

use crate::{
    client::{Client, Exchange},
    gate::Closed,
    invoke::{InvokeOptions, Trouble},
    signature::Rejected,
};

impl Client {
    pub(crate) async fn ask_program(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        options: InvokeOptions<'_>,
    ) -> Result<Outcome, Trouble> {
        if call.link.is_some() {
            let message = "a connector that is a program has no addresses that could be followed";
            return Err(Failure::new("InvalidLocation", message).into());
        }
        if !connection.connector.is_started() {
            return self.ask_mcp(connection, operation, call, options).await;
        }
        let programs = self.programs()?;
        let gate = self.gates().of(connection);
        let came = Instant::now();
        let pass = gate.enter(options.flow).await.map_err(Trouble::Closed)?;
        let began = Instant::now();
        let wanted = Wanted { items_min: options.items_min, attempt: options.attempt };
        let outcome = programs.call(connection, operation, call, wanted).await;
        if let Some(observer) = self.observer() {
            observer(&Exchange {
                connection: Some(&connection.name),
                status: outcome.status_code(),
                took: began.elapsed(),
                waited: Some(began - came),
            });
        }
        if let Some(failure) = &outcome.failure
            && failure.class == Some(ErrorClass::Throttled)
            && let Some(pause) = failure.retry_after.filter(|it| Duration::ZERO < *it)
        {
            gate.close(pause.to_std());
        }
        drop(pass);
        Ok(outcome)
    }

    fn programs(&self) -> Result<&dyn Programs, Failure> {
        self.inner.programs.as_deref().ok_or_else(|| {
            Failure::new("ProgramNotStarted", "programs of connectors are not started here")
        })
    }

    /// What a connector's program or MCP server says that it can do, as a `describe.json` holds it.
    ///
    /// # Errors
    /// If it is no program, cannot be reached, or does not answer as it should.
    pub async fn describe(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Value, Failure> {
        let name = &connection.connector.name;
        if connection.connector.program.is_none() {
            let message =
                format!("the connector `{name}` is described by its file, not by a program");
            return Err(Failure::new("NotAProgram", message));
        }
        if connection.connector.is_started() {
            return self.programs()?.describe(connection).await;
        }
        match self.describe_mcp(connection, now).await {
            Ok(description) => Ok(description),
            Err(Trouble::Failed(failure)) => Err(failure),
            Err(Trouble::Closed(closed)) => Err(closed.to_failure()),
        }
    }

    /// Asks the program of a connector whether a delivery is genuine.
    pub(crate) async fn check_by_program(
        &self,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let Asked { connection, operation, inputs } = asked;
        let call =
            Call { inputs, idempotency_key: "", now, seed: 0, link: None, callback_url: None };
        let asked = self.try_invoke(connection, operation, &call, InvokeOptions::default()).await;
        let outcome = asked.map_err(|closed: Closed| closed.to_failure());
        match outcome.and_then(|it| program::accepted(&it)) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let message = "the connector's program does not take it for genuine";
                Err(Rejected::untrusted("SignatureInvalid", message))
            }
            Err(failure) => Err(Rejected::unavailable("VerificationUnavailable", failure.message)),
        }
    }
}
