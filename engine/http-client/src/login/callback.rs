//! The address on this machine that a browser comes back to with a code.

use std::time::Duration;

use base::{ErrorClass, Failure, Secret};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use url::{Host, Url};

/// Bytes of a browser's request that are read; codes have some hundreds.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Browsers open connections that they then do not use.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens on this machine only.
pub(super) struct Callback {
    listeners: Vec<TcpListener>,
    path: String,
}

impl Callback {
    /// Listens where a redirect leads; gives that address with its port.
    pub(super) async fn bind(redirect: Option<&str>) -> Result<(Self, String), Failure> {
        let wanted = redirect.unwrap_or("http://127.0.0.1:0/callback");
        let wrong = || {
            let message = format!(
                "`{wanted}` is not an address of this machine; write it as in `http://127.0.0.1:8400/callback`"
            );
            Failure::of_class(ErrorClass::Validation, "InvalidRedirect", message)
        };
        let mut url = Url::parse(wanted).map_err(|_| wrong())?;
        let hosts: &[&str] = match url.host() {
            Some(Host::Ipv4(address)) if address.is_loopback() => &["127.0.0.1"],
            Some(Host::Ipv6(address)) if address.is_loopback() => &["::1"],
            // Browsers take either.
            Some(Host::Domain("localhost")) => &["127.0.0.1", "::1"],
            Some(_) | None => return Err(wrong()),
        };
        if url.scheme() != "http" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        let mut listeners = Vec::new();
        // Services let programs choose the port of this machine (RFC 8252).
        let mut port = url.port().unwrap_or(0);
        for host in hosts {
            match TcpListener::bind((*host, port)).await {
                Ok(listener) => {
                    port = listener.local_addr().map_or(port, |it| it.port());
                    listeners.push(listener);
                }
                // A machine may have no IPv6.
                Err(_) if !listeners.is_empty() => {}
                Err(error) => {
                    let message = format!("cannot listen at `{wanted}`: {error}");
                    return Err(Failure::of_class(ErrorClass::Transient, "CannotListen", message));
                }
            }
        }
        url.set_port(Some(port)).map_err(|()| wrong())?;
        let path = url.path().to_owned();
        // Services compare letter by letter.
        let mut redirect = String::from(url);
        if path == "/" && !wanted.ends_with('/') {
            redirect.pop();
        }
        Ok((Self { listeners, path }, redirect))
    }

    /// Waits for the code. What does not come with the right state is turned away and waited past: it
    /// is not the browser that was sent.
    pub(super) async fn code(self, state: &Secret<String>) -> Result<Secret<String>, Failure> {
        let (sender, mut told) = mpsc::channel(1);
        let mut tasks = tokio::task::JoinSet::new();
        for listener in self.listeners {
            let (sender, state, path) = (sender.clone(), state.clone(), self.path.clone());
            tasks.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (sender, state, path) = (sender.clone(), state.clone(), path.clone());
                    tokio::spawn(async move {
                        let served = serve(stream, &path, &state);
                        if let Ok(Some(found)) = tokio::time::timeout(READ_TIMEOUT, served).await {
                            // Of several answers the first one counts.
                            drop(sender.try_send(found));
                        }
                    });
                }
            });
        }
        told.recv().await.unwrap_or_else(|| {
            let message = "this machine no longer listens for the browser";
            Err(Failure::of_class(ErrorClass::Transient, "CannotListen", message))
        })
    }
}

/// What the browser brought; `None` if this was not it.
async fn serve(
    mut stream: TcpStream,
    path: &str,
    state: &Secret<String>,
) -> Option<Result<Secret<String>, Failure>> {
    let target = request_target(&mut stream).await?;
    // The origin does not matter here; the target is only split.
    let url = Url::parse("http://127.0.0.1").and_then(|it| it.join(&target)).ok()?;
    let find = |name: &str| {
        let mut values = url.query_pairs().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.into_owned()),
            (None, _) | (Some(_), Some(_)) => None,
        }
    };
    let is_ours = find("state").is_some_and(|it| Secret::new(it) == *state);
    let found = match (find("code"), find("error")) {
        (Some(code), None) if is_ours => Ok(Secret::new(code)),
        (None, Some(error)) if is_ours => Err(declined(&error, find("error_description"))),
        _ => Err(declined("", None)),
    };
    let (status, text) = match &found {
        _ if url.path() != path => ("404 Not Found", "There is nothing here."),
        _ if !is_ours => ("400 Bad Request", "This is not the login that was begun."),
        Ok(_) => ("200 OK", "You are logged in. You can close this window."),
        Err(_) => ("200 OK", "You are not logged in. You can close this window."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    // A browser that has gone away needs no answer.
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
    (url.path() == path && is_ours).then_some(found)
}

/// The address in the request line of a `GET`.
async fn request_target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let n_bytes = stream.read(&mut chunk).await.ok().filter(|it| 0 < *it)?;
        head.extend_from_slice(chunk.get(..n_bytes)?);
        if HEAD_BYTES_MAX < head.len() {
            return None;
        }
    }
    let text = std::str::from_utf8(&head).ok()?;
    let mut words = text.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    (method == "GET" && target.starts_with('/')).then(|| target.to_owned())
}

fn declined(error: &str, description: Option<String>) -> Failure {
    let short =
        |text: &str| text.chars().filter(|it| !it.is_control()).take(300).collect::<String>();
    let why = description.map_or_else(String::new, |it| format!(": {}", short(&it)));
    let message = format!("the login was declined ({}){why}", short(error));
    Failure::of_class(ErrorClass::Auth, "LoginDeclined", message)
}
