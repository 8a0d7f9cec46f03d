//! A mail server on the loopback address: what it is told, and what it is not told without encryption.

use std::sync::{Arc, Mutex};

use base::{Failure, Secret, base64};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::tls::{Authority, authority, issue};
use crate::mail::{Mail, MailServer, check_addresses};

const PASSWORD: &str = "correct horse";

/// How a server is spoken with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speech {
    Plain,
    StartTls,
    Tls,
}

/// A mail server that notes what it hears, and whether that was encrypted.
struct Post {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Post {
    async fn open(speech: Speech, authority: &Authority) -> Self {
        let (certificate, key) = issue(authority, "127.0.0.1");
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if speech == Speech::Tls { "smtps" } else { "smtp" };
        let address = format!("{scheme}://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, noted) = (acceptor.clone(), Arc::clone(&noted));
                tokio::spawn(async move {
                    serve(stream, speech, &acceptor, &noted).await;
                });
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(
    stream: TcpStream,
    speech: Speech,
    acceptor: &TlsAcceptor,
    heard: &Mutex<Vec<String>>,
) {
    if speech == Speech::Tls {
        // Some tests are about handshakes that fail.
        let Ok(stream) = acceptor.accept(stream).await else { return };
        talk(BufStream::new(stream), ("tls", false, true), heard).await;
        return;
    }
    let offers = speech == Speech::StartTls;
    let Some(stream) = talk(BufStream::new(stream), ("plain", offers, true), heard).await else {
        return;
    };
    let Ok(stream) = acceptor.accept(stream.into_inner()).await else { return };
    talk(BufStream::new(stream), ("tls", false, false), heard).await;
}

/// Gives the connection back if it is to be encrypted from here on.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufStream<S>,
    (how, offers, greets): (&str, bool, bool),
    heard: &Mutex<Vec<String>>,
) -> Option<BufStream<S>> {
    if greets {
        say(&mut stream, "220 post.example\r\n").await?;
    }
    let mut in_mail = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        heard.lock().unwrap().push(format!("{how} {line}"));
        let word = line.split(' ').next().unwrap_or_default();
        let answer = match word {
            "." => {
                in_mail = false;
                "250 taken\r\n"
            }
            _ if in_mail => continue,
            "EHLO" if offers => "250-post.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
            "EHLO" => "250-post.example\r\n250 AUTH PLAIN\r\n",
            "STARTTLS" if offers => {
                say(&mut stream, "220 go\r\n").await?;
                return Some(stream);
            }
            "AUTH" => {
                let said = line.rsplit(' ').next().unwrap_or_default();
                if said == base64::encode(format!("\0me\0{PASSWORD}").as_bytes()) {
                    "235 hello\r\n"
                } else {
                    // Some servers repeat what they were told.
                    let no = format!("535 not {line}\r\n");
                    say(&mut stream, &no).await?;
                    continue;
                }
            }
            "DATA" => {
                in_mail = true;
                "354 go\r\n"
            }
            "RCPT" if line.contains("nobody@") => "550 no such person\r\n",
            "QUIT" => {
                say(&mut stream, "221 bye\r\n").await?;
                return None;
            }
            _ => "250 well\r\n",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    text: &str,
) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

fn server(post: &Post, password: &str, roots: Option<&Authority>) -> MailServer {
    let login = Some(("me".to_owned(), Secret::new(password.to_owned())));
    MailServer::new(&post.address, login, roots.map(Authority::pem)).unwrap()
}

fn mail(to: &str) -> Mail<'_> {
    let html = "<p>It has failed – “really”</p>".to_owned();
    Mail {
        from: "Flows <flows@example.com>",
        to,
        subject: "A run has failed – ü",
        html,
        id: "notify.1",
    }
}

#[tokio::test]
async fn mails_are_handed_in() {
    let own = authority();
    for (speech, roots) in
        [(Speech::Plain, None), (Speech::StartTls, Some(&own)), (Speech::Tls, Some(&own))]
    {
        let post = Post::open(speech, &own).await;
        let server = server(&post, PASSWORD, roots);
        server.look().await.unwrap();
        let looked = post.heard();
        assert!(looked.iter().any(|it| it.contains("AUTH PLAIN")), "{looked:?}");
        assert!(!looked.iter().any(|it| it.contains("MAIL FROM")), "{looked:?}");
        server.send(&mail("ops@example.com; Night <night@example.com>")).await.unwrap();
        let heard = post.heard().join("\n");
        for part in [
            "MAIL FROM:<flows@example.com>",
            "RCPT TO:<ops@example.com>",
            "RCPT TO:<night@example.com>",
            "Message-ID: <notify.1@flowright>",
            "Content-Type: text/html; charset=utf-8",
            "From: Flows <flows@example.com>",
        ] {
            assert!(heard.contains(part), "{part}\n{heard}");
        }
        // Nothing that matters is said before it is encrypted.
        let is_safe = |it: &&str| it.ends_with("STARTTLS") || it.contains(" EHLO ");
        let open = heard.lines().filter(|it| it.starts_with("plain ")).filter(|it| !is_safe(it));
        assert_eq!(speech == Speech::Plain, open.count() > 0, "{heard}");
    }
}

async fn refused(server: &MailServer, to: &str) -> String {
    let Failure { code, message, .. } = server.send(&mail(to)).await.unwrap_err();
    format!("{code}: {message}")
}

#[tokio::test]
async fn what_is_refused_tells_no_secrets() {
    let (own, other) = (authority(), authority());
    let post = Post::open(Speech::StartTls, &own).await;
    let wrong = "battery staple";
    let message = refused(&server(&post, wrong, Some(&own)), "ops@example.com").await;
    assert!(message.starts_with("MailNotSent: the mail server did not take it"), "{message}");
    assert!(message.contains("535"), "{message}");
    for secret in [wrong.to_owned(), base64::encode(format!("\0me\0{wrong}").as_bytes())] {
        assert!(!message.contains(&secret), "{message}");
    }
    let message = refused(&server(&post, PASSWORD, Some(&own)), "nobody@example.com").await;
    assert!(message.contains("no such person"), "{message}");
    // A stranger is told nothing, and neither is a server that does not encrypt.
    for (speech, roots) in
        [(Speech::StartTls, &other), (Speech::Tls, &other), (Speech::Plain, &own)]
    {
        let post = Post::open(speech, &own).await;
        let message = refused(&server(&post, PASSWORD, Some(roots)), "ops@example.com").await;
        assert!(message.starts_with("MailNotSent"), "{message}");
        let heard = post.heard();
        assert!(!heard.iter().any(|it| it.contains("AUTH")), "{heard:?}");
    }
    // Nobody is there.
    let nobody = MailServer::new("smtp://127.0.0.1:1", None, None).unwrap();
    assert!(refused(&nobody, "ops@example.com").await.starts_with("MailNotSent"));
    assert!(format!("{:?}", server(&post, PASSWORD, None)).contains("me"));
    assert!(!format!("{:?}", server(&post, PASSWORD, None)).contains(PASSWORD));
}

#[test]
fn addresses_of_servers_and_people_are_read() {
    let shown = |text: &str| MailServer::new(text, None, None).map(|it| it.to_string());
    for (text, expected) in [
        ("smtp://mail.example.com", "mail.example.com:587"),
        ("smtps://mail.example.com", "mail.example.com:465"),
        ("smtp://mail.example.com:25", "mail.example.com:25"),
        ("smtp://[::1]:2525", "::1:2525"),
    ] {
        assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
    }
    for text in [
        "mail.example.com",
        "mail.example.com:587",
        "http://mail.example.com",
        "smtp://me:secret@mail.example.com",
        "smtp://mail.example.com/path",
        "smtp://mail.example.com?a=1",
        "smtp://",
        "",
    ] {
        assert!(shown(text).is_err(), "{text}");
    }
    let good = "flows@example.com";
    for (from, to, expected) in [
        (good, "a@example.com;b@example.com;", true),
        ("Flows <flows@example.com>", good, true),
        (good, "", false),
        (good, "ops", false),
        ("ops", good, false),
        (good, "a@example.com\r\nBcc: all@example.com", false),
    ] {
        assert_eq!(check_addresses(from, to).is_ok(), expected, "{from:?} {to:?}");
    }
}
