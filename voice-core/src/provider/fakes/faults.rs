//! What goes wrong, where and when: a list of rules, and the state that says what is due next.
//!
//! Invariant: no socket and no clock. The same script and the same visits give the same faults.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The services of the fakes, each counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Service {
    /// `/v2/listen`.
    Flux,
    /// `/v1/listen`.
    Nova,
    /// `POST …/chat/completions`.
    Chat,
    /// `GET …/models`.
    Models,
    /// `POST …/audio/speech`.
    Speech,
    /// `/tts/websocket`.
    Cartesia,
    /// `/v1/text-to-speech/{voice}/multi-stream-input`.
    Elevenlabs,
}

/// How many services there are.
pub(super) const SERVICES: usize = 7;

/// What goes wrong. Faults that a service cannot have are not there for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// The opening or request is refused.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// When to come again: `retry-after-ms`, and `retry-after` in seconds.
        #[serde(default)]
        retry_after_ms: Option<u64>,
        /// The body; the vendor's own shape if there is none here.
        #[serde(default)]
        body: Option<String>,
    },
    /// The opening or request is answered later.
    DelayOpen {
        /// How much.
        ms: u64,
    },
    /// What should come first never does: no greeting, no answer. Input is read all the same.
    NeverGreet,
    /// A message is held back, and with it all that follow. Strikes each message while its rule lasts.
    Delay {
        /// How long.
        ms: u64,
    },
    /// From here on everything is written in pieces, each flushed by itself.
    SplitWrites {
        /// The size of a piece, at least 1.
        #[serde(deserialize_with = "a_piece")]
        bytes: usize,
    },
    /// The next message comes in several WebSocket frames. For HTTP the same as writes of 7 bytes.
    Fragment,
    /// The next character of several bytes is cut in two by a flush (HTTP) or by frames (WebSocket).
    CutUtf8,
    /// The connection is closed in due form; an HTTP body just ends.
    Close {
        /// The WebSocket close code; none for a close frame without a body.
        #[serde(default)]
        code: Option<u16>,
        /// The reason told.
        #[serde(default)]
        reason: String,
    },
    /// The connection is reset.
    Reset,
    /// From here on nothing is sent and nothing is read.
    Stall,
    /// The vendor's own error in mid-stream, with what the vendor does after it.
    ErrorMessage,
    /// Output goes on for so long after the client cancelled it.
    LateAfterCancel {
        /// How long.
        ms: u64,
    },
    /// The next message comes after the one that follows it.
    OutOfOrder,
    /// Output comes at this share of its usual pace.
    Pace {
        /// 50 is half as fast.
        percent: u32,
    },
    /// A message that is not the protocol comes in between.
    Malformed,
    /// A message of a type nobody knows comes in between.
    UnknownType,
}

/// When a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the opening or request is answered.
    Opening,
    /// Just after the opening, and just after each message: things that happen between messages.
    Between,
    /// A message is about to be sent: things that happen to it.
    Message,
    /// The service asks how to behave from here on.
    Manner,
}

impl Fault {
    pub(super) fn moment(&self) -> Moment {
        match self {
            Self::Refuse { .. } | Self::DelayOpen { .. } | Self::NeverGreet => Moment::Opening,
            Self::Delay { .. } | Self::Fragment | Self::CutUtf8 | Self::OutOfOrder => Moment::Message,
            Self::LateAfterCancel { .. } | Self::Pace { .. } => Moment::Manner,
            Self::SplitWrites { .. }
            | Self::Close { .. }
            | Self::Reset
            | Self::Stall
            | Self::ErrorMessage
            | Self::Malformed
            | Self::UnknownType => Moment::Between,
        }
    }
}

/// A fault with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Where.
    pub service: Service,
    /// On which connection or request of the service, counted from 1; on each if not set.
    #[serde(default, deserialize_with = "a_number")]
    pub on: Option<u64>,
    /// Not before the service has sent so many messages (HTTP: events or chunks) there.
    #[serde(default)]
    pub after_messages: u64,
    /// How often in all; if not set, once on each connection or request it is for.
    #[serde(default)]
    pub times: Option<u64>,
    /// What.
    pub fault: Fault,
}

fn a_number<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    let number = Option::deserialize(value)?;
    let is_none_there = number == Some(0);
    if is_none_there { Err(D::Error::custom("`on` counts from 1: 0 is no connection or request")) } else { Ok(number) }
}

