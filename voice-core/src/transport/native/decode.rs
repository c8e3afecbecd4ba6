//! JSON text to messages: bounded in size and depth, and an error names the problem.

use super::message::{ClientMessage, ErrorCode, ServerMessage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// The longest text message either side reads, in bytes.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// The longest text of a `say`, in characters.
pub const MAX_SAY_CHARS: usize = 4_000;

/// The longest token of an `auth`, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The deepest nesting of a text message; the protocol's own go to 4.
const MAX_DEPTH: usize = 8;

const CLIENT_TYPES: &[&str] = &["auth", "hello", "played", "say", "interrupt", "mute", "dtmf", "ping", "bye"];
const SERVER_TYPES: &[&str] = &[
    "ready",
    "resumed",
    "pong",
    "speaking",
    "transcript",
    "agent_text",
    "pause",
    "resume",
    "clear",
    "audio_end",
    "barge_in",
    "turn",
    "tool",
    "auth_expiring",
    "auth_renewed",
    "error",
    "cost",
    "bye",
];

/// Why a text message is not one of the protocol's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// It is longer than is read.
    #[error("a text message has at most {MAX_TEXT_BYTES} bytes; this one has {bytes}")]
    TooLong {
        /// Bytes there were.
        bytes: usize,
    },
    /// It is nested deeper than is read.
    #[error("a text message is nested at most {MAX_DEPTH} deep")]
    TooDeep,
    /// It is not JSON, or not an object of the type's form.
    #[error("the message cannot be read: {0}")]
    Malformed(String),
    /// Its type is not in the protocol. A newer peer may know it: ignore it or answer with an error.
    #[error("the message type {0:?} is unknown")]
    UnknownType(String),
    /// A field is out of its range.
    #[error("{field} {problem}")]
    InvalidValue {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl MessageError {
    /// The code the other side is told.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong { .. } | Self::TooDeep | Self::Malformed(_) => ErrorCode::MalformedMessage,
            Self::UnknownType(_) => ErrorCode::UnknownType,
            Self::InvalidValue { .. } => ErrorCode::InvalidValue,
        }
    }
}

/// Reads what a client sent.
///
/// # Errors
/// [`MessageError`], also for values out of range.
pub fn decode_client(text: &str) -> Result<ClientMessage, MessageError> {
    let message = decode(text, CLIENT_TYPES)?;
    check(&message)?;
    Ok(message)
}

/// Reads what a server sent.
///
/// # Errors
/// [`MessageError`].
pub fn decode_server(text: &str) -> Result<ServerMessage, MessageError> {
    decode(text, SERVER_TYPES)
}

#[derive(Deserialize)]
struct Tagged<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

