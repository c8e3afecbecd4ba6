//! What must hold of the machine's outputs, whatever it is told: a second, independent account of every reply.

use std::collections::{BTreeMap, HashMap};
use voice_core::text::ReplyLedger;
use voice_core::turn::{EotSource, Input, Output, ReplyInput, ReplyKind, ReplyOutcome};
use voice_core::units::{ReplyId, SampleRate, TurnId};

/// No input gives more outputs than this.
const MAX_OUTPUTS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Held,
    Playing,
    Paused,
    Cleared,
    /// Ended; its cancel must follow at once.
    ToCancel,
    Ended,
}

struct Account {
    life: Life,
    turn: TurnId,
    speculative: bool,
    answers: bool,
    committed: bool,
    ledger: ReplyLedger,
    text_done: bool,
    speech_over: bool,
    drained_all: bool,
    played: u64,
}

/// The account of a call.
pub struct Rules {
    rate: SampleRate,
    replies: HashMap<ReplyId, Account>,
    live: Option<ReplyId>,
    calls_ended: u32,
    seen: BTreeMap<&'static str, u64>,
}

impl Rules {
    pub fn new(rate: SampleRate) -> Self {
        Self { rate, replies: HashMap::new(), live: None, calls_ended: 0, seen: BTreeMap::new() }
    }

    /// The reply that lives, if one does.
    pub fn live_reply(&self) -> Option<ReplyId> {
        self.live
    }

    /// Notes what the machine is about to be told.
    pub fn input(&mut self, input: &Input) {
        let Input::Reply(id, event) = input else { return };
        let Some(account) = self.replies.get_mut(id).filter(|_| self.live == Some(*id)) else { return };
        let released = account.life != Life::Held;
        match event {
            ReplyInput::Audio { samples } if !account.speech_over => account.ledger.push_audio(*samples),
            ReplyInput::Word { text, start_samples, end_samples } => {
                account.ledger.push_word(text, *start_samples, *end_samples);
            }
            ReplyInput::ClauseEnd { clauses } => account.ledger.end_clause(*clauses),
            ReplyInput::SpeechDone if !account.speech_over => {
                account.speech_over = true;
                account.ledger.end_audio();
            }
            ReplyInput::SpeechFailed => account.speech_over = true,
            ReplyInput::Played { samples } | ReplyInput::Drained { samples } if released => {
                account.played = account.played.max((*samples).min(account.ledger.audio_samples()));
            }
            _ => {}
        }
    }

    /// Holds one input's outputs against the rules.
    pub fn outputs(&mut self, outputs: &[Output]) {
        assert!(outputs.len() <= MAX_OUTPUTS, "{} outputs at once", outputs.len());
        for output in outputs {
            assert_eq!(self.calls_ended, 0, "{output:?} after the call ended");
            self.output(output);
        }
        let life = self.live.and_then(|id| self.replies.get(&id)).map(|account| account.life);
        assert_ne!(life, Some(Life::ToCancel), "a reply ended but was not cancelled: {outputs:?}");
    }

