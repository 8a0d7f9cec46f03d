//! The service in trouble: more events than it can work on, and callers that never finish.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::{
    http::Connection,
    jobs::{Bench, Times, say},
    process::Process,
};

/// Events in a second of the flood.
const FLOOD_RATE: u32 = 5_000;
/// Connections that they come on.
const FLOOD_CONNECTIONS: u32 = 64;
const FLOOD: Duration = Duration::from_mins(1);
/// The longest time in which what was taken in must be done after the flood.
const BACKLOG_MAX: Duration = Duration::from_mins(15);

const SLOW_CONNECTIONS: usize = 2_000;
/// Longer than a service waits for anybody.
const SLOW: Duration = Duration::from_secs(15);

impl Bench {
    /// R12: 5,000 events a second for a minute, and a kill at the end of it.
    pub(crate) fn flood(&self) -> anyhow::Result<()> {
        let project = self.project()?;
        let mut process = self.serve_at(&project)?;
        let hook = process.hook("durable-run")?.to_owned();
        let (taken, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let begun = Instant::now();
        thread::scope(|scope| -> anyhow::Result<()> {
            let clients: Vec<_> = (0..FLOOD_CONNECTIONS)
                .map(|n| {
                    scope.spawn({
                        let (process, hook, taken, refused) = (&process, &hook, &taken, &refused);
                        move || -> anyhow::Result<()> {
                            let mut connection = Connection::open(&process.address)?;
                            for turn in 0.. {
                                let due = FLOOD_CONNECTIONS * turn + n;
                                let due = Duration::from_secs(1) * due / FLOOD_RATE;
                                if FLOOD <= due || FLOOD <= begun.elapsed() {
                                    return Ok(());
                                }
                                // Whoever is late does not wait: the rate is the callers', not the service's.
                                thread::sleep(due.saturating_sub(begun.elapsed()));
                                let body = self.body(&format!("r12-{n}-{turn}"));
                                let answer = connection.post(hook, body.as_bytes())?;
                                match answer.status {
                                    202 => taken.fetch_add(1, Ordering::Relaxed),
                                    429 | 503 => refused.fetch_add(1, Ordering::Relaxed),
                                    other => anyhow::bail!("status {other}"),
                                };
                            }
                            Ok(())
                        }
                    })
                })
                .collect();
            for client in clients {
                client.join().map_err(|_| anyhow::anyhow!("a client has died"))??;
            }
            Ok(())
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let peak = process.memory()?.1;
        process.kill();
        let process = self.serve_at(&project)?;
        let (taken, refused) = (taken.into_inner(), refused.into_inner());
        let done = || self.stub.totals("r12-");
        let restarted = Instant::now();
        while done().finished < taken && restarted.elapsed() < BACKLOG_MAX {
            thread::sleep(Duration::from_millis(500));
        }
        say(&format!(
            "R12 flood of {:.0} s: taken in {taken}, refused {refused}, peak {peak:.0} MB (after it {:.0} \
             MB); killed; lost {}, calls repeated {}, all done {:.0} s after the kill",
            seconds,
            process.memory()?.1,
            taken - done().finished,
            done().repeated,
            restarted.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    /// R13: an orderly caller beside 2,000 that connect and say nothing, or hardly anything.
    pub(crate) fn slow_callers(&self) -> anyhow::Result<()> {
        let process = self.serve()?;
        let hook = process.hook("webhook-to-response")?;
        let over = AtomicBool::new(false);
        let times = Mutex::new(Times::default());
        let mut cut = 0;
        thread::scope(|scope| -> anyhow::Result<()> {
            let orderly = scope.spawn(|| -> anyhow::Result<()> {
                let mut connection = Connection::open(&process.address)?;
                for n in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let begun = Instant::now();
                    let answer =
                        connection.post(hook, self.body(&format!("r13-{n}")).as_bytes())?;
                    ensure!(answer.status == 200, "status {}", answer.status);
                    times.lock().unwrap_or_else(PoisonError::into_inner).add(begun.elapsed());
                    thread::sleep(Duration::from_millis(2));
                }
                Ok(())
            });
            let slow = dawdle(&process, hook);
            over.store(true, Ordering::Relaxed);
            cut = slow?;
            orderly.join().map_err(|_| anyhow::anyhow!("the orderly caller has died"))?
        })?;
        let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
        say(&format!(
            "R13 beside {SLOW_CONNECTIONS} slow callers: p50 {:.1} ms  p99 {:.1} ms  worst {:.1} ms; {cut} \
             of them cut off within {} s",
            times.at(0.5),
            times.at(0.99),
            times.at(1.0),
            SLOW.as_secs()
        ));
        Ok(())
    }
}

/// Connections of which a third says nothing, a third a letter of its headers a second and a third a
/// letter of its body. Gives how many the service has closed.
fn dawdle(process: &Process, hook: &str) -> anyhow::Result<usize> {
    let heads = [
        String::new(),
        format!("POST {hook} HTTP/1.1\r\nhost: {}\r\nx-slow: ", process.address),
        format!(
            "POST {hook} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\n\r\n\"",
            process.address
        ),
    ];
    let mut open = Vec::with_capacity(SLOW_CONNECTIONS);
    for n in 0..SLOW_CONNECTIONS {
        let mut stream = TcpStream::connect(&process.address).context("no connection")?;
        stream.write_all(heads[n % heads.len()].as_bytes())?;
        stream.set_nonblocking(true)?;
        open.push((n % heads.len() != 0, stream));
    }
    let begun = Instant::now();
    while begun.elapsed() < SLOW {
        thread::sleep(Duration::from_secs(1));
        open.retain_mut(|(talks, stream)| {
            !(*talks && stream.write(b"a").is_err()) && is_open(stream)
        });
    }
    Ok(SLOW_CONNECTIONS - open.len())
}

fn is_open(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 1_024];
    loop {
        match stream.read(&mut answer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
