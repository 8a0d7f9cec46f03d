//! Answers the questions of runs by asking the services.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use base::{Failure, HttpResponse, Outcome, Timestamp, digest::sha256_hex, http::TRACEPARENT};
use connector::{
    Call, Connection, Link, Operation, route, unknown,
    webhook::{self, Removal},
};
use flow::Flow;
use http_client::{Client, Closed, Egress, InvokeOptions};
use interp::{
    Plan,
    effect::{Ask, Request},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    metrics::Metrics,
    perform::{Asked, Performer, Question},
    plain_http,
    traces::Traces,
};

/// Asks over the network, with the connections of an environment.
pub struct Live {
    client: Client,
    connections: Connections,
    egress: Egress,
    traces: Option<Traces>,
}

/// The connections of an environment by name.
#[derive(Clone, Debug, Default)]
pub struct Connections(pub BTreeMap<String, Entry>);

/// One connection of an environment.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The connector that it is said to be to.
    pub connector: String,
    /// The connection, or why it cannot be used.
    pub connection: Result<Arc<Connection>, Failure>,
}

impl Connections {
    /// The connection that a flow calls `name`: the environment's of the same name, else the one
    /// named as its connector, else its only one to that connector.
    ///
    /// # Errors
    /// If there is none, more than one to choose from, or the one cannot be used.
    pub fn of_flow(&self, flow: &Flow, name: &str) -> Result<&Arc<Connection>, Failure> {
        let Some(declared) = flow.connections.iter().find(|it| it.name == name) else {
            let message = format!("the flow declares no connection `{name}`");
            return Err(Failure::new("ConnectionNotFound", message));
        };
        match self.0.get(name).or_else(|| self.0.get(&declared.connector)) {
            Some(entry) => entry.connection.as_ref().map_err(Clone::clone),
            None => self.of_connector(&declared.connector),
        }
    }

    /// What the environment calls the connection that a flow calls `name`, whether or not it can be
    /// used. None if there is none, or more than one to choose from.
    pub fn name_of(&self, flow: &Flow, name: &str) -> Option<&str> {
        let declared = flow.connections.iter().find(|it| it.name == name)?;
        let named =
            self.0.get_key_value(name).or_else(|| self.0.get_key_value(&declared.connector));
        let mut found = self.to_connector(&declared.connector);
        let only = match (found.next(), found.next()) {
            (Some(only), None) => Some(only),
            (None, _) | (_, Some(_)) => None,
        };
        named.or(only).map(|(name, _)| name.as_str())
    }

    /// The connections to a connector, by its name or an alias.
    fn to_connector<'a, 'n>(
        &'a self,
        connector: &'n str,
    ) -> impl Iterator<Item = (&'a String, &'a Entry)> + use<'a, 'n> {
        self.0.iter().filter(move |(_, entry)| {
            let aliases = entry.connection.as_ref().map(|it| it.connector.aliases.as_slice());
            let mut aliases = aliases.unwrap_or_default().iter();
            entry.connector == connector || aliases.any(|it| it.eq_ignore_ascii_case(connector))
        })
    }

    /// The only connection to a connector.
    ///
    /// # Errors
    /// If there is none, more than one to choose from, or the one cannot be used.
    pub fn of_connector(&self, connector: &str) -> Result<&Arc<Connection>, Failure> {
        let mut found = self.to_connector(connector).map(|(_, entry)| entry);
        match (found.next(), found.next()) {
            (Some(only), None) => only.connection.as_ref().map_err(Clone::clone),
            (None, _) => Err(Failure::new(
                "ConnectionNotFound",
                format!(
                    "the environment has no connection to `{connector}`; add one under `connections`"
                ),
            )),
            (Some(_), Some(_)) => Err(Failure::new(
                "ConnectionAmbiguous",
                format!(
                    "the environment has several connections to `{connector}`; name one as the flow does"
                ),
            )),
        }
    }
}

impl Live {
    /// With the connections of an environment; `egress` bounds plain HTTP only.
    pub const fn new(client: Client, connections: Connections, egress: Egress) -> Self {
        Self { client, connections, egress, traces: None }
    }

    /// The same with its runs followed.
    #[must_use]
    pub fn traced(mut self, traces: Option<Traces>) -> Self {
        self.traces = traces;
        self
    }

    async fn operation(
        &self,
        question: Question<'_>,
        wanted: Wanted<'_>,
    ) -> Result<Result<Outcome, Closed>, Failure> {
        let Question { plan, ask, now, .. } = question;
        let connection = self.connections.of_flow(&plan.flow, wanted.connection)?;
        let (operation, inputs) = wanted.operation(connection)?;
        let follow = ask.follow.as_deref().map(|it| same_origin(connection, it)).transpose()?;
        let link = follow.as_deref().map(Link::Page);
        let call = Call { link, ..call(ask, &inputs, now) };
        let options = options(question, wanted.minimum_items);
        if ask.repeated
            && let Some(lookup) = unknown::after_unknown(connection, operation, &call)?
        {
            let asked = Call { inputs: &lookup.inputs, ..call };
            let options = InvokeOptions { items_min: 0, ..options };
            let found = self.client.try_invoke(connection, lookup.operation, &asked, options).await;
            let found = match found {
                Ok(answer) => unknown::read_lookup(connection, operation, &call, &answer)
                    .map_err(|failure| not_found_out(&failure))?,
                Err(closed) => return Ok(Err(closed)),
            };
            if let Some(done) = found {
                tracing::info!(path = %ask.path, "What may have been asked for was found, and is not asked for again.");
                return Ok(Ok(done));
            }
        }
        Ok(self.client.try_invoke(connection, operation, &call, options).await)
    }

