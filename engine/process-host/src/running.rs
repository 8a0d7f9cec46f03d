//! One program that runs: what it is asked, how it is watched, and how it ends.

use std::{
    process::ExitStatus,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base::{ErrorClass, Failure};
use connector::{
    Connection,
    program::{self, Limits, Program, Speaks},
};
use serde_json::{Map, Value, json};
use tokio::{
    process::Child,
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
    time::{sleep, timeout, timeout_at},
};

use crate::{
    group::Group,
    mcp::Dialect,
    peer::{Answer, CLOSED_INPUT, CLOSED_OUTPUT, Cancel, Peer, Shared, Silence},
    spawn::{self, Started},
    talk::Talk,
};

/// The versions of our protocol, newest first.
const VERSIONS: &[&str] = &["1"];
/// How often a program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A program that says nothing for so long after a question was taken back is taken for hung.
const MUTE_MAX: Duration = Duration::from_secs(5);
/// A program that was asked to end gets so long.
const END_GRACE: Duration = Duration::from_secs(2);
/// After that its processes get so long before they are ended.
const TERMINATE_GRACE: Duration = Duration::from_secs(1);
/// Questions that are open when a program is replaced get so long.
const RETIRE_GRACE: Duration = Duration::from_mins(2);

/// A program that was started and has said that it is ready.
pub(crate) struct Running {
    peer: Peer,
    limits: Limits,
    state: Arc<State>,
    dialect: Dialect,
    room: Semaphore,
    /// What it says of itself.
    pub(crate) about: Value,
}

/// What its watcher has to know.
struct State {
    asking: AtomicUsize,
    used: Mutex<Instant>,
    /// Asked nothing any more; ends with its last answer.
    is_retired: AtomicBool,
    end: Notify,
    /// Whether it was told to end.
    is_told: AtomicBool,
    over: watch::Sender<Option<Over>>,
}

/// How a program ended.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) why: String,
    /// Whether nobody told it to.
    pub(crate) is_crash: bool,
}

/// Why a question has no result.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It was not asked, as the program is gone or being replaced.
    NotAsked(String),
    /// What the flow is told.
    Failed(Failure),
}

