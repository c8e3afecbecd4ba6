//! The replies that live: at most one is heard, others are held or wait for it.

use super::reply::{LiveReply, ReplyNews};
use crate::units::ReplyId;
use std::task::{Context, Poll};

/// The live replies, oldest first.
pub(super) struct Replies {
    live: Vec<LiveReply>,
}

impl Replies {
    pub(super) fn new() -> Self {
        Self { live: Vec::with_capacity(4) }
    }

    pub(super) fn add(&mut self, reply: LiveReply) {
        self.live.push(reply);
    }

    pub(super) fn get(&mut self, id: ReplyId) -> Option<&mut LiveReply> {
        self.live.iter_mut().find(|reply| reply.id == id)
    }

    pub(super) fn remove(&mut self, id: ReplyId) -> Option<LiveReply> {
        let at = self.live.iter().position(|reply| reply.id == id)?;
        Some(self.live.remove(at))
    }

    pub(super) fn take_all(&mut self) -> Vec<LiveReply> {
        std::mem::take(&mut self.live)
    }

    /// The one that is heard: the oldest released.
    pub(super) fn playing(&mut self) -> Option<&mut LiveReply> {
        self.live.iter_mut().find(|reply| reply.track.is_released())
    }

    /// Those that wait for a voice.
    pub(super) fn voiceless(&mut self) -> impl Iterator<Item = &mut LiveReply> {
        self.live.iter_mut().filter(|reply| reply.wants_voice())
    }

    /// The next thing that happened to any of them, the oldest first. Cancellation safe.
    pub(super) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<(ReplyId, ReplyNews)> {
        for reply in &mut self.live {
            if let Poll::Ready(news) = reply.poll_news(cx) {
                return Poll::Ready((reply.id, news));
            }
        }
        Poll::Pending
    }
}