    /// Takes back what an operation has subscribed to, as its connector says.
    async fn unsubscribe(
        &self,
        question: Question<'_>,
        wanted: Wanted<'_>,
        answer: &Value,
    ) -> Result<Result<Outcome, Closed>, Failure> {
        let Question { plan, ask, now, .. } = question;
        let connection = self.connections.of_flow(&plan.flow, wanted.connection)?;
        let (operation, inputs) = wanted.operation(connection)?;
        let asked = call(ask, &inputs, now);
        let options = options(question, None);
        match webhook::removal(connection, operation, &asked, answer)? {
            Removal::Call(id, inputs) => {
                let operation = named_operation(connection, &id)?;
                let call = Call { inputs: &inputs, ..asked };
                Ok(self.client.try_invoke(connection, operation, &call, options).await)
            }
            Removal::Made(location, operation) => {
                let location = same_origin(connection, &location)?;
                let call =
                    Call { inputs: &Value::Null, link: Some(Link::Made(&location)), ..asked };
                Ok(self.client.try_invoke(connection, &operation, &call, options).await)
            }
            Removal::None => Ok(Ok(Outcome::default())),
        }
    }

    async fn http(&self, question: Question<'_>, inputs: &Value) -> Result<Outcome, Failure> {
        let Question { plan, ask, now, traceparent, .. } = question;
        let mut request = plain_http::request(inputs)?;
        let is_bare = is_bare(plan, ask);
        if let Some(traceparent) = traceparent
            && !is_bare
            && request.header(TRACEPARENT).is_none()
        {
            request.set_header(TRACEPARENT, traceparent.to_owned());
        }
        // Plain HTTP is asked at least once; a service that wants to can recognise a repetition.
        if matches!(request.method.as_str(), "POST" | "PATCH")
            && !is_bare
            && request.header(IDEMPOTENCY_KEY).is_none()
        {
            request.set_header(IDEMPOTENCY_KEY, sha256_hex(ask.idempotency_key.as_bytes()));
        }
        if let Some(location) = &ask.follow {
            let next =
                Url::parse(&request.url).and_then(|url| url.join(location)).map_err(|error| {
                    Failure::new(
                        "InvalidLocation",
                        format!(
                            "the service answered 202 with a Location that is no address: {error}"
                        ),
                    )
                })?;
            // What a flow sends, credentials above all, is for the origin that it names.
            if Url::parse(&request.url).is_ok_and(|first| first.origin() != next.origin()) {
                request.headers.retain(|(name, _)| name.eq_ignore_ascii_case("accept"));
            }
            "GET".clone_into(&mut request.method);
            request.body = None;
            request.url = next.into();
        }
        let response = self.client.send(&request, &self.egress).await?;
        Ok(Outcome::of_response(outputs(&response), now))
    }
}

/// A call that may have been made, and looking for it failed: that may be tried again.
fn not_found_out(failure: &Failure) -> Failure {
    let message = format!(
        "the service may or may not have done what was asked, and looking for it failed: {}",
        failure.message
    );
    Failure { code: "UnknownOutcome".to_owned(), message, ..failure.clone() }
}

/// The header by which services know a request that they have seen.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Whether an action sends nothing of ours besides what it says.
fn is_bare(plan: &Plan, ask: &Ask) -> bool {
    let action = plan.locate(&ask.path).map(|(id, _)| plan.flow.action(id));
    action.is_some_and(|it| it.has_option("SuppressWorkflowHeaders"))
}

/// The operation of that id.
fn named_operation<'a>(connection: &'a Connection, id: &str) -> Result<&'a Operation, Failure> {
    connection.connector.operation(id).ok_or_else(|| {
        let message = format!("`{}` has no operation `{id}`", connection.connector.name);
        Failure::new("OperationNotFound", message)
    })
}

/// A call of an operation as the flow names it.
struct Wanted<'a> {
    connection: &'a str,
    /// Its id; none if the inputs have its method and path.
    operation: Option<&'a str>,
    inputs: &'a Value,
    minimum_items: Option<usize>,
}

impl<'a> Wanted<'a> {
    /// What a request to a connector asks for.
    fn of(request: &'a Request) -> Result<Self, Failure> {
        match request {
            Request::Operation { connection, operation, inputs, minimum_items } => {
                let (operation, minimum_items) = (Some(operation.as_str()), *minimum_items);
                Ok(Self { connection, operation, inputs, minimum_items })
            }
            Request::Route { connection, inputs, minimum_items } => {
                let minimum_items = *minimum_items;
                Ok(Self { connection, operation: None, inputs, minimum_items })
            }
            Request::Http { .. }
            | Request::Approval { .. }
            | Request::Batch { .. }
            | Request::Unsubscribe { .. }
            | Request::Flow { .. } => {
                let message = "this is no call of a connector's operation";
                Err(Failure::new("InvalidRequest", message))
            }
        }
    }

