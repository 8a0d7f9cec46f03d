//! The service that flows call: answers at once, or after a while, and counts who asked what.

use std::{
    collections::BTreeMap,
    io::{BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::http::read_head;

/// A service on a port of its own.
#[derive(Clone)]
pub(crate) struct Stub {
    pub address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Milliseconds before an answer.
    delay: AtomicU64,
    calls: Mutex<BTreeMap<String, Calls>>,
}

/// What was asked about one run.
#[derive(Default)]
struct Calls {
    gets: u32,
    posts: u32,
    waits: Option<mpsc::Sender<()>>,
}

/// What was asked about all runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub finished: usize,
    pub repeated: usize,
}

impl Stub {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared::default());
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&all);
                // A connection ends when its client goes away.
                thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Ok(Self { address, shared })
    }

    pub(crate) fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay.store(millis, Ordering::SeqCst);
    }

    /// Is told when the run with this id makes its last call.
    pub(crate) fn expect(&self, id: &str) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        self.shared.calls().entry(id.to_owned()).or_default().waits = Some(sender);
        receiver
    }

    /// What was asked about runs whose ids begin so.
    pub(crate) fn totals(&self, prefix: &str) -> Totals {
        let mut totals = Totals::default();
        for (_, calls) in self.shared.calls().iter().filter(|(id, _)| id.starts_with(prefix)) {
            totals.finished += usize::from(0 < calls.posts);
            let repeats = calls.gets.saturating_sub(1) + calls.posts.saturating_sub(1);
            totals.repeated += usize::try_from(repeats).unwrap_or(0);
        }
        totals
    }
}

impl Shared {
    fn calls(&self) -> MutexGuard<'_, BTreeMap<String, Calls>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let (line, length) = read_head(&mut reader)?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = line.split(' ').nth(1).unwrap_or_default();
        let id = path.rsplit('/').next().unwrap_or_default();
        let delay = shared.delay.load(Ordering::Relaxed);
        if 0 < delay {
            thread::sleep(Duration::from_millis(delay));
        }
        let is_last = line.starts_with("POST");
        {
            let mut calls = shared.calls();
            let calls = calls.entry(id.to_owned()).or_default();
            calls.gets += u32::from(!is_last);
            calls.posts += u32::from(is_last);
            // Whoever waited may have given up, and misses nothing then.
            if is_last && calls.waits.take().is_some_and(|it| it.send(()).is_err()) {
                calls.waits = None;
            }
        }
        let body = if is_last {
            r#"{"ok":true}"#.to_owned()
        } else {
            format!(r#"{{"id":"{id}","rate":1.2,"tier":"gold","region":"west"}}"#)
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}
