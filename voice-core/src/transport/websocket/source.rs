//! The caller's half: messages of the socket to inputs of the line.

use super::codec::Decoder;
use super::texts::Texts;
use super::wire::{Answers, WebSocketLimits, WireMessage};
use crate::audio::{FRAME_MS, Frame};
use crate::transport::line::{LineCommand, LineError, LineInfo, LineInput, PlayedReports};
use crate::transport::native::{
    AudioError, AudioHeader, AuthToken, ClientMessage, ErrorCode, ServerMessage, decode_client,
};
use crate::units::{Position, ReplyId};
use futures::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Messages that mean nothing to the session (pings, wrong ones, empty audio) taken before the others get a turn.
const MESSAGES_IN_A_ROW: u32 = 32;

pub(super) struct WebSocketSource<R> {
    socket: R,
    audio: AudioInput,
    played: PlayedReports,
    texts: Texts,
    answers: Answers,
    tokens: Option<mpsc::Sender<AuthToken>>,
    errors_left: u32,
    max_errors: u32,
    ended: bool,
}

impl<R> WebSocketSource<R> {
    pub(super) fn new(
        socket: R,
        decoder: Decoder,
        info: LineInfo,
        (answers, tokens): (Answers, Option<mpsc::Sender<AuthToken>>),
        limits: WebSocketLimits,
    ) -> Self {
        let audio = AudioInput::new(decoder, info, limits);
        let max_errors = limits.max_errors;
        let (played, texts) = (info.played, Texts::new());
        Self { socket, audio, played, texts, answers, tokens, errors_left: max_errors, max_errors, ended: false }
    }

    /// What one message means; `None` if it is audio, which [`AudioInput`] gives out frame by frame, or was wrong.
    fn take(&mut self, message: WireMessage) -> Result<Option<LineInput>, LineError> {
        match message {
            WireMessage::Binary(bytes) => match self.audio.take(&bytes) {
                Ok(()) => Ok(None),
                Err(error) => self.wrong(error.code(), &error),
            },
            WireMessage::Text(text) => {
                self.texts.count();
                match decode_client(&text) {
                    Ok(message) => self.take_control(message),
                    Err(error) => self.wrong(error.code(), &error),
                }
            }
            WireMessage::Close => Err(LineError::Closed),
        }
    }

    fn take_control(&mut self, message: ClientMessage) -> Result<Option<LineInput>, LineError> {
        let command = match message {
            ClientMessage::Auth { token } => return self.take_token(token),
            ClientMessage::Hello(_) => {
                return self.wrong(ErrorCode::InvalidValue, &"the call is open; hello is sent once, at its start");
            }
            ClientMessage::Played { reply, samples } => return self.take_played(ReplyId(reply), samples),
            ClientMessage::Ping { n } => {
                self.answers.send(ServerMessage::Pong { n });
                return Ok(None);
            }
            ClientMessage::Say { text } => LineCommand::Say(text),
            ClientMessage::Interrupt => LineCommand::Interrupt,
            ClientMessage::Mute { on: true } => LineCommand::Mute,
            ClientMessage::Mute { on: false } => LineCommand::Unmute,
            ClientMessage::Dtmf { digit } => LineCommand::Dtmf(digit),
            ClientMessage::Bye => LineCommand::HangUp,
        };
        Ok(Some(LineInput::Command(command)))
    }

    fn take_played(&mut self, reply: ReplyId, samples: u64) -> Result<Option<LineInput>, LineError> {
        match self.played {
            PlayedReports::Reported => Ok(Some(LineInput::Played { reply, samples })),
            PlayedReports::PacingClock => {
                self.wrong(ErrorCode::InvalidValue, &"played needs \"played_reports\": true in hello")
            }
        }
    }

    fn take_token(&mut self, token: AuthToken) -> Result<Option<LineInput>, LineError> {
        match &self.tokens {
            None => self.wrong(ErrorCode::InvalidValue, &"nobody here asks who you are; auth is not needed"),
            Some(tokens) => match tokens.try_send(token) {
                Ok(()) => Ok(None),
                Err(_) => self.wrong(ErrorCode::TooFast, &"the token before this one is still being judged"),
            },
        }
    }