    /// The operation that is meant, and its inputs.
    fn operation<'c>(
        &self,
        connection: &'c Connection,
    ) -> Result<(&'c Operation, Cow<'a, Value>), Failure> {
        if let Some(id) = self.operation {
            return Ok((named_operation(connection, id)?, Cow::Borrowed(self.inputs)));
        }
        let (operation, inputs) = route::find(&connection.connector, self.inputs)?;
        Ok((operation, Cow::Owned(inputs)))
    }
}

/// How a question to a connector is put.
fn options(
    Question { plan, ask, traceparent, sent, .. }: Question<'_>,
    minimum_items: Option<usize>,
) -> InvokeOptions<'_> {
    InvokeOptions {
        items_min: minimum_items.unwrap_or(0),
        flow: plan.flow.name.as_str(),
        traceparent: traceparent.filter(|_| !is_bare(plan, ask)),
        attempt: ask.attempt,
        sent,
    }
}

/// What an operation is called with.
fn call<'a>(ask: &'a Ask, inputs: &'a Value, now: Timestamp) -> Call<'a> {
    Call {
        inputs,
        idempotency_key: &ask.idempotency_key,
        now,
        seed: seed(ask),
        link: None,
        callback_url: ask.callback_url.as_deref(),
    }
}

#[async_trait]
impl Performer for Live {
    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        match self.ask(Question { plan, ask, now, traceparent: None, sent: None }).await {
            Asked::Answered(outcome) => outcome,
            Asked::NotYet(pause) => Outcome::failed(Closed { pause }.to_failure()),
        }
    }

    async fn ask(&self, question: Question<'_>) -> Asked {
        let request = &question.ask.request;
        let result = match request {
            Request::Operation { .. } | Request::Route { .. } => match Wanted::of(request) {
                Ok(wanted) => self.operation(question, wanted).await,
                Err(failure) => Err(failure),
            },
            Request::Unsubscribe { of, answer } => match Wanted::of(of) {
                Ok(wanted) => self.unsubscribe(question, wanted, answer).await,
                Err(failure) => Err(failure),
            },
            // Whoever looks at the open approvals finds it there.
            Request::Approval { .. } => return Asked::Answered(Outcome::default()),
            Request::Http { inputs } => self.http(question, inputs).await.map(Ok),
            Request::Batch { flow, .. } => Err(Failure::new(
                "BatchNotFound",
                format!("the batches of the flow `{flow}` cannot be filled from here"),
            )),
            Request::Flow { flow, .. } => Err(Failure::new(
                "WorkflowNotFound",
                format!("the flow `{flow}` cannot be called from here"),
            )),
        };
        match result {
            Ok(Ok(outcome)) => Asked::Answered(outcome),
            Ok(Err(Closed { pause })) => Asked::NotYet(pause),
            Err(failure) => Asked::Answered(Outcome::failed(failure)),
        }
    }

    fn observe(&self, metrics: &Arc<Metrics>) {
        if let Some(traces) = &self.traces {
            traces.observe(metrics);
        }
        let metrics = Arc::clone(metrics);
        self.client.observe(Arc::new(move |exchange| metrics.requested(exchange)));
    }

    fn traces(&self) -> Option<&Traces> {
        self.traces.as_ref()
    }

    fn connection(&self, plan: &Plan, name: &str) -> Result<Arc<Connection>, Failure> {
        self.connections.of_flow(&plan.flow, name).map(Arc::clone)
    }
}

/// The address of the result of an accepted request; it must be the connection's own service.
fn same_origin(connection: &Connection, location: &str) -> Result<String, Failure> {
    let origins = connection.origins();
    let foreign = || {
        let message = "the service answered with a Location at another host, which is not asked";
        Failure::new("ForeignLocation", message)
    };
    let url = if let Ok(url) = Url::parse(location) {
        url
    } else {
        // Which of several services is meant cannot be told from a path.
        let only = origins.first().filter(|first| origins.iter().all(|it| it == *first));
        let base = only.and_then(|it| Url::parse(it).ok()).ok_or_else(foreign)?;
        base.join(location).map_err(|_| foreign())?
    };
    let origin = url.origin().ascii_serialization();
    if origins.contains(&origin) { Ok(url.into()) } else { Err(foreign()) }
}

/// Differs by attempt, so that correlation ids do; the idempotency key does not.
fn seed(ask: &Ask) -> u64 {
    let digest = sha256_hex(format!("{}#{}", ask.idempotency_key, ask.attempt).as_bytes());
    digest.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

fn outputs(response: &HttpResponse) -> Value {
    json!({
        "statusCode": response.status,
        "headers": response.headers_value(),
        "body": response.body_value(),
    })
}
