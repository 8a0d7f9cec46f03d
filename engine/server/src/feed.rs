//! The events of a run as they come, for browsers and programs that watch it (server-sent events).

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use base::RunId;
use hyper::body::Frame;
use serde_json::Value;
use tokio::{sync::mpsc, time::sleep};

use crate::{
    Shared,
    error::Problem,
    runs::{JournalQuery, event_json, invalid_query, row_json},
};

/// Between two looks at the journal.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// A long journal is looked at less often: reading it takes no more than this part of the time.
const SHARE: u32 = 10;
/// Without anything to say, this often something is said, so that nobody takes the line for dead.
const BEAT: Duration = Duration::from_secs(15);
/// Pieces of text that may wait to be sent; whoever does not read them is waited for.
const WAITING: usize = 16;
/// Events in one piece.
const EVENTS_MAX: usize = 200;

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// A body that is sent piece by piece.
struct Pieces(mpsc::Receiver<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|it| it.map(|piece| Ok(Frame::data(piece))))
    }
}

pub(crate) async fn events(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    query: Result<Query<JournalQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(JournalQuery { after }) = query.map_err(|rejection| invalid_query(&rejection))?;
    let last = headers.get(LAST_EVENT).and_then(|it| it.to_str().ok());
    let after = last.and_then(|it| it.parse().ok()).or(after).unwrap_or(0);
    let run = RunId::new(id);
    // Whoever asks for a run that is not there is told so at once.
    shared.engine.load(&run).await?;
    let place = shared
        .watchers
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::later(503, "TooBusy", "too many watch runs at present", 10))?;
    let (pieces, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let engine = shared.engine.clone();
        tokio::select! {
            () = follow(&shared, &run, after, &pieces) => {}
            () = engine.stopped() => {}
            () = pieces.closed() => {}
        }
        drop(place);
    });
    let mut response = Body::new(Pieces(receiver)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies must not keep events back.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    Ok(response)
}

/// Tells what happens until the run has ended, or nobody listens any more.
async fn follow(shared: &Shared, run: &RunId, mut after: usize, pieces: &mpsc::Sender<Bytes>) {
    let mut said = Instant::now();
    loop {
        let began = Instant::now();
        // A run that was deleted, or a store that fails: who listens asks again and is told.
        let Ok((row, plan, events)) = shared.engine.history(run).await else { return };
        while after < events.len() {
            let mut text = String::new();
            for event in events.iter().skip(after).take(EVENTS_MAX) {
                after += 1;
                let shown = event_json(&plan, event, after);
                let one = format!("id: {after}\nevent: journal\ndata: {shown}\n\n");
                text.push_str(&one);
            }
            if pieces.send(text.into()).await.is_err() {
                return;
            }
            said = Instant::now();
        }
        if row.status.is_some() {
            send(pieces, "end", &row_json(&row)).await;
            return;
        }
        if BEAT <= said.elapsed() {
            if pieces.send(Bytes::from_static(b": still running\n\n")).await.is_err() {
                return;
            }
            said = Instant::now();
        }
        sleep(LOOK_EVERY.max(began.elapsed() * SHARE)).await;
    }
}

async fn send(pieces: &mpsc::Sender<Bytes>, event: &str, data: &Value) {
    // Whoever has gone away does not miss it.
    drop(pieces.send(format!("event: {event}\ndata: {data}\n\n").into()).await);
}
