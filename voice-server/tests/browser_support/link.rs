//! A way to a server that can be cut.

use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes connections on while it is whole; cut, it drops them all and takes no new one. It goes with this.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    server: watch::Sender<SocketAddr>,
    is_whole: watch::Sender<bool>,
    _passing: JoinSet<()>,
}

impl Link {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, led_to) = watch::channel(server);
        let (is_whole, whole) = watch::channel(true);
        let mut passing = JoinSet::new();
        passing.spawn(accept(listener, led_to, whole));
        Self { address, server, is_whole, _passing: passing }
    }

    /// Connections to come are led to another server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.server.send_replace(server);
    }

    pub(crate) fn cut(&self) {
        self.is_whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.is_whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, server: watch::Receiver<SocketAddr>, whole: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        if *whole.borrow() {
            connections.spawn(pass(near, *server.borrow(), whole.clone()));
        }
    }
}

async fn pass(mut near: TcpStream, server: SocketAddr, mut whole: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = whole.wait_for(|is_whole| !is_whole) => {}
    }
}
