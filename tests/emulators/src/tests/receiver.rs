//! A webhook receiver that writes down what arrives and answers with scripted statuses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;

#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

#[derive(Default)]
struct Script {
    statuses: VecDeque<u16>,
    received: Vec<Received>,
}

#[derive(Clone, Default)]
pub(super) struct Receiver(Arc<Mutex<Script>>);

impl Receiver {
    /// Starts a receiver that answers these statuses in turn and 202 afterwards.
    pub(super) async fn start(statuses: &[u16]) -> (Self, String) {
        let receiver = Self::default();
        receiver.0.lock().unwrap().statuses = statuses.iter().copied().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/partner-center", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.0.lock().unwrap().received.clone()
    }
}

async fn take(State(receiver): State<Receiver>, request: Request) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()));
    let received = Received { headers: headers.collect(), body };
    let mut script = receiver.0.lock().unwrap();
    script.received.push(received);
    let status = script.statuses.pop_front().unwrap_or(202);
    (StatusCode::from_u16(status).unwrap(), format!("answer {}", script.received.len()))
}
