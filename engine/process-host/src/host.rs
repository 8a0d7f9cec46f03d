//! All programs of an engine: one for each connection, started on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use base::{Failure, Outcome, digest::sha256_hex};
use connector::{
    Call, Connection, Connector, Operation,
    program::{self, Meta, Program, Programs, Speaks, Wanted},
};
use serde_json::{Map, Value, json};

use crate::{
    mcp,
    running::{Running, Trouble, unavailable},
    slot::Slot,
};

/// Pages of one poll.
const PAGES_MAX: usize = 1_000;

/// What programs are started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The variables of the engine's own environment; a program gets `PATH` and those that its
    /// connector's file names.
    pub environment: BTreeMap<String, String>,
    /// The version of the engine, which programs are told.
    pub version: &'static str,
}

/// Runs the programs behind connectors. Cheap to clone; the programs end with the last clone.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    is_closed: AtomicBool,
}

impl Host {
    /// A host that has not started anything yet.
    pub fn new(options: Options) -> Self {
        let (slots, is_closed) = (Mutex::default(), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { options, slots, is_closed }) }
    }

    /// Ends all programs in an orderly way, and starts none any more.
    pub async fn shutdown(&self) {
        self.inner.is_closed.store(true, Ordering::SeqCst);
        let slots = std::mem::take(&mut *self.slots());
        let mut ends = tokio::task::JoinSet::new();
        for slot in slots.into_values() {
            ends.spawn(async move {
                if let Some(running) = slot.take().await {
                    running.end().await;
                }
            });
        }
        while let Some(ended) = ends.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "A connector's program could not be ended in an orderly way.");
            }
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Slot>>> {
        self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn running(
        &self,
        connection: &Connection,
        program: &Program,
    ) -> Result<Arc<Running>, Failure> {
        if self.inner.is_closed.load(Ordering::SeqCst) {
            return Err(unavailable(connection, "the engine stops"));
        }
        let slot = Arc::clone(self.slots().entry(connection.name.clone()).or_default());
        let (running, is_new) = slot.running(connection, program, &self.inner.options).await?;
        if is_new && program.described.is_some() {
            tokio::spawn(compare(Arc::downgrade(&running), connection.clone()));
        }
        Ok(running)
    }

    /// Asks the program, started if need be. One that has gone since it was last asked has not got
    /// the question, so another is asked.
    async fn ask(
        &self,
        connection: &Connection,
        method: &str,
        params: &Map<String, Value>,
    ) -> Result<Value, Failure> {
        let program = program_of(connection)?;
        let mut last = String::new();
        for _ in 0..2 {
            let running = self.running(connection, program).await?;
            match running.ask(connection, method, params.clone()).await {
                Ok(result) => return Ok(result),
                Err(Trouble::Failed(failure)) => return Err(failure),
                Err(Trouble::NotAsked(why)) => last = why,
            }
        }
        Err(unavailable(connection, &last))
    }

    async fn answer(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        wanted: Wanted,
    ) -> Result<Value, Failure> {
        let program = program_of(connection)?;
        let deadline_ms = u64::try_from(program.limits.call.to_std().as_millis());
        let meta = Meta { wanted, deadline_ms: deadline_ms.unwrap_or(u64::MAX) };
        let mut question = program::ask(connection, operation, call, meta)?;
        if program.speaks == Speaks::Flowright {
            question.params.insert("connection".to_owned(), told(connection)?);
        }
        let mut before = Vec::new();
        let mut pages = 0;
        loop {
            let mut result = self.ask(connection, &question.method, &question.params).await?;
            pages += 1;
            let wanted = if pages < PAGES_MAX { wanted } else { Wanted::default() };
            match program::next_page(&question, wanted, (&mut before, &mut result)) {
                Some(next) => question = next,
                None => return Ok(result),
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let slots = self.slots.get_mut().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.values() {
            slot.stop();
        }
    }
}

#[async_trait]
impl Programs for Host {
    async fn call(
        &self,
        connection: &Connection,
        operation: &Operation,
        call: &Call<'_>,
        wanted: Wanted,
    ) -> Outcome {
        match self.answer(connection, operation, call, wanted).await {
            Ok(result) => program::read(connection, operation, call, result),
            Err(failure) => Outcome::failed(failure),
        }
    }

    async fn describe(&self, connection: &Connection) -> Result<Value, Failure> {
        let program = program_of(connection)?;
        let running = self.running(connection, program).await?;
        described(&running, connection).await.map_err(|trouble| match trouble {
            Trouble::Failed(failure) => failure,
            Trouble::NotAsked(why) => unavailable(connection, &why),
        })
    }
}

fn program_of(connection: &Connection) -> Result<&Program, Failure> {
    connection.connector.program.as_ref().ok_or_else(|| {
        let message = format!("the connector `{}` is no program", connection.connector.name);
        Failure::new("NotAProgram", message)
    })
}

/// What a program is told of the connection it is asked for; it goes to its input and nowhere else.
fn told(connection: &Connection) -> Result<Value, Failure> {
    let values = program::values(connection)?;
    Ok(json!({ "name": connection.name, "values": values.expose() }))
}

async fn described(running: &Running, connection: &Connection) -> Result<Value, Trouble> {
    if *running.dialect() != mcp::Dialect::Flowright {
        return mcp::describe(running, connection).await;
    }
    running.ask(connection, "describe", Map::new()).await
}

/// Says if a program can do other things than its `describe.json` says, now and whenever it says that
/// something has changed. Flows were checked against that file, so it stays as it is.
async fn compare(running: Weak<Running>, connection: Connection) {
    loop {
        let Some(present) = running.upgrade() else { return };
        match described(&present, &connection).await {
            Ok(description) => differ(&connection, &description),
            Err(trouble) => {
                let connection = &connection.name;
                tracing::debug!(
                    connection,
                    ?trouble,
                    "A program could not be asked what it can do."
                );
            }
        }
        if !present.changed().await {
            return;
        }
    }
}

fn differ(connection: &Connection, description: &Value) {
    let said = sha256_hex(description.to_string().as_bytes());
    let kept = connection.connector.program.as_ref().and_then(|it| it.described.as_ref());
    if kept == Some(&said) {
        return;
    }
    let known = ids(&connection.connector);
    let said: BTreeSet<&str> = ["operations", "triggers"]
        .iter()
        .filter_map(|key| description.get(key)?.as_object())
        .flat_map(|it| it.keys().map(String::as_str))
        .collect();
    let listed = |a: &BTreeSet<&str>, b: &BTreeSet<&str>| {
        let names: Vec<&str> = a.difference(b).take(20).copied().collect();
        names.join(", ")
    };
    let (gone, new) = (listed(&known, &said), listed(&said, &known));
    let connector = &connection.connector.name;
    let message = "A connector's program says otherwise than `describe.json` what it can do; write it \
                   anew with `flowright connectors describe --save`.";
    tracing::warn!(connector, gone, new, message);
}

fn ids(connector: &Connector) -> BTreeSet<&str> {
    let operations = connector.operations.keys().map(String::as_str);
    let own = operations.filter(|it| !it.starts_with('$'));
    own.chain(connector.triggers.keys().map(String::as_str)).collect()
}
