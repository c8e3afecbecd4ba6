//! A connection that misbehaves on command, below HTTP and WebSocket.
//!
//! Invariant: without a command it is the connection it wraps, byte for byte. It knows no protocol.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// How long a stalled connection is kept.
const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How long a cut character stays cut: longer than a reader needs to take the first part by itself.
const CUT_PAUSE: Duration = Duration::from_millis(2);
/// The first byte that is not ASCII: part of a character of several.
const BEYOND_ASCII: u8 = 0x80;

/// Commands to one connection. Clones command the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire(Arc<WireState>);

#[derive(Debug, Default)]
struct WireState {
    /// The size of a write; 0 for as much as there is.
    split_bytes: AtomicUsize,
    cut_utf8: AtomicBool,
    stalled: AtomicBool,
    reset: AtomicBool,
}

impl Wire {
    /// Writes go out in pieces of so many bytes; 0 for whole ones again.
    pub(super) fn split(&self, bytes: usize) {
        self.0.split_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The next character of several bytes is cut in two.
    pub(super) fn cut_utf8(&self) {
        self.0.cut_utf8.store(true, Ordering::Relaxed);
    }

    /// Nothing is sent or read from here on.
    pub(super) fn stall(&self) {
        self.0.stalled.store(true, Ordering::Relaxed);
    }

    /// Every use of the connection fails from here on, and when it is dropped the far end sees a reset.
    pub(super) fn reset(&self) {
        self.0.reset.store(true, Ordering::Relaxed);
    }

    /// Whole writes again: another request comes over the same connection.
    pub(super) fn calm(&self) {
        self.split(0);
        self.0.cut_utf8.store(false, Ordering::Relaxed);
    }

    fn is_stalled(&self) -> bool {
        self.0.stalled.load(Ordering::Relaxed)
    }

    fn is_reset(&self) -> bool {
        self.0.reset.load(Ordering::Relaxed)
    }

    /// How much of `bytes` to write now, and whether to rest afterwards.
    fn piece(&self, bytes: &[u8]) -> (usize, bool) {
        if self.0.cut_utf8.load(Ordering::Relaxed)
            && let Some(lead) = bytes.iter().position(|byte| *byte >= BEYOND_ASCII)
        {
            self.0.cut_utf8.store(false, Ordering::Relaxed);
            return (lead + 1, true);
        }
        match self.0.split_bytes.load(Ordering::Relaxed) {
            0 => (bytes.len(), false),
            split => (bytes.len().min(split), false),
        }
    }
}

/// A TCP connection under the commands of its [`Wire`].
pub(super) struct FaultyIo {
    inner: TcpStream,
    wire: Wire,
    stall: Option<Pin<Box<Sleep>>>,
    rest: Option<Pin<Box<Sleep>>>,
    has_yielded: bool,
}

impl FaultyIo {
    pub(super) fn new(inner: TcpStream, wire: Wire) -> Self {
        // Pieces must leave one by one; where that cannot be had they come joined, which is no error.
        let _ = inner.set_nodelay(true);
        Self { inner, wire, stall: None, rest: None, has_yielded: false }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(STALL_LIMIT)));
        ready!(stall.as_mut().poll(cx));
        self.wire.reset();
        Poll::Ready(reset_error())
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(sleep) = &mut self.rest {
            ready!(sleep.as_mut().poll(cx));
            self.rest = None;
        }
        Poll::Ready(())
    }

    /// Between two pieces others get their turn, so that the far end can take the first one alone.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_rest(cx));
        self.has_yielded = !self.has_yielded && self.wire.0.split_bytes.load(Ordering::Relaxed) > 0;
        if self.has_yielded {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Drop for FaultyIo {
    fn drop(&mut self) {
        if self.wire.is_reset() {
            // The far end sees an ordinary close if this fails.
            let _ = self.inner.set_zero_linger();
        }
    }
}

fn reset_error() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl AsyncRead for FaultyIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.wire.is_reset() {
            return Poll::Ready(Err(reset_error()));
        }
        if self.wire.is_stalled() {
            return self.poll_stall(cx).map(Err);
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for FaultyIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.wire.is_reset() {
            return Poll::Ready(Err(reset_error()));
        }
        if self.wire.is_stalled() {
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_pause(cx));
        let (piece, rests) = self.wire.piece(bytes);
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &bytes[..piece]))?;
        if rests {
            self.rest = Some(Box::pin(sleep(CUT_PAUSE)));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.is_reset() || self.wire.is_stalled() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (FaultyIo, Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (ours, theirs) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
        let wire = Wire::default();
        (FaultyIo::new(ours.unwrap().0, wire.clone()), wire, theirs.unwrap())
    }

    #[tokio::test]
    async fn pieces_arrive_in_order_and_whole() {
        let (mut faulty, wire, mut far) = pair().await;
        wire.split(1);
        let (mut first, mut rest) = ([0; 16], Vec::new());
        let read = async {
            let count = far.read(&mut first).await.unwrap();
            far.read_to_end(&mut rest).await.unwrap();
            count
        };
        let write = async {
            faulty.write_all("grün".as_bytes()).await.unwrap();
            faulty.shutdown().await.unwrap();
        };
        let (count, ()) = tokio::join!(read, write);
        assert_eq!(count, 1, "the first piece came alone");
        assert_eq!([&first[..1], &rest].concat(), "grün".as_bytes());
    }

    #[tokio::test]
    async fn a_cut_falls_inside_a_character() {
        let (mut faulty, wire, mut far) = pair().await;
        wire.cut_utf8();
        let mut first = [0; 16];
        let (count, written) = tokio::join!(far.read(&mut first), faulty.write_all("grün".as_bytes()));
        written.unwrap();
        assert_eq!(&first[..count.unwrap()], b"gr\xc3");
        assert_eq!(far.read(&mut first).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_reset_is_seen_as_one_and_a_stall_sends_nothing() {
        let (mut faulty, wire, mut far) = pair().await;
        faulty.write_all(b"a").await.unwrap();
        wire.stall();
        faulty.write_all(b"bc").await.unwrap();
        wire.reset();
        drop(faulty);
        let mut all = Vec::new();
        let error = far.read_to_end(&mut all).await.unwrap_err();
        assert_eq!((error.kind(), &all[..]), (io::ErrorKind::ConnectionReset, &b"a"[..]));
    }
}