impl Running {
    /// Starts the program of a connection, and agrees with it on how to talk.
    pub(crate) async fn start(
        connection: &Connection,
        program: &Program,
        options: &crate::Options,
    ) -> Result<Arc<Self>, Failure> {
        let Started { mut child, group } = spawn::start(connection, program, &options.environment)?;
        let talk = Talk::new(connection);
        let (Some(input), Some(output), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unavailable(connection, "it has no streams"));
        };
        let listening = tokio::spawn(talk.clone().listen(stderr));
        let cancel: Cancel = match program.speaks {
            Speaks::Flowright => {
                |id| json!({ "jsonrpc": "2.0", "method": "$/cancel", "params": { "id": id } })
            }
            Speaks::Mcp => |id| {
                let params = json!({ "requestId": id, "reason": "nobody waits for it any more" });
                json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })
            },
        };
        let line_bytes = program.limits.line_bytes;
        let peer = Peer::new((output, input), talk.clone(), (line_bytes, cancel));
        let state = Arc::new(State {
            asking: AtomicUsize::new(0),
            used: Mutex::new(Instant::now()),
            is_retired: AtomicBool::new(false),
            end: Notify::new(),
            is_told: AtomicBool::new(false),
            over: watch::channel(None).0,
        });
        let watcher = Watcher {
            shared: Arc::clone(peer.shared()),
            state: Arc::clone(&state),
            talk: talk.clone(),
            idle: program.limits.idle.to_std(),
            listening,
        };
        // It is watched from its first moment: whoever starts it may go away meanwhile.
        let mut starting = Starting { state: Arc::clone(&state), is_ready: false };
        // While it gets ready it is not idle.
        let busy = Asking::new(&state);
        tokio::spawn(watcher.watch(child, group));
        let until = Instant::now() + program.limits.start.to_std();
        let (dialect, about) = match program.speaks {
            Speaks::Flowright => agree(&peer, connection, options.version, until).await?,
            Speaks::Mcp => crate::mcp::agree(&peer, connection, options.version, until).await?,
        };
        starting.is_ready = true;
        drop(busy);
        let limits = program.limits.clone();
        let room = Semaphore::new(limits.concurrency);
        Ok(Arc::new(Self { peer, limits, state, dialect, room, about }))
    }

    /// Asks once; the answer is waited for as long as the connector's file says.
    pub(crate) async fn ask(
        &self,
        connection: &Connection,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<Value, Trouble> {
        if self.is_gone() {
            return Err(Trouble::NotAsked(self.why_gone()));
        }
        let _asking = Asking::new(&self.state);
        let until = Instant::now() + self.limits.call.to_std();
        let room = timeout_at(until.into(), self.room.acquire()).await;
        let Ok(Ok(_room)) = room else {
            let message = format!("the program of connection `{}` is busy", connection.name);
            let failure = Failure::of_class(ErrorClass::Transient, NOT_SENT, message);
            return Err(Trouble::Failed(failure));
        };
        let params = self.dialect.params(params);
        match self.peer.ask(method, params, until).await {
            Ok(Answer::Result(result)) => Ok(result),
            Ok(Answer::Error(error)) => Err(Trouble::Failed(program::failure(connection, &error))),
            Err(Silence::NotAsked(why)) => Err(Trouble::NotAsked(why)),
            Err(silence) => Err(Trouble::Failed(silent(connection, &silence, method))),
        }
    }

    /// Whether nothing can be asked of it any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.state.is_retired.load(Ordering::SeqCst) || self.peer.shared().fault().is_some()
    }

    fn why_gone(&self) -> String {
        self.peer.shared().fault().unwrap_or_else(|| "it is being replaced".to_owned())
    }

    /// Whether it has answered anything besides saying that it is ready.
    pub(crate) fn has_served(&self) -> bool {
        1 < self.peer.shared().answered()
    }

    /// How it ended; none while it has not.
    pub(crate) fn over(&self) -> Option<Over> {
        self.state.over.borrow().clone()
    }

    /// Ready when the program has said that it can do other things now; false if it never will again.
    pub(crate) async fn changed(&self) -> bool {
        let mut over = self.state.over.subscribe();
        tokio::select! {
            () = self.peer.shared().changed.notified() => true,
            _ = over.wait_for(Option::is_some) => false,
        }
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn end(&self) {
        if self.over().is_some() {
            return;
        }
        self.state.is_told.store(true, Ordering::SeqCst);
        if matches!(self.dialect, Dialect::Flowright) {
            let until = Instant::now() + END_GRACE;
            // Whatever it answers, it ends.
            drop(self.peer.ask("shutdown", Map::new(), until).await);
        }
        self.stop();
        let mut over = self.state.over.subscribe();
        drop(over.wait_for(Option::is_some).await);
    }

    /// Tells it to end without waiting for that.
    pub(crate) fn stop(&self) {
        self.state.stop();
    }

    pub(crate) fn dialect(&self) -> &Dialect {
        &self.dialect
    }
}

/// Ends a program whose start is given up.
struct Starting {
    state: Arc<State>,
    is_ready: bool,
}

impl Drop for Starting {
    fn drop(&mut self) {
        if !self.is_ready {
            self.state.stop();
        }
    }
}

impl State {
    /// Tells its watcher to end it.
    fn stop(&self) {
        self.is_told.store(true, Ordering::SeqCst);
        self.is_retired.store(true, Ordering::SeqCst);
        self.end.notify_one();
    }
}

/// One question that is open.
struct Asking<'a>(&'a State);

