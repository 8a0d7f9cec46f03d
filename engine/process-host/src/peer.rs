//! Questions and answers over two streams: one message of JSON-RPC a line, in any order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::{Notify, mpsc, oneshot},
    time::timeout_at,
};

use crate::{
    lines::{self, Line},
    talk::Talk,
};

/// Messages that wait to be written; whoever has more to say waits.
const QUEUE: usize = 64;
/// Lines that are no messages, before a program is given up.
const GARBAGE_MAX: usize = 100;

/// How a conversation ends when the program ends.
pub(crate) const CLOSED_OUTPUT: &str = "it has closed its standard output";
/// The same, seen from the other side.
pub(crate) const CLOSED_INPUT: &str = "it has closed its standard input";

/// What a program has answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What was asked for.
    Result(Value),
    /// `{code, message, data}`.
    Error(Value),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// The question has not got to the program.
    NotAsked(String),
    /// The program is gone, and what it has done is not known.
    Gone(String),
    /// Nobody waits any longer; it is not known what the program has done.
    Late,
}

/// How the other side is told that an answer is not waited for any more.
pub(crate) type Cancel = fn(id: u64) -> Value;

/// One side of a conversation.
pub(crate) struct Peer {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<Vec<u8>>,
    next_id: AtomicU64,
    cancel: Cancel,
}

pub(crate) struct Shared {
    open: Mutex<Open>,
    /// Told when there is nothing more to talk about; whoever is told has to end the conversation.
    pub(crate) hung_up: Notify,
    /// Told when the program has said that it can do other things now.
    pub(crate) changed: Notify,
    /// Told when the program is to be told nothing more.
    close: Notify,
    talk: Talk,
    answered: AtomicUsize,
}

#[derive(Default)]
struct Open {
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
    /// Since when nobody waits for something that was asked.
    given_up: Option<Instant>,
    /// Why nothing can be asked any more.
    fault: Option<String>,
    garbage: usize,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks nothing more. Those who wait for answers go on waiting for [`Shared::end`], which knows
    /// more about why.
    fn hang_up(&self, why: &str) {
        self.open().fault.get_or_insert_with(|| why.to_owned());
        self.hung_up.notify_one();
    }

    /// Ends the conversation: nobody who waits will be answered.
    pub(crate) fn end(&self, why: String) {
        let mut open = self.open();
        open.fault = Some(why);
        open.waiting.clear();
    }

    /// Closes the program's input, by which it knows that it has to end.
    pub(crate) fn close_input(&self) {
        self.close.notify_one();
    }

    /// Why nothing can be asked any more, if that is so.
    pub(crate) fn fault(&self) -> Option<String> {
        self.open().fault.clone()
    }

    /// Whether the program has said nothing for so long since somebody gave up waiting for it.
    pub(crate) fn is_mute(&self, patience: Duration) -> bool {
        self.open().given_up.is_some_and(|it| patience <= it.elapsed())
    }

    /// How many questions were answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Takes in one line; gives what has to be answered. An error is the end of the conversation.
    fn take(&self, line: &[u8]) -> Result<Option<Value>, String> {
        let read = serde_json::from_slice(line);
        let mut open = self.open();
        open.given_up = None;
        let Ok(Value::Object(mut message)) = read else {
            open.garbage += 1;
            let too_much = GARBAGE_MAX < open.garbage;
            drop(open);
            self.talk.fault("it wrote a line that is no message", &String::from_utf8_lossy(line));
            let why = "it writes what is not the protocol to its standard output";
            return if too_much { Err(why.to_owned()) } else { Ok(None) };
        };
        let id = message.get("id").cloned().filter(|it| !it.is_null());
        if let Some(method) = message.get("method").and_then(Value::as_str) {
            drop(open);
            return Ok(self.asked(method, id));
        }
        let waiting = id.as_ref().and_then(Value::as_u64).and_then(|id| open.waiting.remove(&id));
        drop(open);
        let Some(waiting) = waiting else {
            let id = id.map_or_else(|| "none".to_owned(), |it| it.to_string());
            self.talk.fault("it answered what nobody waits for", &format!("id {id}"));
            return Ok(None);
        };
        let answer = match (message.shift_remove("result"), message.shift_remove("error")) {
            (_, Some(error)) if !error.is_null() => Answer::Error(error),
            (Some(result), _) => Answer::Result(result),
            (None, _) => Answer::Error(json!({ "message": "it answered nothing" })),
        };
        self.answered.fetch_add(1, Ordering::Relaxed);
        // Whoever has gone away has no use for it.
        drop(waiting.send(answer));
        Ok(None)
    }