    /// How often each kind of output was given.
    pub fn seen(&self) -> &BTreeMap<&'static str, u64> {
        &self.seen
    }

    fn output(&mut self, output: &Output) {
        *self.seen.entry(kind(output)).or_default() += 1;
        match output {
            Output::Pause(id) => self.turns(*id, Life::Playing, Life::Paused),
            Output::Resume(id) => self.turns(*id, Life::Paused, Life::Playing),
            Output::Clear(id) => {
                let life = self.account(*id).life;
                assert!(matches!(life, Life::Playing | Life::Paused), "{id:?} cleared while {life:?}");
                self.account(*id).life = Life::Cleared;
            }
            Output::BargeIn(signal) => {
                self.turns(signal.reply, Life::Cleared, Life::ToCancel);
                self.tells(signal.reply, &signal.reply_text, signal.heard_bytes, signal.played_samples);
            }
            Output::AgentTurn(turn) => {
                self.tells(turn.reply, &turn.reply_text, turn.heard_bytes, turn.played_samples);
                self.agent_turn_ends(turn.reply, turn.outcome);
            }
            Output::Cancel(id) => {
                self.turns(*id, Life::ToCancel, Life::Ended);
                self.live = None;
            }
            Output::Discard(id) => {
                assert!(self.account(*id).speculative, "{id:?} was no guess");
                self.turns(*id, Life::Held, Life::ToCancel);
            }
            Output::StartReply(start) => {
                self.starts(start.reply, start.turn, true);
                let account = self.account(start.reply);
                account.speculative = start.kind == ReplyKind::Speculative;
                account.committed = start.kind == ReplyKind::Confirmed;
                assert!(!start.caller_text.is_empty(), "{start:?} answers nothing");
            }
            Output::StartSay { reply, turn, .. } => self.starts(*reply, *turn, false),
            Output::Release(id) => {
                let account = self.account(*id);
                assert!(account.committed || !account.answers, "{id:?} released before the end of its turn");
                self.turns(*id, Life::Held, Life::Playing);
            }
            Output::Speak { reply, text } => {
                let account = self.speaks(*reply);
                account.ledger.push_clause(text);
            }
            Output::FinishSpeech(id) => {
                let account = self.speaks(*id);
                account.text_done = true;
            }
            Output::RunTool { reply, .. } => {
                let life = self.account(*reply).life;
                assert!(matches!(life, Life::Playing | Life::Paused), "{reply:?} runs a tool while {life:?}");
            }
            Output::CallerTurn(turn) => {
                assert!(!turn.text.trim().is_empty(), "{turn:?} has no words");
                assert!(turn.onset <= turn.end, "{turn:?} ends before it begins");
                for account in self.replies.values_mut().filter(|account| account.turn == turn.turn) {
                    account.committed = true;
                }
            }
            Output::EndCall(_) => {
                self.calls_ended += 1;
                assert_eq!(self.live, None, "the call ended with a live reply");
            }
            Output::FinalizeStt | Output::SayDropped { .. } | Output::CallerIdle => {}
        }
    }

    fn account(&mut self, id: ReplyId) -> &mut Account {
        self.replies.get_mut(&id).unwrap_or_else(|| panic!("{id:?} was never started"))
    }

    fn turns(&mut self, id: ReplyId, from: Life, to: Life) {
        let account = self.account(id);
        assert_eq!(account.life, from, "{id:?} cannot turn {to:?}");
        account.life = to;
    }

    fn starts(&mut self, id: ReplyId, turn: TurnId, answers: bool) {
        assert_eq!(self.live, None, "{id:?} starts while another lives");
        self.live = Some(id);
        let account = Account {
            life: Life::Held,
            turn,
            speculative: false,
            answers,
            committed: false,
            ledger: ReplyLedger::new(self.rate),
            text_done: false,
            speech_over: false,
            drained_all: false,
            played: 0,
        };
        assert!(self.replies.insert(id, account).is_none(), "{id:?} was used before");
    }

    fn speaks(&mut self, id: ReplyId) -> &mut Account {
        let account = self.account(id);
        assert!(
            matches!(account.life, Life::Held | Life::Playing | Life::Paused),
            "{id:?} speaks while {:?}",
            account.life
        );
        assert!(!account.text_done, "{id:?} speaks after its last clause");
        account
    }

    fn agent_turn_ends(&mut self, id: ReplyId, outcome: ReplyOutcome) {
        let completed = outcome == ReplyOutcome::Completed;
        let account = self.account(id);
        assert!(
            matches!(account.life, Life::Playing | Life::Paused | Life::Cleared),
            "{id:?} ends while {:?}",
            account.life
        );
        assert_ne!(outcome, ReplyOutcome::BargedIn, "a barge-in is told by its signal");
        account.life = if completed { Life::Ended } else { Life::ToCancel };
        if completed {
            self.live = None;
        }
    }

    /// Heard text is what was played and nothing more.
    fn tells(&mut self, id: ReplyId, text: &str, heard_bytes: usize, played: u64) {
        let account = self.account(id);
        assert_eq!(text, account.ledger.text(), "{id:?} tells another text than was spoken");
        assert!(text.is_char_boundary(heard_bytes), "{heard_bytes} is within a character of {text:?}");
        assert_eq!(played, account.played, "{id:?} tells another position than was reported");
        assert_eq!(heard_bytes, account.ledger.heard_bytes(played), "{id:?} tells other words than were played");
        assert!(played > 0 || heard_bytes == 0 || account.speech_over, "{id:?} was heard before it was played");
    }

    /// The call is over: every reply ended, once.
    pub fn call_over(&mut self) {
        assert_eq!(self.calls_ended, 1, "the call ended {} times", self.calls_ended);
        for (id, account) in &self.replies {
            assert_eq!(account.life, Life::Ended, "{id:?} never ended");
        }
    }
}

fn kind(output: &Output) -> &'static str {
    match output {
        Output::Pause(_) => "pause",
        Output::Resume(_) => "resume",
        Output::Clear(_) => "clear",
        Output::BargeIn(signal) if signal.heard_bytes > 0 => "barge-in, heard",
        Output::BargeIn(_) => "barge-in, unheard",
        Output::Cancel(_) => "cancel",
        Output::StartReply(start) if start.kind == ReplyKind::Speculative => "guess",
        Output::StartReply(_) => "answer",
        Output::StartSay { .. } => "say",
        Output::Release(_) => "release",
        Output::Discard(_) => "discard",
        Output::Speak { .. } => "speak",
        Output::FinishSpeech(_) => "finish",
        Output::RunTool { .. } => "tool",
        Output::FinalizeStt => "finalize",
        Output::CallerTurn(turn) => match turn.source {
            EotSource::Silence => "turn by silence",
            EotSource::Model => "turn by model",
            EotSource::Stt => "turn by stt",
            EotSource::Timeout => "turn by timeout",
            EotSource::Dtmf => "turn by keys",
            _ => "turn by hang-up",
        },
        Output::AgentTurn(turn) => match turn.outcome {
            ReplyOutcome::Completed => "completed",
            ReplyOutcome::Failed => "failed",
            ReplyOutcome::Superseded => "superseded",
            _ => "call ended",
        },
        Output::SayDropped { .. } => "dropped",
        Output::CallerIdle => "idle",
        Output::EndCall(_) => "over",
    }
}
