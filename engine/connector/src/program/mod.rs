//! Connectors that are programs or MCP servers: what their file says, and what is said to them.

mod answer;
pub mod mcp;
mod question;

use async_trait::async_trait;
use base::{Duration, ErrorClass, Failure, Outcome, Secret};
use expr::Template;
use serde_json::{Map, Value};

pub use answer::{accepted, broken, failure, read};
pub(crate) use question::{INVOKE, POLL, trigger_inputs};
pub use question::{Meta, Question, ask, next_page};

use crate::{
    connection::Connection,
    encode,
    model::{Connector, Operation},
    request::Call,
    scope::Scope,
};

/// How a connector is asked that is not asked by plain HTTP.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it speaks.
    pub speaks: Speaks,
    /// The program and its arguments; nothing if it is asked over the network.
    pub command: Vec<String>,
    /// The address of a server; none if it is started here.
    pub url: Option<Template>,
    /// The variables of its environment; it gets no others but `PATH`.
    pub environment: Vec<(String, Variable)>,
    /// What it may take up.
    pub limits: Limits,
    /// The folder that it starts in, as whoever has read the file knows it.
    pub folder: String,
    /// Digest of what it has said that it can do; none if nothing is known of that.
    pub described: Option<String>,
}

/// What a program speaks, one message a line or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// The protocol of connector programs.
    Flowright,
    /// The Model Context Protocol.
    Mcp,
}

impl Speaks {
    /// Every kind, as files spell them.
    pub const ALL: &[(&str, Self)] = &[("process", Self::Flowright), ("mcp", Self::Mcp)];
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug)]
pub enum Variable {
    /// What the file says.
    Said(Template),
    /// The engine's own variable of that name.
    Inherited(String),
}

/// What a program may take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From its start until it is ready.
    pub start: Duration,
    /// From a question to its answer.
    pub call: Duration,
    /// Without a question; then it is ended, and started again when it is needed.
    pub idle: Duration,
    /// Questions at a time.
    pub concurrency: usize,
    /// Bytes of one line that it writes.
    pub line_bytes: usize,
    /// Bytes of its address space, where the system can see to it.
    pub memory_bytes: Option<u64>,
    /// Seconds of processor time in all, where the system can see to it.
    pub cpu_seconds: Option<u64>,
    /// Files and sockets at a time, where the system can see to it.
    pub open_files: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::seconds(10),
            call: Duration::seconds(120),
            idle: Duration::seconds(300),
            concurrency: 8,
            line_bytes: base::limits::RESPONSE_BYTES_MAX,
            memory_bytes: None,
            cpu_seconds: None,
            open_files: None,
        }
    }
}

/// Whoever runs the programs behind connectors.
#[async_trait]
pub trait Programs: Send + Sync {
    /// Asks the program of a connection once.
    async fn call(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        wanted: Wanted,
    ) -> Outcome;

    /// What the program says that it can do, as a `describe.json` holds it.
    ///
    /// # Errors
    /// If it cannot be started, or does not answer as it should.
    async fn describe(&self, connection: &Connection) -> Result<Value, Failure>;
}

/// What is wanted of a call besides its answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Further pages are asked for until there are so many items; 0 means one answer as it is.
    pub items_min: usize,
    /// Which attempt it is, from 1 on; 0 if that is not known.
    pub attempt: u32,
}

impl Connector {
    /// Whether programs answer in the place of an HTTP service, and one has to be started here.
    pub fn is_started(&self) -> bool {
        self.program.as_ref().is_some_and(|it| it.url.is_none())
    }
}

/// The connection's values as its program is given them, secrets included.
pub fn values(connection: &Connection) -> Result<Secret<Value>, Failure> {
    let mut values = Map::new();
    for param in &connection.connector.connection.params {
        values.insert(param.name.clone(), connection.any(&param.name)?);
    }
    Ok(Secret::new(Value::Object(values)))
}

/// The variables that a program is started with; `inherited` looks up the engine's own. Programs of
/// our protocol are told secrets, and only MCP servers have no other place for them.
///
/// # Errors
/// If a value cannot be evaluated, or the engine has no such variable.
pub fn environment(
    connection: &Connection,
    program: &Program,
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, Secret<String>)>, Failure> {
    let mut scope = Scope::new(connection);
    if program.speaks == Speaks::Mcp {
        scope = scope.with_secrets();
    }
    let mut all = Vec::with_capacity(program.environment.len());
    for (name, variable) in &program.environment {
        let value = match variable {
            Variable::Said(template) => scope.text(template)?,
            Variable::Inherited(from) => Some(inherited(from).ok_or_else(|| {
                let message = format!("the engine's environment has no `{from}` for a connector");
                Failure::of_class(ErrorClass::Validation, "InvalidConnection", message)
            })?),
        };
        // What the operator left out is not set.
        let Some(value) = value else { continue };
        if value.contains('\0') {
            return Err(encode::invalid(format!("the variable `{name}` has a zero byte in it")));
        }
        all.push((name.clone(), Secret::new(value)));
    }
    Ok(all)
}
