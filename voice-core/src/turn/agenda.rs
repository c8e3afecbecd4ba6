//! What the agent says of itself: texts of the embedding program, and the machine's own prompts.
//!
//! Invariant: a text is said only while the floor is free; at most [`MAX_WAITING`] wait, and none is lost silently. No
//! prompt is said twice in a row for one reason, but the idle one as often as the configuration says.

use super::machine::Phase;
use super::reply::{Origin, Reply};
use super::{EndReason, Output, Protection, TurnMachine};
use std::collections::VecDeque;
use std::time::Instant;

/// Texts that may wait for the floor. One more, and the one that waited longest is dropped, as the least to the point.
const MAX_WAITING: usize = 8;

/// A text that waits.
#[derive(Debug)]
struct Text {
    text: String,
    protection: Protection,
}

/// Whether a prompt may be said again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Said {
    #[default]
    No,
    Yes,
}

/// What waits to be said, and what was said already.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    waiting: VecDeque<Text>,
    not_heard: Said,
    apology: Said,
    idle_prompts: u32,
    idle_since: Option<Instant>,
}

impl Agenda {
    /// Since when nobody speaks and nothing is to be said.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since
    }

    /// The caller said something: they are not idle and were heard.
    pub(super) fn caller_answered(&mut self) {
        self.idle_prompts = 0;
        self.not_heard = Said::No;
    }

    /// Nobody is idle who could not be reached: idleness counts from here.
    pub(super) fn still_there(&mut self, now: Instant) {
        self.idle_since = self.idle_since.map(|_| now);
    }

    /// A word of a reply was heard: what failed before works again.
    pub(super) fn reply_heard(&mut self) {
        self.apology = Said::No;
    }

    /// Once `Yes`, stays so until reset; says whether this is the first time.
    fn first_time(said: &mut Said) -> bool {
        std::mem::replace(said, Said::Yes) == Said::No
    }
}

impl TurnMachine {
    pub(super) fn say(&mut self, text: String, protection: Protection) {
        self.agenda.waiting.push_back(Text { text, protection });
        if self.agenda.waiting.len() > MAX_WAITING
            && let Some(dropped) = self.agenda.waiting.pop_front()
        {
            self.emit(Output::SayDropped { text: dropped.text });
        }
    }

    pub(super) fn drop_agenda(&mut self) {
        while let Some(dropped) = self.agenda.waiting.pop_front() {
            self.emit(Output::SayDropped { text: dropped.text });
        }
    }

    /// Says what waits if the floor is free, and notes since when it is idle otherwise.
    pub(super) fn follow_agenda(&mut self) {
        let free = matches!(self.phase, Phase::Listening) && self.floor.is_free() && self.keys.is_empty();
        let next = if free { self.agenda.waiting.pop_front() } else { None };
        match next {
            Some(text) => {
                self.agenda.idle_since = None;
                self.start_saying(text);
            }
            None if free => {
                self.agenda.idle_since.get_or_insert(self.now);
            }
            None => self.agenda.idle_since = None,
        }
    }

    fn start_saying(&mut self, Text { text, protection }: Text) {
        let (reply, turn) = (self.next_reply(), self.next_turn());
        let protection = if self.protection == Protection::Protected { self.protection } else { protection };
        self.emit(Output::StartSay { reply, turn, text, protection });
        let mut reply = Reply::new(reply, turn, Origin::Say, self.rate, self.now);
        reply.protection = protection;
        self.release(reply);
    }

    /// There was speech, but nobody could make words of it.
    pub(super) fn not_heard(&mut self) {
        if Agenda::first_time(&mut self.agenda.not_heard)
            && let Some(prompt) = self.config.not_heard_prompt.clone()
        {
            self.say(prompt, Protection::Interruptible);
        }
    }

    /// A reply failed before a word of it was heard.
    pub(super) fn apologise(&mut self) {
        if Agenda::first_time(&mut self.agenda.apology)
            && let Some(apology) = self.config.failure_apology.clone()
        {
            self.say(apology, Protection::Interruptible);
        }
    }

    /// Nobody has spoken for long: ask, or end the call.
    pub(super) fn caller_is_idle(&mut self) {
        self.emit(Output::CallerIdle);
        let prompt =
            self.config.idle_prompt.clone().filter(|_| self.agenda.idle_prompts < self.config.max_idle_prompts);
        match prompt {
            Some(prompt) => {
                self.agenda.idle_prompts += 1;
                self.say(prompt, Protection::Interruptible);
            }
            None => self.hang_up(EndReason::CallerIdle),
        }
    }
}
