//! Accepts connections: no more than there is room for, none that sends its request too slowly.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::{Bounds, access::Source, patient::Patient, tls::Tls};

/// Bytes of a request's head, and of what is read of a connection at a time.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Before the listener is asked again when the process has no file left.
const PAUSE: Duration = Duration::from_millis(200);

/// How long whoever is answered may read nothing.
const STALL: Duration = Duration::from_secs(30);

/// Where a server listens, and how.
pub(crate) struct Door {
    pub listener: TcpListener,
    pub tls: Option<Arc<Tls>>,
    pub router: Router,
    pub bounds: Bounds,
}

/// Answers until `stop` is ready, then finishes what it has begun.
pub(crate) async fn serve(door: Door, stop: impl Future<Output = ()>) {
    let Door { listener, tls, router, bounds } = door;
    let room = Arc::new(Semaphore::new(bounds.connections));
    let open = GracefulShutdown::new();
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    // A connection that is kept alive is given the same time to begin its next request.
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.read_timeout)
        .max_buf_size(HEAD_BYTES_MAX);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            // Whoever comes when there is no room waits in the backlog of the machine.
            let place = Arc::clone(&room).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let ((stream, from), place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let (http, service, watcher) = (http.clone(), service.clone(), open.watcher());
        let acceptor = tls.as_ref().map(|it| it.acceptor());
        tokio::spawn(async move {
            let stream = Patient::new(stream, STALL);
            match acceptor {
                None => converse(&http, stream, (service, from), watcher).await,
                // Whoever does not get on with it is no caller.
                Some(acceptor) => match timeout(bounds.read_timeout, acceptor.accept(stream)).await
                {
                    Ok(Ok(stream)) => converse(&http, stream, (service, from), watcher).await,
                    Ok(Err(error)) => tracing::trace!(%error, "No connection came about."),
                    Err(_) => {}
                },
            }
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// Answers the requests of one connection.
async fn converse(
    http: &http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    (service, from): (TowerToHyperService<Router>, SocketAddr),
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Source(from.ip()));
        service.call(request)
    });
    let serving = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(serving).await {
        // Callers go away and say nonsense every day.
        tracing::trace!(error = &error as &dyn std::error::Error, "A connection has ended.");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                // Answers are short and written at once.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::trace!(%error, "A connection has gone already.");
                }
                return (stream, from);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "No connection can be accepted; trying again.");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether only the one connection is in trouble that was to be accepted.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