impl<'a> Asking<'a> {
    fn new(state: &'a State) -> Self {
        state.asking.fetch_add(1, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        *self.0.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.asking.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Code of failures after which nothing has got to the program.
pub(crate) const NOT_SENT: &str = "ConnectionFailed";

/// The failure of a question that has no answer and may have been acted on.
fn silent(connection: &Connection, silence: &Silence, method: &str) -> Failure {
    let name = &connection.name;
    let (code, message) = match silence {
        Silence::Late => (
            "TimedOut",
            format!("the program of connection `{name}` did not answer `{method}` in time"),
        ),
        Silence::Gone(why) | Silence::NotAsked(why) => (
            "ConnectionLost",
            format!(
                "the program of connection `{name}` ended before it answered `{method}`: {why}"
            ),
        ),
    };
    Failure::of_class(ErrorClass::Transient, code, connection.redact(&message))
}

/// The failure of whatever is asked of a program that is not there.
pub(crate) fn unavailable(connection: &Connection, why: &str) -> Failure {
    let message =
        format!("the program of connection `{}` is not available: {why}", connection.name);
    Failure::of_class(ErrorClass::Transient, NOT_SENT, connection.redact(&message))
}

/// A question before the program is ready.
pub(crate) async fn first(
    peer: &Peer,
    connection: &Connection,
    (method, params): (&str, Map<String, Value>),
    until: Instant,
) -> Result<Answer, Failure> {
    peer.ask(method, params, until).await.map_err(|silence| match silence {
        Silence::Late => unavailable(connection, "it did not say in time that it is ready"),
        Silence::Gone(why) | Silence::NotAsked(why) => unavailable(connection, &why),
    })
}

/// Agrees on a version of our protocol.
async fn agree(
    peer: &Peer,
    connection: &Connection,
    version: &str,
    until: Instant,
) -> Result<(Dialect, Value), Failure> {
    let mut params = Map::new();
    params.insert("protocolVersions".to_owned(), VERSIONS.into());
    params.insert("engine".to_owned(), json!({ "name": "flowright", "version": version }));
    let answer = first(peer, connection, ("initialize", params), until).await?;
    let result = match answer {
        Answer::Result(result) => result,
        Answer::Error(error) => return Err(program::failure(connection, &error)),
    };
    let chosen = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    if !VERSIONS.contains(&chosen) {
        let known = VERSIONS.join(", ");
        let message = format!(
            "the program of connection `{}` speaks version `{chosen}` of the protocol, and the engine {known}",
            connection.name
        );
        return Err(Failure::of_class(ErrorClass::Permanent, "ProtocolNotSupported", message));
    }
    Ok((Dialect::Flowright, result.get("program").cloned().unwrap_or_default()))
}

/// Sees to it that a program ends, and says how it did.
struct Watcher {
    shared: Arc<Shared>,
    state: Arc<State>,
    talk: Talk,
    idle: Duration,
    /// Reads its standard error to the end.
    listening: JoinHandle<()>,
}

impl Watcher {
    async fn watch(mut self, mut child: Child, mut group: Group) {
        let status = self.wait(&mut child, &group).await;
        // Whatever it has started goes with it.
        group.kill();
        let status = match status {
            Some(status) => Some(status),
            None => child.wait().await.ok(),
        };
        // What it said last says why it ended.
        drop(timeout(LOOK_EVERY, &mut self.listening).await);
        let is_crash = !self.state.is_told.load(Ordering::SeqCst);
        let why = self.why(status);
        self.shared.end(why.clone());
        self.state.over.send_replace(Some(Over { why, is_crash }));
    }

    /// Waits for its end; nothing if it has to be ended from here.
    async fn wait(&self, child: &mut Child, group: &Group) -> Option<ExitStatus> {
        let mut retired_at = None;
        loop {
            tokio::select! {
                status = child.wait() => return status.ok(),
                () = self.shared.hung_up.notified() => {
                    // It may just be about to end by itself.
                    return timeout(LOOK_EVERY, child.wait()).await.ok()?.ok();
                }
                () = self.state.end.notified() => return self.end(child, group).await,
                () = sleep(LOOK_EVERY) => {}
            }
            let asking = self.state.asking.load(Ordering::SeqCst);
            if self.shared.is_mute(MUTE_MAX) && !self.state.is_retired.swap(true, Ordering::SeqCst)
            {
                self.talk.fault(
                    "it is taken for hung and replaced",
                    "it has said nothing since a question was taken back",
                );
            }
            if self.state.is_retired.load(Ordering::SeqCst)
                && !self.state.is_told.load(Ordering::SeqCst)
            {
                let since = *retired_at.get_or_insert_with(Instant::now);
                if asking == 0 || RETIRE_GRACE <= since.elapsed() {
                    return None;
                }
            } else if asking == 0 && self.idle <= self.unused() {
                self.state.is_told.store(true, Ordering::SeqCst);
                self.state.is_retired.store(true, Ordering::SeqCst);
                return self.end(child, group).await;
            }
        }
    }

    fn unused(&self) -> Duration {
        self.state.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Closes its input, and asks it to end if that does not tell it enough.
    async fn end(&self, child: &mut Child, group: &Group) -> Option<ExitStatus> {
        self.shared.close_input();
        if let Ok(status) = timeout(END_GRACE, child.wait()).await {
            return status.ok();
        }
        group.terminate();
        timeout(TERMINATE_GRACE, child.wait()).await.ok()?.ok()
    }

    fn why(&self, status: Option<ExitStatus>) -> String {
        let fault =
            self.shared.fault().filter(|it| ![CLOSED_INPUT, CLOSED_OUTPUT].contains(&it.as_str()));
        let ended = status.map(|status| format!("it ended ({status})"));
        let mut why = match (fault, ended) {
            (Some(fault), _) => fault,
            (None, Some(ended)) => ended,
            (None, None) => "it was ended".to_owned(),
        };
        if let Some(last) = self.talk.last() {
            why.push_str("; the last it said was: ");
            why.push_str(&last);
        }
        why
    }
}
