//! Nodes that are cut off from their database, both ways or one way, while events come in.
//!
//! Nothing is closed and nothing is lost on the way: it arrives when the cut is mended, as it would
//! after a real one. `RUN_SLOW_TESTS=1` cuts for 30 seconds.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use store_postgres::cluster;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::cluster::{TAKEOVER_MAX, World, is_slow, say};

/// What goes through a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Whole,
    /// Nothing in either direction.
    Cut,
    /// Nothing to the server, which may still say something.
    Deaf,
    /// Nothing from the server, which hears everything.
    Mute,
}

impl Wire {
    fn reaches_server(self) -> bool {
        matches!(self, Self::Whole | Self::Mute)
    }

    fn reaches_node(self) -> bool {
        matches!(self, Self::Whole | Self::Deaf)
    }
}

/// Stands between a node and its server.
struct Relay {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
}

impl Relay {
    async fn lay(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = watch::Sender::new(Wire::Whole);
        let given = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), wire.subscribe()));
            }
        });
        Self { address, wire: given }
    }
}

async fn carry(client: TcpStream, server: String, mut wire: watch::Receiver<Wire>) {
    // Whoever connects needs both ways.
    if wire.wait_for(|it| *it == Wire::Whole).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(&server).await else { return };
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pass(from_client, to_server, wire.clone(), Wire::reaches_server),
        pass(from_server, to_client, wire.clone(), Wire::reaches_node),
    );
}

/// Carries one direction; its end is only heard of when the wire is whole, like everything else.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut wire: watch::Receiver<Wire>,
    is_open: fn(Wire) -> bool,
) {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut bytes).await;
        if wire.wait_for(|it| is_open(*it)).await.is_err() {
            return;
        }
        let Ok(length @ 1..) = read else { break };
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    drop(to.shutdown().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_are_cut_off_write_nothing_and_come_back() {
    let Some(cluster) = cluster::shared() else { return };
    let database = cluster.database();
    let through = cluster.over_network(&database);
    let (user, rest) = through.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let relay = Relay::lay(server.to_owned()).await;
    let through = format!("{user}@{}/{name}", relay.address);
    let world = World::reached_by(cluster, [database.clone(), through, database]).await;
    // The lease is five seconds.
    let (cuts, lasts): (&[Wire], _) = if is_slow() {
        (&[Wire::Cut, Wire::Mute, Wire::Deaf], Duration::from_secs(30))
    } else {
        (&[Wire::Cut, Wire::Mute], Duration::from_secs(7))
    };
    for cut in cuts {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        relay.wire.send_replace(*cut);
        let took = world.taken_over();
        tokio::time::sleep(lasts.saturating_sub(begun.elapsed())).await;
        relay.wire.send_replace(Wire::Whole);
        let mended = Instant::now();
        world.balanced();
        say(&format!("{cut:?}: it is back {:?} after the wire was mended", mended.elapsed()));
        assert!(took < TAKEOVER_MAX, "{cut:?}: {took:?}");
    }
    assert_eq!(world.losses(), cuts.len(), "each cut lost one node, and nothing else did");
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.end(cuts.len()).await;
}
