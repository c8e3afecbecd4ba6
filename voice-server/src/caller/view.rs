//! What is shown while the call goes on: lines of a log, and on a terminal a line below them that says how it is now.
//!
//! Invariant: it only shows. Every text that came from the server is made harmless first. A terminal that cannot be
//! written to is no reason to end a call.

use super::harmless::harmless;
use super::party::Sounding;
use std::io::{self, IsTerminal, Write};
use voice_core::transport::native::{BargeInReport, ServerMessage, Speaker, TurnReport};

/// Something to show.
#[derive(Clone, Copy, Debug)]
pub(super) enum Note<'a> {
    /// The call is up.
    Ready { call_id: &'a str },
    /// The caller begins to say a file.
    Says { file: &'a str },
    /// The server said something.
    Message(&'a ServerMessage),
    /// Something went wrong that does not end the call.
    Trouble(&'a str),
    /// The caller hangs up, or the call is over.
    Over { why: &'a str },
}

/// Shows the call.
pub(super) struct View {
    out: Box<dyn Write + Send>,
    style: Style,
    /// The words in flight, shown on the line below.
    caller_words: String,
    agent_words: String,
    status: String,
}

/// How parts of a line are set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// In words only.
    Plain,
    /// With colours, and a line below that is drawn again and again.
    Terminal,
}

impl Style {
    fn mark(self, codes: &'static str) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Terminal => codes,
        }
    }
}

const BOLD: &str = "\x1b[1m";
const DIM_STRUCK: &str = "\x1b[2;9m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";
/// To the line's start, and clear it.
const REDRAW: &str = "\r\x1b[2K";
/// Long lines are cut at the edge instead of wrapped, and wrapped again.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

impl View {
    /// Standard output: live where it is a terminal, else a plain log.
    pub(super) fn stdout() -> Self {
        let style = if io::stdout().is_terminal() { Style::Terminal } else { Style::Plain };
        Self::new(Box::new(io::stdout()), style)
    }

    /// Shows nothing.
    pub(super) fn none() -> Self {
        Self::new(Box::new(io::sink()), Style::Plain)
    }

    fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self { out, style, caller_words: String::new(), agent_words: String::new(), status: String::new() }
    }

    /// Shows something that happened at this time of the caller's clock.
    pub(super) fn note(&mut self, at_ms: f64, note: Note<'_>) {
        self.follow(note);
        let Some(line) = self.line(note) else { return };
        let redraw = self.style.mark(REDRAW);
        // A terminal that went away is no reason to end the call.
        let _ = writeln!(self.out, "{redraw}{:8.3}  {line}", at_ms / 1_000.0);
        let _ = self.out.flush();
    }

    /// Draws the line below, where there is one and it has changed.
    pub(super) fn status(&mut self, at_ms: f64, sounding: Sounding) {
        if self.style == Style::Plain {
            return;
        }
        let voice = |on| if on { "▮" } else { "▯" };
        let (caller, agent) = (voice(sounding.caller), voice(sounding.agent));
        let words = if self.caller_words.is_empty() { &self.agent_words } else { &self.caller_words };
        let status = format!("{:6.1} s  caller {caller}  agent {agent}  {words}", at_ms / 1_000.0);
        if status != self.status {
            let _ = write!(self.out, "{NO_WRAP}{REDRAW}{status}{WRAP}");
            let _ = self.out.flush();
            self.status = status;
        }
    }

    /// Takes the line below away.
    pub(super) fn close(&mut self) {
        let _ = write!(self.out, "{}", self.style.mark(REDRAW));
        let _ = self.out.flush();
    }

    fn follow(&mut self, note: Note<'_>) {
        match note {
            Note::Message(ServerMessage::Transcript { text, r#final, .. }) => {
                self.caller_words = if *r#final { String::new() } else { format!("“{}…”", harmless(text)) };
            }
            Note::Message(ServerMessage::AgentText { text, outcome, .. }) => {
                self.agent_words = if outcome.is_some() { String::new() } else { format!("“{}”", harmless(text)) };
            }
            _ => {}
        }
    }

    fn line(&self, note: Note<'_>) -> Option<String> {
        match note {
            Note::Ready { call_id } => Some(format!("call    {} is up", harmless(call_id))),
            Note::Says { file } => Some(format!("caller  plays {}", harmless(file))),
            Note::Trouble(what) => Some(self.marked(RED, &format!("trouble {}", harmless(what)))),
            Note::Over { why } => Some(format!("call    over: {}", harmless(why))),
            Note::Message(message) => self.message(message),
        }
    }

    fn message(&self, message: &ServerMessage) -> Option<String> {
        match message {
            ServerMessage::Speaking { who, on, .. } => Some(speaking(*who, *on)),
            ServerMessage::Transcript { text, r#final: true, .. } => {
                Some(format!("caller  “{}”", self.marked(BOLD, &harmless(text))))
            }
            ServerMessage::Transcript { text, .. } if self.style == Style::Plain => {
                Some(format!("caller  … {}", harmless(text)))
            }
            ServerMessage::AgentText { text, heard, outcome: Some(outcome), .. } => {
                Some(self.agent_text(text, heard, outcome))
            }
            ServerMessage::Pause { .. } => Some("agent   paused".to_owned()),
            ServerMessage::Resume { .. } => Some(self.marked(GREEN, "agent   resumed where it was paused")),
            ServerMessage::BargeIn(barge_in) => Some(self.barge_in(barge_in)),
            ServerMessage::Turn(turn) => Some(timings(turn)),
            ServerMessage::Tool { name, state } => Some(format!("tool    {} {}", harmless(name), harmless(state))),
            ServerMessage::Error { code, message } => {
                Some(self.marked(RED, &format!("server  {code:?}: {}", harmless(message))))
            }
            _ => None,
        }
    }

    /// The heard part, and the rest told apart from it.
    fn agent_text(&self, text: &str, heard: &str, outcome: &str) -> String {
        let rest = text.strip_prefix(heard).unwrap_or_default();
        let heard = self.marked(BOLD, &harmless(heard));
        let cut = match (rest.trim().is_empty(), self.style) {
            (true, _) => String::new(),
            (false, Style::Plain) => format!(" [not heard: {}]", harmless(rest.trim())),
            (false, Style::Terminal) => self.marked(DIM_STRUCK, &harmless(rest)),
        };
        format!("agent   “{heard}”{cut} ({})", harmless(outcome))
    }

    fn barge_in(&self, barge_in: &BargeInReport) -> String {
        let colour = if barge_in.decision == "resumed" { GREEN } else { RED };
        let paused = barge_in.paused_ms - barge_in.onset_ms;
        let decided = barge_in.decided_ms - barge_in.onset_ms;
        let (decision, cause) = (harmless(&barge_in.decision), harmless(&barge_in.cause));
        let line = format!(
            "barge-in {decision} ({cause}): silent {paused:.0} ms after the caller's first sound, decided after {decided:.0} ms"
        );
        self.marked(colour, &line)
    }

    fn marked(&self, codes: &'static str, text: &str) -> String {
        format!("{}{text}{}", self.style.mark(codes), self.style.mark(RESET))
    }
}

fn speaking(who: Speaker, on: bool) -> String {
    let who = match who {
        Speaker::Caller => "caller",
        Speaker::Agent => "agent ",
    };
    format!("{who}  {}", if on { "begins to speak" } else { "is silent" })
}

/// Where the wait of a turn went, in milliseconds since the caller fell silent.
fn timings(turn: &TurnReport) -> String {
    let since = |at: Option<f64>| at.zip(turn.speech_end_ms).map(|(at, end)| format!("{:.0}", at - end));
    let part = |name: &str, at| since(at).map(|ms| format!("{name} {ms}"));
    let parts: Vec<_> = [
        part("end of turn", turn.eot_ms),
        part("first token", turn.first_token_ms),
        part("first clause", turn.first_clause_ms),
        part("voice", turn.tts_first_audio_ms),
        part("sent", turn.first_audio_ms),
    ]
    .into_iter()
    .flatten()
    .collect();
    match parts.is_empty() {
        true => format!("turn {}  over", turn.turn),
        false => format!("turn {}  ms after the caller's last sound: {}", turn.turn, parts.join(", ")),
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
