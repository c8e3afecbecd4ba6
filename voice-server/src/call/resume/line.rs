//! A line that says whether its far end is there.

use super::socket::Presence;
use futures::StreamExt;
use futures::stream::{self, Stream};
use tokio::sync::watch;
use voice_core::transport::{BoxLineSource, Line, LineError, LineInfo, LineInput, LineSink};

struct PresentLine {
    line: Box<dyn Line>,
    presence: watch::Receiver<Presence>,
}

/// `line`, whose source also tells when its far end goes away and comes back.
pub(in crate::call) fn with_presence(line: Box<dyn Line>, presence: watch::Receiver<Presence>) -> Box<dyn Line> {
    Box::new(PresentLine { line, presence })
}

impl Line for PresentLine {
    fn info(&self) -> LineInfo {
        self.line.info()
    }

    fn split(self: Box<Self>) -> (BoxLineSource, Box<dyn LineSink>) {
        let (source, sink) = self.line.split();
        // Presence goes first: what a new socket brings comes after the word that it is there.
        let source = stream::select_with_strategy(told(self.presence), source, |_: &mut ()| stream::PollNext::Left);
        (source.boxed(), sink)
    }
}

/// Changes between the two that follow each other faster than they are taken are told by the last.
fn told(presence: watch::Receiver<Presence>) -> impl Stream<Item = Result<LineInput, LineError>> + Send {
    stream::unfold(presence, |mut presence| async move {
        presence.changed().await.ok()?;
        let input = match *presence.borrow_and_update() {
            Presence::Here => LineInput::Back,
            Presence::Away => LineInput::Away,
        };
        Some((Ok(input), presence))
    })
}