    /// What the program asks or tells.
    fn asked(&self, method: &str, id: Option<Value>) -> Option<Value> {
        let Some(id) = id else {
            match method {
                "$/changed" | connector::program::mcp::TOOLS_CHANGED => self.changed.notify_one(),
                other => tracing::trace!(method = other, "A program tells something."),
            }
            return None;
        };
        if method == "ping" {
            return Some(json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
        }
        let error = json!({ "code": -32601, "message": "the engine cannot be asked that" });
        Some(json!({ "jsonrpc": "2.0", "id": id, "error": error }))
    }
}

impl Peer {
    /// Begins a conversation over the program's input and output.
    pub(crate) fn new(
        (reading, writing): (
            impl AsyncRead + Unpin + Send + 'static,
            impl AsyncWrite + Unpin + Send + 'static,
        ),
        talk: Talk,
        (line_bytes, cancel): (usize, Cancel),
    ) -> Self {
        let shared = Arc::new(Shared {
            open: Mutex::default(),
            hung_up: Notify::new(),
            changed: Notify::new(),
            close: Notify::new(),
            talk,
            answered: AtomicUsize::new(0),
        });
        let (outgoing, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write(writing, queue, Arc::clone(&shared)));
        let answers = outgoing.downgrade();
        tokio::spawn(read(BufReader::new(reading), line_bytes, Arc::clone(&shared), answers));
        Self { shared, outgoing, next_id: AtomicU64::new(1), cancel }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Asks, and waits for the answer until then.
    pub(crate) async fn ask(
        &self,
        method: &str,
        params: Map<String, Value>,
        until: Instant,
    ) -> Result<Answer, Silence> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let line = line(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let until = tokio::time::Instant::from_std(until);
        let not_asked = || {
            let why = self.shared.fault();
            Silence::NotAsked(why.unwrap_or_else(|| "it does not read what it is asked".to_owned()))
        };
        let room = timeout_at(until, self.outgoing.reserve()).await;
        let Ok(Ok(room)) = room else { return Err(not_asked()) };
        let (sender, receiver) = oneshot::channel();
        {
            let mut open = self.shared.open();
            if open.fault.is_some() {
                drop(open);
                return Err(not_asked());
            }
            open.waiting.insert(id, sender);
        }
        let mut waiting = Waiting { peer: self, id, is_done: false };
        room.send(line);
        match timeout_at(until, receiver).await {
            Ok(Ok(answer)) => {
                waiting.is_done = true;
                Ok(answer)
            }
            Ok(Err(_)) => {
                waiting.is_done = true;
                let why = self.shared.fault();
                Err(Silence::Gone(why.unwrap_or_else(|| "it is gone".to_owned())))
            }
            Err(_) => Err(Silence::Late),
        }
    }

    /// Tells something, unless the program is too far behind with reading.
    pub(crate) fn tell(&self, message: &Value) {
        if self.outgoing.try_send(line(message)).is_err() {
            tracing::debug!("A program could not be told something.");
        }
    }
}

/// Takes a question back when nobody waits for it any more.
struct Waiting<'a> {
    peer: &'a Peer,
    id: u64,
    is_done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut open = self.peer.shared.open();
        open.waiting.remove(&self.id);
        open.given_up.get_or_insert_with(Instant::now);
        drop(open);
        self.peer.tell(&(self.peer.cancel)(self.id));
    }
}

fn line(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
) {
    loop {
        let line = tokio::select! {
            biased;
            line = queue.recv() => line,
            () = shared.close.notified() => None,
        };
        let Some(line) = line else { return };
        let written = async {
            to.write_all(&line).await?;
            to.flush().await
        };
        if written.await.is_err() {
            shared.hang_up(CLOSED_INPUT);
            return;
        }
    }
}

async fn read(
    mut from: BufReader<impl AsyncRead + Unpin>,
    line_bytes: usize,
    shared: Arc<Shared>,
    answers: mpsc::WeakSender<Vec<u8>>,
) {
    let why = loop {
        let taken = match lines::next(&mut from, line_bytes).await {
            Ok(Some(Line::Whole(line))) if line.is_empty() => continue,
            Ok(Some(Line::Whole(line))) => shared.take(&line),
            Ok(Some(Line::Cut(_))) => {
                break format!("it wrote a line of more than {line_bytes} bytes");
            }
            Ok(None) => break CLOSED_OUTPUT.to_owned(),
            Err(error) => break format!("its standard output cannot be read: {error}"),
        };
        match taken {
            Ok(None) => {}
            Ok(Some(reply)) => {
                // A program that asks and does not read is not answered.
                if let Some(answers) = answers.upgrade()
                    && answers.try_send(line(&reply)).is_err()
                {
                    tracing::debug!("A program could not be answered.");
                }
            }
            Err(why) => break why,
        }
    };
    shared.hang_up(&why);
}
