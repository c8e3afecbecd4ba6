//! What goes to the line when it is due, and who learns what became of it.
//!
//! Invariant: a frame that the line had no room for is sent later, none is left out; a far end that takes nothing for too
//! long has hung up.

use super::driver::Driver;
use super::event::SessionEvent;
use crate::transport::{LineControl, LineError};
use crate::turn::{Command, EndReason, Input, ReplyInput};
use crate::units::ReplyId;
use std::time::{Duration, Instant};

/// A far end that takes nothing for this long is gone.
const LINE_STALL: Duration = Duration::from_secs(5);

impl Driver {
    /// Sends what the schedule allows.
    pub(super) fn send_due(&mut self, now: Instant) {
        if self.away_since.is_some() {
            return;
        }
        let Some(reply) = self.replies.playing() else { return };
        while let Some(frame) = reply.track.due_frame(now) {
            if let Err(error) = self.sink.send_audio(reply.id, &frame) {
                return self.line_refused(error, now);
            }
            self.stalled_since = None;
            self.sent_samples += frame.samples().len() as u64;
            reply.track.mark_sent(&frame, now);
            if reply.timeline.first_audio.is_none() {
                reply.timeline.first_audio = Some(now);
                self.hands_over = true;
                let (reply, turn) = (reply.id, reply.timeline.turn);
                self.watch.tell(SessionEvent::AgentSpeaking { at: now, reply, turn });
            }
            reply.last_sent = Some(now);
        }
    }

    /// The agent waits where it is: what plays stands still, what begins is held.
    pub(super) fn line_away(&mut self, now: Instant) {
        if self.away_since.is_some() {
            return;
        }
        self.away_since = Some(now);
        self.handle(Input::LineAway, now);
        if let Some(reply) = self.replies.playing() {
            reply.track.stand_still(now);
        }
        self.watch.tell(SessionEvent::LineAway { at: now });
    }

    pub(super) fn line_back(&mut self, now: Instant) {
        self.stalled_since = None;
        let Some(since) = self.away_since.take() else { return };
        if let Some(reply) = self.replies.playing() {
            reply.track.move_on(now);
        }
        self.watch.tell(SessionEvent::LineBack { at: now, since });
        self.handle(Input::LineBack, now);
    }

    pub(super) fn line_refused(&mut self, error: LineError, now: Instant) {
        match error {
            LineError::Full => {
                let since = *self.stalled_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= LINE_STALL {
                    self.handle(Input::Command(Command::HangUp(EndReason::LineLost)), now);
                }
            }
            LineError::Closed | LineError::Lost(_) | LineError::Protocol(_) => self.line_failed(&error, now),
        }
    }

    pub(super) fn line_failed(&mut self, error: &LineError, now: Instant) {
        tracing::info!(call = %self.call, %error, "the line ended");
        let reason = match error {
            LineError::Closed => EndReason::CallerHungUp,
            LineError::Lost(_) | LineError::Full | LineError::Protocol(_) => EndReason::LineLost,
        };
        self.handle(Input::Command(Command::HangUp(reason)), now);
    }

    pub(super) fn tell_drained(&mut self, now: Instant) {
        if self.away_since.is_some() {
            return;
        }
        let Some(id) = self.replies.playing().map(|reply| reply.id) else { return };
        self.tell_end(id, now);
        let Some(reply) = self.replies.playing() else { return };
        if reply.track.is_drained(now) && !reply.told_drained {
            reply.told_drained = true;
            let samples = reply.track.played(now);
            self.handle(Input::Reply(id, ReplyInput::Drained { samples }), now);
        }
    }

    /// Tells the far end that it has all of a reply, once.
    pub(super) fn tell_end(&mut self, id: ReplyId, now: Instant) {
        let Some(reply) = self.replies.get(id) else { return };
        let total_samples = reply.track.total();
        if reply.track.is_sent() && !reply.told_end && total_samples > 0 {
            reply.told_end = true;
            self.control(LineControl::End { reply: id, total_samples }, now);
        }
    }

    pub(super) fn tell_heard(&mut self, now: Instant) {
        self.tell_played(now);
        let Some((id, turn)) = self.replies.playing().map(|reply| (reply.id, reply.timeline.turn)) else { return };
        self.tell_agent_text(id, turn);
    }
}