fn a_piece<'de, D: Deserializer<'de>>(value: D) -> Result<usize, D::Error> {
    let bytes = usize::deserialize(value)?;
    if bytes == 0 { Err(D::Error::custom("`bytes` is the size of a piece: it must be at least 1")) } else { Ok(bytes) }
}

impl FaultRule {
    /// `fault` once on every connection or request of `service`, as soon as it can strike.
    pub fn new(service: Service, fault: Fault) -> Self {
        Self { service, on: None, after_messages: 0, times: None, fault }
    }

    /// Only on the connection or request of that number, counted from 1.
    #[must_use]
    pub fn on(self, number: u64) -> Self {
        Self { on: Some(number), ..self }
    }

    /// Not before so many messages.
    #[must_use]
    pub fn after_messages(self, after_messages: u64) -> Self {
        Self { after_messages, ..self }
    }

    /// So often in all.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }
}

/// All that goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultScript {
    /// The rules; several may strike at one moment, in this order.
    pub rules: Vec<FaultRule>,
}

impl FaultScript {
    /// These rules.
    pub fn new(rules: impl IntoIterator<Item = FaultRule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }
}

impl From<FaultRule> for FaultScript {
    fn from(rule: FaultRule) -> Self {
        Self { rules: vec![rule] }
    }
}

/// A script and how far it has been played.
#[derive(Debug)]
pub(super) struct FaultPlan {
    script: FaultScript,
    struck: Mutex<Vec<u64>>,
    visits: Mutex<[u64; SERVICES]>,
    is_lifted: AtomicBool,
}

impl FaultPlan {
    pub(super) fn new(script: FaultScript) -> Arc<Self> {
        let struck = Mutex::new(vec![0; script.rules.len()]);
        Arc::new(Self { script, struck, visits: Mutex::default(), is_lifted: AtomicBool::new(false) })
    }

    /// No rule strikes any more.
    pub(super) fn lift(&self) {
        self.is_lifted.store(true, Ordering::Relaxed);
    }

    /// The next connection or request of `service`.
    pub(super) fn visit(self: &Arc<Self>, service: Service) -> Strikes {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let number = visits.get_mut(service as usize).map_or(1, |count| {
            *count += 1;
            *count
        });
        let struck_here = vec![false; self.script.rules.len()];
        Strikes { plan: Arc::clone(self), service, number, sent: 0, struck_here }
    }
}

/// What strikes one connection or request.
#[derive(Debug)]
pub(super) struct Strikes {
    plan: Arc<FaultPlan>,
    service: Service,
    number: u64,
    sent: u64,
    struck_here: Vec<bool>,
}

impl Strikes {
    /// Which connection or request of its service this is, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// A message was sent.
    pub(super) fn note_sent(&mut self) {
        self.sent += 1;
    }