    /// Some broken connections can still be written to; whoever is there learns why it ends.
    fn lost(&mut self, error: &dyn fmt::Display) -> Result<Option<LineInput>, LineError> {
        let why = error.to_string();
        self.answers.send(ServerMessage::Error { code: ErrorCode::Connection, message: why.clone() });
        Err(LineError::Lost(why))
    }

    /// Answers a wrong message; too many of them end the line.
    fn wrong(&mut self, code: ErrorCode, problem: &dyn fmt::Display) -> Result<Option<LineInput>, LineError> {
        self.answers.send(ServerMessage::Error { code, message: problem.to_string() });
        let Some(left) = self.errors_left.checked_sub(1) else {
            let why = format!("more than {} wrong messages, the last: {problem}", self.max_errors);
            self.answers.send(ServerMessage::Error { code: ErrorCode::Connection, message: why.clone() });
            return Err(LineError::Protocol(why));
        };
        self.errors_left = left;
        Ok(None)
    }
}

impl<R, E> Stream for WebSocketSource<R>
where
    R: Stream<Item = Result<WireMessage, E>> + Unpin,
    E: fmt::Display,
{
    type Item = Result<LineInput, LineError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut taken_in_a_row = 0;
        loop {
            if let Some(frame) = this.audio.next_frame() {
                return Poll::Ready(Some(Ok(LineInput::Audio(frame))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            ready!(this.texts.poll_ready(cx));
            if taken_in_a_row == MESSAGES_IN_A_ROW {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            taken_in_a_row += 1;
            let taken = match ready!(Pin::new(&mut this.socket).poll_next(cx)) {
                Some(Ok(message)) => this.take(message),
                Some(Err(error)) => this.lost(&error),
                None => Err(LineError::Lost("the connection ended without a close".into())),
            };
            match taken {
                Ok(None) => {}
                Ok(Some(input)) => return Poll::Ready(Some(Ok(input))),
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

/// The audio of one message, given out in frames.
struct AudioInput {
    decoder: Decoder,
    samples: Vec<i16>,
    given: usize,
    next: Position,
    frame_samples: usize,
    limits: WebSocketLimits,
    max_samples: u64,
    max_gap: u64,
    /// Samples that may be missing yet.
    gaps_left: u64,
}

impl AudioInput {
    fn new(decoder: Decoder, info: LineInfo, limits: WebSocketLimits) -> Self {
        Self {
            decoder,
            samples: Vec::new(),
            given: 0,
            next: Position::ZERO,
            frame_samples: info.rate.samples_in_ms(FRAME_MS) as usize,
            limits,
            max_samples: info.rate.samples_in_ms(limits.max_message_ms),
            max_gap: u64::from(info.rate.hz()).saturating_mul(limits.max_gap_s),
            gaps_left: u64::from(info.rate.hz()).saturating_mul(limits.max_gaps_s),
        }
    }

    /// Takes a message; the previous one has been given out. A message that is wrong changes nothing.
    fn take(&mut self, message: &[u8]) -> Result<(), AudioError> {
        let (header, payload) = AudioHeader::read(message)?;
        let AudioHeader::Caller { position } = header else {
            return Err(AudioError::Kind { kind: 2 });
        };
        self.check(position, payload.len())?;
        let lost = position.since(self.next);
        self.given = 0;
        let made_up = self.decoder.decode(lost, payload, &mut self.samples)?;
        self.gaps_left = self.gaps_left.saturating_sub(lost);
        self.next = position.minus(made_up);
        Ok(())
    }

    fn check(&self, position: Position, payload_bytes: usize) -> Result<(), AudioError> {
        if self.decoder.max_samples(payload_bytes) as u64 > self.max_samples {
            return Err(AudioError::TooLong { limit_ms: self.limits.max_message_ms });
        }
        if position < self.next {
            return Err(AudioError::Overlap { position: position.0, next: self.next.0 });
        }
        if position.since(self.next) > self.max_gap {
            return Err(AudioError::Gap { position: position.0, limit_s: self.limits.max_gap_s });
        }
        if position.since(self.next) > self.gaps_left {
            return Err(AudioError::Gaps { position: position.0, limit_s: self.limits.max_gaps_s });
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Frame> {
        let rest = self.samples.get(self.given..).filter(|rest| !rest.is_empty())?;
        let samples = rest.get(..self.frame_samples).unwrap_or(rest);
        let frame = Frame::new(self.next, samples);
        self.given += samples.len();
        self.next = frame.end();
        Some(frame)
    }
}