fn decode<M: DeserializeOwned>(text: &str, types: &[&str]) -> Result<M, MessageError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(MessageError::TooLong { bytes: text.len() });
    }
    if is_too_deep(text) {
        return Err(MessageError::TooDeep);
    }
    let tagged: Tagged<'_> = serde_json::from_str(text).map_err(malformed)?;
    if !types.contains(&tagged.r#type.as_ref()) {
        return Err(MessageError::UnknownType(tagged.r#type.chars().take(64).collect()));
    }
    serde_json::from_str(text).map_err(malformed)
}

fn malformed(error: serde_json::Error) -> MessageError {
    // The parser quotes what it read, however long that is.
    MessageError::Malformed(error.to_string().chars().take(200).collect())
}

/// Counts brackets outside strings; what is not JSON at all is left to the parser.
fn is_too_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn check(message: &ClientMessage) -> Result<(), MessageError> {
    let invalid = |field, problem| Err(MessageError::InvalidValue { field, problem });
    match message {
        ClientMessage::Auth { token } if token.expose().is_empty() => invalid("token", "of auth is empty"),
        ClientMessage::Auth { token } if token.expose().len() > MAX_TOKEN_BYTES => {
            invalid("token", "of auth has more than 8192 bytes")
        }
        ClientMessage::Say { text } if text.trim().is_empty() => invalid("text", "of say is empty"),
        ClientMessage::Say { text } if text.chars().nth(MAX_SAY_CHARS).is_some() => {
            invalid("text", "of say has more than 4000 characters")
        }
        ClientMessage::Dtmf { digit } if !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D') => {
            invalid("digit", "of dtmf is none of 0-9, *, #, A-D")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{self, AudioFormat, Speaker};
    use super::super::report::{BargeInReport, CostReport, EngineCost, TurnReport};
    use super::super::resume::{ResumeOffer, ResumeRequest};
    use super::*;
    use proptest::prelude::*;

    fn type_of(json: &str) -> String {
        serde_json::from_str::<Tagged<'_>>(json).unwrap().r#type.into_owned()
    }

    /// Every client message; the match fails to compile when one is added and not listed here.
    fn client_messages() -> Vec<ClientMessage> {
        use ClientMessage::*;
        let all = vec![
            Auth { token: "a.b.c".into() },
            Hello(message::Hello {
                played_reports: true,
                resumable: true,
                resume: Some(ResumeRequest { received: 7 }),
                ..message::Hello::default()
            }),
            Played { reply: 1, samples: 2 },
            Say { text: "hi \u{1f600} \"x\"".into() },
            Interrupt,
            Mute { on: true },
            Dtmf { digit: '#' },
            Ping { n: 3 },
            Bye,
        ];
        for message in &all {
            match message {
                Auth { .. } | Hello(_) | Played { .. } | Say { .. } | Interrupt => {}
                Mute { .. } | Dtmf { .. } | Ping { .. } | Bye => {}
            }
        }
        all
    }

    fn barge_in() -> BargeInReport {
        BargeInReport {
            turn: 1,
            reply: 2,
            onset_position: 3,
            onset_ms: 4.0,
            noticed_ms: 5.0,
            paused_ms: 6.0,
            decided_ms: 7.0,
            decision: "committed".into(),
            cause: "words".into(),
            sent_samples: 8,
            heard_text: "he".into(),
        }
    }

    fn server_messages() -> Vec<ServerMessage> {
        use ServerMessage::*;
        let all = vec![
            Ready {
                protocol: 1,
                call_id: "c".into(),
                audio: AudioFormat::default(),
                resume: Some(ResumeOffer { token: "t".into(), within_ms: 30_000 }),
            },
            Resumed { received: 4, away_ms: 1.5 },
            Pong { n: 3 },
            Speaking { who: Speaker::Caller, on: true, at_ms: 1.0, position: Some(2) },
            Transcript { turn: 1, text: "t".into(), r#final: false },
            AgentText { turn: 1, reply: 2, text: "hello".into(), heard: "he".into(), outcome: None },
            Pause { reply: 1, sent_samples: 2 },
            Resume { reply: 1 },
            Clear { reply: 1 },
            AudioEnd { reply: 1, total_samples: 2 },
            BargeIn(barge_in()),
            Turn(Box::new(TurnReport { eot_ms: Some(1.5), ..TurnReport::default() })),
            Tool { name: "t".into(), state: "done".into() },
            AuthExpiring { in_ms: 60_000 },
            AuthRenewed { in_ms: 3_600_000 },
            Error { code: ErrorCode::TooFast, message: "m".into() },
            Cost(Box::new(CostReport { engines: vec![EngineCost::default()], ..CostReport::default() })),
            Bye { reason: "shutdown".into() },
        ];
        for message in &all {
            match message {
                Ready { .. } | Resumed { .. } | Pong { .. } | Speaking { .. } | Transcript { .. } => {}
                AgentText { .. } | Pause { .. } => {}
                Resume { .. } | Clear { .. } | AudioEnd { .. } | BargeIn(_) | Turn(_) | Tool { .. } => {}
                AuthExpiring { .. } | AuthRenewed { .. } | Error { .. } | Cost(_) | Bye { .. } => {}
            }
        }
        all
    }

    #[test]
    fn every_message_is_read_back_and_its_type_is_listed() {
        for (message, name) in client_messages().into_iter().zip(CLIENT_TYPES) {
            let json = serde_json::to_string(&message).unwrap();
            assert_eq!((type_of(&json).as_str(), decode_client(&json)), (*name, Ok(message)));
        }
        for (message, name) in server_messages().into_iter().zip(SERVER_TYPES) {
            let json = serde_json::to_string(&message).unwrap();
            assert_eq!((type_of(&json).as_str(), decode_server(&json)), (*name, Ok(message)));
        }
        assert_eq!((client_messages().len(), server_messages().len()), (CLIENT_TYPES.len(), SERVER_TYPES.len()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let code = |text: &str| decode_client(text).unwrap_err().code();
        assert_eq!(decode_client(r#"{"type":"dance"}"#), Err(MessageError::UnknownType("dance".into())));
        assert_eq!(code("{"), ErrorCode::MalformedMessage);
        assert_eq!(code(r#"{"kind":"bye"}"#), ErrorCode::MalformedMessage);
        assert_eq!(code(r#"{"type":"played","reply":-1,"samples":0}"#), ErrorCode::MalformedMessage);
        assert_eq!(code(r#"{"type":"say","text":"  "}"#), ErrorCode::InvalidValue);
        assert_eq!(code(r#"{"type":"dtmf","digit":"E"}"#), ErrorCode::InvalidValue);
        let long = format!(r#"{{"type":"say","text":"{}"}}"#, "x".repeat(MAX_SAY_CHARS + 1));
        assert_eq!(code(&long), ErrorCode::InvalidValue);
        assert_eq!(code(r#"{"type":"auth","token":""}"#), ErrorCode::InvalidValue);
        let long = format!(r#"{{"type":"auth","token":"{}"}}"#, "x".repeat(MAX_TOKEN_BYTES + 1));
        assert_eq!(code(&long), ErrorCode::InvalidValue);
        assert_eq!(code(&"x".repeat(MAX_TEXT_BYTES + 1)), ErrorCode::MalformedMessage);
        assert_eq!(decode_client(&"[".repeat(9)), Err(MessageError::TooDeep));
        assert!(decode_client(r#"{"type":"say","text":"[[[[[[[[[[\"[["}"#).is_ok(), "brackets in a string are text");
        assert!(decode_client(r#"{"type":"bye","reason":"newer"}"#).is_ok(), "unknown fields are ignored");
    }

    proptest! {
        #[test]
        fn any_text_gives_a_message_or_an_error(text: String) {
            let _ = decode_client(&text);
            let _ = decode_server(&text);
        }

        #[test]
        fn any_value_under_a_known_type_gives_a_message_or_an_error(
            name in proptest::sample::select(CLIENT_TYPES),
            field in "reply|samples|text|on|digit|audio|protocol|token",
            value in "-?[0-9]{1,25}|\"[^\"\\\\]{0,5}\"|null|\\[\\]|\\{\\}|true",
        ) {
            let json = format!(r#"{{"type":"{name}","{field}":{value}}}"#);
            let _ = decode_client(&json);
        }
    }
}
