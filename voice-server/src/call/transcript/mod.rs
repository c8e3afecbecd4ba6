//! What is kept of a call, from what its session tells.
//!
//! Invariant: pure. What the client is told as final is an entry with the same words; sequence numbers count up from 0
//! without a hole. What the watcher of the session was too slow to see is added at the end from the call's record.
//!
//! A caller's turn that is told again, longer, is a further utterance of the same turn: the rows are what was told, and
//! the last of a turn is what holds. The conversation has it once.

mod conversation;
mod end;
#[cfg(test)]
mod tests;
mod utterance;

use super::names;
use super::timing::{Timing, millis};
use crate::cost::Prices;
use crate::store::{CallEnd, ConversationEntry, Entry, Header, Utterance, UtteranceEntry};
use end::Tally;
use std::collections::BTreeMap;
use std::time::Instant;
use utterance::{Overlap, away_row, caller_row, reply_row, tool_row};
use voice_core::session::{CallRecord, SessionEvent, ToolState, TurnRecord};
use voice_core::turn::CallerTurn;
use voice_core::units::{ReplyId, SampleRate, TurnId};

/// What is kept of one call so far. Grows by what can be said within the longest call.
pub(crate) struct Transcript<'p> {
    header: Header,
    rate: SampleRate,
    prices: &'p Prices,
    timing: Timing,
    tally: Tally,
    next_seq: i32,
    /// The words of each turn that were last kept.
    caller: BTreeMap<TurnId, String>,
    /// What is known of each reply besides its record; a reply that ended is kept.
    replies: BTreeMap<ReplyId, Overlap>,
    kept_replies: Vec<ReplyId>,
    /// Tools that run: their name and when they began.
    tools: Vec<(String, Instant)>,
    latest_turn: TurnId,
    latest: Option<Instant>,
}

impl<'p> Transcript<'p> {
    /// Begins with nothing said, on a line of this rate.
    pub(crate) fn new(header: Header, rate: SampleRate, prices: &'p Prices) -> Self {
        Self {
            header,
            rate,
            prices,
            timing: Timing::default(),
            tally: Tally::default(),
            next_seq: 0,
            caller: BTreeMap::new(),
            replies: BTreeMap::new(),
            kept_replies: Vec::new(),
            tools: Vec::new(),
            latest_turn: TurnId::default(),
            latest: None,
        }
    }

    /// Appends what is to be kept of an event; of most, nothing.
    pub(crate) fn observe(&mut self, event: &SessionEvent, out: &mut Vec<Entry>) {
        match event {
            SessionEvent::Started { at } => self.started(*at),
            SessionEvent::CallerTurn(turn) => self.caller_turn(turn, out),
            SessionEvent::AgentSilent { at, reply } => self.overlap(*reply).silent = Some(*at),
            SessionEvent::Resumed(timeline) => self.overlap(timeline.reply).resumes += 1,
            SessionEvent::BargeIn { signal, timeline } => {
                let paused = millis(timeline.paused.saturating_duration_since(timeline.onset));
                self.overlap(signal.reply).barge_in = Some((names::barge_in_cause(signal.cause), paused));
            }
            SessionEvent::TurnEnded(record) => self.turn_ended(record, out),
            SessionEvent::Tool { at, name, state } => self.tool(*at, name, state, out),
            SessionEvent::LineBack { at, since } => self.line_back(*since, *at, out),
            SessionEvent::Cost(cost) => self.tally.cost(cost, self.prices),
            SessionEvent::Ended { at, .. } => self.latest = Some(*at),
            _ => {}
        }
    }

    /// What is left to be kept when the call is over: what was not seen, the conversation, the end. Without a record, the
    /// call broke off, and `broke_off` says why.
    pub(crate) fn finish(mut self, record: Option<&CallRecord>, broke_off: &str, out: &mut Vec<Entry>) {
        if let Some(record) = record {
            self.add_unseen(record, out);
        }
        for (name, at) in std::mem::take(&mut self.tools) {
            let end = self.latest.unwrap_or(at);
            let row =
                tool_row(self.latest_turn, &name, names::tool_state(&ToolState::Started), [at, end], &self.timing);
            self.keep(row, out);
        }
        if let Some(record) = record {
            let messages = conversation::messages(&record.conversation);
            out.push(Entry::Conversation(ConversationEntry { header: self.header, messages }));
            self.tally.cost(&record.cost, self.prices);
        }
        out.push(Entry::CallEnd(Box::new(
            self.end(record.map_or(broke_off, |record| names::end_reason(record.reason))),
        )));
    }

    fn started(&mut self, at: Instant) {
        self.timing.start(at);
        self.latest = Some(at);
    }

    fn overlap(&mut self, reply: ReplyId) -> &mut Overlap {
        self.replies.entry(reply).or_default()
    }

    fn caller_turn(&mut self, turn: &CallerTurn, out: &mut Vec<Entry>) {
        self.latest_turn = turn.turn;
        self.caller.insert(turn.turn, turn.text.clone());
        self.keep(caller_row(turn, self.rate), out);
    }

    fn turn_ended(&mut self, record: &TurnRecord, out: &mut Vec<Entry>) {
        let overlap = self.replies.get(&record.reply).copied().unwrap_or_default();
        self.latest = self.latest.max(overlap.silent.or(record.timeline.first_audio));
        self.tally.reply(record, &overlap);
        self.kept_replies.push(record.reply);
        self.keep(reply_row(record, &overlap, self.rate, &self.timing), out);
    }

    fn tool(&mut self, at: Instant, name: &str, state: &ToolState, out: &mut Vec<Entry>) {
        self.latest = Some(at);
        if *state == ToolState::Started {
            return self.tools.push((name.to_owned(), at));
        }
        let began = self.tools.iter().position(|(running, _)| running == name).map(|tool| self.tools.remove(tool).1);
        let row = tool_row(self.latest_turn, name, names::tool_state(state), [began.unwrap_or(at), at], &self.timing);
        self.keep(row, out);
    }

    /// A hole in what was heard is marked.
    fn line_back(&mut self, since: Instant, at: Instant, out: &mut Vec<Entry>) {
        self.latest = Some(at);
        self.keep(away_row(self.latest_turn, since, at, &self.timing), out);
    }

    fn add_unseen(&mut self, record: &CallRecord, out: &mut Vec<Entry>) {
        for turn in &record.caller_turns {
            if self.caller.get(&turn.turn) != Some(&turn.text) {
                self.caller_turn(turn, out);
            }
        }
        for turn in &record.turns {
            if !self.kept_replies.contains(&turn.reply) {
                self.turn_ended(turn, out);
            }
        }
    }

    /// Gives a row its place.
    fn keep(&mut self, row: Utterance, out: &mut Vec<Entry>) {
        let utterance = Utterance { seq: self.next_seq, ..row };
        self.next_seq = self.next_seq.saturating_add(1);
        out.push(Entry::Utterance(Box::new(UtteranceEntry { header: self.header, utterance })));
    }

    fn end(&self, reason: &str) -> CallEnd {
        let duration = self.latest.map(|at| self.timing.since(at)).unwrap_or_default();
        CallEnd {
            header: self.header,
            ended_at: self.header.started_at + duration,
            duration_ms: i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
            reason: reason.into(),
            utterances: self.next_seq,
            ..self.tally.end(self.header)
        }
    }
}