    /// The faults that strike at this moment, in the order of the script. Asking is striking.
    pub(super) fn due(&mut self, moment: Moment) -> Vec<Fault> {
        if self.plan.is_lifted.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut struck = self.plan.struck.lock().unwrap_or_else(PoisonError::into_inner);
        let states = struck.iter_mut().zip(&mut self.struck_here);
        let mut due = Vec::new();
        for (rule, (struck, struck_here)) in self.plan.script.rules.iter().zip(states) {
            let is_here = rule.service == self.service && rule.on.is_none_or(|number| number == self.number);
            let is_left = rule.times.map_or(!*struck_here, |times| *struck < times);
            if is_here && is_left && rule.fault.moment() == moment && self.sent >= rule.after_messages {
                *struck += 1;
                *struck_here = true;
                due.push(rule.fault.clone());
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rules: impl IntoIterator<Item = FaultRule>) -> Arc<FaultPlan> {
        FaultPlan::new(FaultScript::new(rules))
    }

    /// Before which messages, counted from 0, the faults of `moment` strike in a visit of eight.
    fn struck_at(strikes: &mut Strikes, moment: Moment) -> Vec<u64> {
        let mut at = Vec::new();
        for message in 0..8 {
            at.extend(strikes.due(moment).iter().map(|_| message));
            strikes.note_sent();
        }
        at
    }

    #[test]
    fn a_rule_strikes_its_visit_once_after_its_messages() {
        let plan = plan([FaultRule::new(Service::Flux, Fault::Reset).on(2).after_messages(3)]);
        let mut visits =
            [Service::Flux, Service::Nova, Service::Flux, Service::Flux].map(|service| plan.visit(service));
        assert_eq!(visits.each_ref().map(Strikes::number), [1, 1, 2, 3]);
        let struck = visits.each_mut().map(|strikes| struck_at(strikes, Moment::Between));
        assert_eq!(struck, [vec![], vec![], vec![3], vec![]]);
    }

    #[test]
    fn without_a_number_each_visit_is_struck_once() {
        let plan = plan([FaultRule::new(Service::Chat, Fault::Stall).after_messages(1)]);
        for _ in 0..3 {
            assert_eq!(struck_at(&mut plan.visit(Service::Chat), Moment::Between), [1]);
        }
    }

    #[test]
    fn a_file_that_asks_for_nothing_is_refused() {
        let read = |text: &str| serde_json::from_str::<FaultRule>(text).map_err(|error| error.to_string());
        for (text, said) in [
            (r#"{"service":"chat","on":0,"fault":"reset"}"#, "counts from 1"),
            (r#"{"service":"chat","fault":{"split_writes":{"bytes":0}}}"#, "at least 1"),
        ] {
            assert!(read(text).unwrap_err().contains(said), "{text}");
        }
        let split = FaultRule::new(Service::Chat, Fault::SplitWrites { bytes: 1 }).on(1);
        assert_eq!(read(r#"{"service":"chat","on":1,"fault":{"split_writes":{"bytes":1}}}"#), Ok(split));
    }

    #[test]
    fn a_script_that_was_lifted_strikes_nobody() {
        let plan = plan([FaultRule::new(Service::Chat, Fault::Stall).times(u64::MAX)]);
        let mut under_way = plan.visit(Service::Chat);
        assert_eq!(under_way.due(Moment::Between).len(), 1);
        plan.lift();
        assert!(under_way.due(Moment::Between).is_empty());
        assert!(plan.visit(Service::Chat).due(Moment::Between).is_empty());
    }

    #[test]
    fn times_counts_over_all_visits() {
        let plan = plan([FaultRule::new(Service::Nova, Fault::Delay { ms: 5 }).after_messages(5).times(4)]);
        assert_eq!(struck_at(&mut plan.visit(Service::Nova), Moment::Message), [5, 6, 7]);
        assert_eq!(struck_at(&mut plan.visit(Service::Nova), Moment::Message), [5]);
        assert!(struck_at(&mut plan.visit(Service::Nova), Moment::Message).is_empty());
    }

    #[test]
    fn a_fault_waits_for_its_moment_and_several_keep_their_order() {
        let refuse = Fault::Refuse { status: 429, retry_after_ms: Some(10), body: None };
        let rules = [Fault::DelayOpen { ms: 1 }, Fault::Pace { percent: 50 }, refuse.clone()];
        let mut strikes = plan(rules.map(|fault| FaultRule::new(Service::Speech, fault))).visit(Service::Speech);
        assert_eq!(strikes.due(Moment::Message), []);
        assert_eq!(strikes.due(Moment::Opening), [Fault::DelayOpen { ms: 1 }, refuse]);
        assert_eq!(strikes.due(Moment::Opening), []);
        assert_eq!(strikes.due(Moment::Manner), [Fault::Pace { percent: 50 }]);
    }

    #[test]
    fn a_script_reads_as_toml_and_says_what_it_does_not_know() {
        let text = r#"
            [[rules]]
            service = "flux"
            on = 2
            after_messages = 3
            fault = { close = { code = 1011, reason = "NET-0000" } }

            [[rules]]
            service = "elevenlabs"
            times = 5
            fault = "reset"
        "#;
        let script: FaultScript = toml::from_str(text).expect("a script");
        let close = Fault::Close { code: Some(1011), reason: "NET-0000".into() };
        let rules = [
            FaultRule::new(Service::Flux, close).on(2).after_messages(3),
            FaultRule::new(Service::Elevenlabs, Fault::Reset).times(5),
        ];
        assert_eq!(script, FaultScript::new(rules));
        let wrong = text.replace("times", "tmies");
        assert!(toml::from_str::<FaultScript>(&wrong).unwrap_err().to_string().contains("tmies"));
    }
}
