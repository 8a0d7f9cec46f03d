//! Accepts connections: no more than there is room for, none that sends its request too slowly.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};

use crate::Bounds;

/// Bytes of a request's head, and of what is read of a connection at a time.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Before the listener is asked again when the process has no file left.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers until `stop` is ready, then finishes what it has begun.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
) {
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
        let (stream, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let serving = http.serve_connection(TokioIo::new(stream), service.clone());
        let serving = open.watch(serving);
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                // Callers go away and say nonsense every day.
                tracing::trace!(
                    error = &error as &dyn std::error::Error,
                    "A connection has ended."
                );
            }
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are short and written at once.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::trace!(%error, "A connection has gone already.");
                }
                return stream;
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
