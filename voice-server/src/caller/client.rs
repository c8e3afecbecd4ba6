//! The socket around the caller: moves its frames and messages in real time, with a deadline on everything.
//!
//! Invariant: decides nothing about the conversation. A frame goes out on an absolute schedule; a late one delays no
//! later one. Whatever happens, what was observed becomes a report.

use super::clock::Clock;
use super::error::CallError;
use super::harmless::harmless;
use super::party::Party;
use super::plan::CallPlan;
use super::report::CallReport;
use super::script::Progress;
use super::view::{Note, View};
use super::wire::WireCodec;
use futures::{SinkExt, StreamExt};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use voice_core::transport::native::{
    AudioFormat, ClientMessage, Hello, PROTOCOL_VERSION, ServerMessage, decode_server,
};

/// For the answer to `hello`.
const READY_MS: u64 = 10_000;
/// For one message to be taken by the socket.
const SEND_MS: u64 = 5_000;
/// For the server's goodbye after the caller's.
const BYE_MS: u64 = 3_000;

/// What became of a call.
pub(super) struct Held {
    /// What was observed; absent if the call never began.
    pub(super) report: Option<CallReport>,
    /// Whether it ended in order.
    pub(super) end: Result<(), CallError>,
}

impl Held {
    fn never(error: CallError) -> Self {
        Self { report: None, end: Err(error) }
    }
}

/// Holds a call over a socket that has just been opened, until it is over or `hang_up` is ready.
pub(super) async fn hold<S>(
    mut socket: WebSocketStream<S>,
    plan: CallPlan,
    view: &mut View,
    hang_up: impl Future<Output = ()>,
) -> Held
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let max = plan.rate.samples_in(plan.max);
    let codec = match WireCodec::new(plan.format) {
        Ok(codec) => codec,
        Err(error) => return Held::never(error.into()),
    };
    let ready = timeout(Duration::from_millis(READY_MS), shake_hands(&mut socket, plan.format)).await;
    let call_id = match ready.unwrap_or(Err(CallError::NotReady { waited_ms: READY_MS })) {
        Ok(call_id) => call_id,
        Err(error) => return Held::never(error),
    };
    let clock = Clock::start(plan.rate);
    view.note(0.0, Note::Ready { call_id: &call_id });
    let party = Party::new(call_id, (plan.format, plan.rate), (plan.utterances, plan.patience), plan.recorder);
    let mut client = Client { socket, codec, party, clock, view, max, answer_ms: plan.patience.answer_ms };
    let end = client.converse(hang_up).await;
    client.finish(end)
}

/// Says hello and waits for `ready`; the call's id.
async fn shake_hands<S>(socket: &mut WebSocketStream<S>, format: AudioFormat) -> Result<String, CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello = ClientMessage::Hello(Hello { audio: format, played_reports: true, ..Hello::default() });
    send(socket, text(&hello)).await?;
    let mut trouble = None;
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_))) | None => return Err(refused(trouble, "it closed the connection")),
            Some(Ok(_)) => continue,
            Some(Err(error)) => return Err(refused(trouble, &error.to_string())),
        };
        match decode_server(&text) {
            Ok(ServerMessage::Ready { call_id, audio, protocol, .. })
                if audio == format && protocol == PROTOCOL_VERSION =>
            {
                return Ok(call_id);
            }
            Ok(ServerMessage::Ready { .. }) => return Err(refused(None, "it answered with another format")),
            Ok(ServerMessage::Error { message, .. }) => trouble = Some(message),
            Ok(ServerMessage::Bye { reason }) => return Err(refused(trouble, &reason)),
            _ => {}
        }
    }
}

/// The server's own words where it had some, and what happened then.
fn refused(words: Option<String>, what: &str) -> CallError {
    let said = words.map_or_else(|| what.to_owned(), |words| format!("{words} ({what})"));
    CallError::Refused(harmless(&said))
}

struct Client<'v, S> {
    socket: WebSocketStream<S>,
    codec: WireCodec,
    party: Party,
    clock: Clock,
    view: &'v mut View,
    max: u64,
    answer_ms: u64,
}

/// Who ended the call.
enum Ending {
    /// The caller, for a reason that is an error or not.
    Caller(Result<(), CallError>),
    /// The server.
    Server(Result<(), CallError>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<'_, S> {
    async fn converse(&mut self, hang_up: impl Future<Output = ()>) -> Result<(), CallError> {
        match self.talk(hang_up).await {
            Ending::Server(end) => end,
            Ending::Caller(end) => {
                // A goodbye that is not taken or not answered does not change how the call went.
                let _ = timeout(Duration::from_millis(BYE_MS), self.say_goodbye()).await;
                end
            }
        }
    }

    async fn talk(&mut self, hang_up: impl Future<Output = ()>) -> Ending {
        let mut hang_up = pin!(hang_up);
        loop {
            let due = self.clock.instant_of(self.party.next_due());
            let step = tokio::select! {
                biased;
                () = sleep_until(due) => self.tick().await,
                () = &mut hang_up => {
                    self.view.note(self.party.now_ms(), Note::Over { why: "the caller hangs up" });
                    return Ending::Caller(Ok(()));
                }
                message = self.socket.next() => self.receive(message).await,
            };
            if let Some(ending) = step {
                return ending;
            }
        }
    }

    /// Sends the frame that is due, says what was played, and looks whether the call is over.
    async fn tick(&mut self) -> Option<Ending> {
        let (tick, recorded) = self.party.tick();
        let now_ms = self.party.now_ms();
        if let Some(index) = tick.began {
            self.view.note(now_ms, Note::Says { file: self.party.name_of(index) });
        }
        if let Err(error) = recorded {
            self.view.note(now_ms, Note::Trouble(&format!("the recording stops here: {error}")));
        }
        self.view.status(now_ms, self.party.sounding());
        if let Err(error) = self.send_frame(tick.position, &tick.frame).await {
            return Some(Ending::Server(Err(error)));
        }
        self.progress()
    }

    async fn send_frame(&mut self, position: u64, frame: &[i16]) -> Result<(), CallError> {
        let message = self.codec.encode(position, frame).map_err(|error| CallError::Lost(error.to_string()))?;
        if let Some(message) = message {
            send(&mut self.socket, Message::Binary(message)).await?;
        }
        self.report_played().await
    }

    async fn report_played(&mut self) -> Result<(), CallError> {
        for (reply, samples) in self.party.played_reports() {
            send(&mut self.socket, text(&ClientMessage::Played { reply, samples })).await?;
        }
        Ok(())
    }

    fn progress(&self) -> Option<Ending> {
        let end = match self.party.progress() {
            Progress::Finished => Ok(()),
            Progress::NoAnswer => Err(self.no_answer()),
            Progress::Going if self.party.next_due() > self.max => {
                Err(CallError::TooLong { max_ms: self.party.now_ms() as u64 })
            }
            Progress::Going => return None,
        };
        Some(Ending::Caller(end))
    }

    fn no_answer(&self) -> CallError {
        let next = self.party.next_name();
        let hint = next.map(|name| format!(" so that it could play {name}")).unwrap_or_default();
        CallError::NoAnswer { waited_ms: self.answer_ms, hint }
    }

    async fn receive(&mut self, message: Option<Result<Message, tungstenite::Error>>) -> Option<Ending> {
        match message {
            Some(Ok(Message::Text(text))) => self.receive_text(&text).await,
            Some(Ok(Message::Binary(bytes))) => self.receive_audio(&bytes),
            Some(Ok(Message::Close(_))) | None => Some(Ending::Server(self.closed("it closed the connection"))),
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(Ending::Server(Err(lost(error)))),
        }
    }

    fn receive_audio(&mut self, bytes: &[u8]) -> Option<Ending> {
        let at = self.clock.position();
        match self.codec.decode(bytes) {
            Ok(audio) => self.party.audio(at, audio).err().map(|error| Ending::Caller(Err(error.into()))),
            Err(error) => {
                self.trouble(&error.to_string());
                None
            }
        }
    }

    async fn receive_text(&mut self, text: &str) -> Option<Ending> {
        let at = self.clock.position();
        let message = match decode_server(text) {
            Ok(message) => message,
            Err(error) => {
                self.trouble(&error.to_string());
                return None;
            }
        };
        self.party.message(at, &message);
        self.view.note(self.party.now_ms(), Note::Message(&message));
        match message {
            ServerMessage::Bye { reason } => Some(Ending::Server(self.closed(&reason))),
            ServerMessage::Pause { .. } | ServerMessage::Clear { .. } | ServerMessage::BargeIn(_) => {
                self.report_played().await.err().map(|error| Ending::Server(Err(error)))
            }
            _ => None,
        }
    }

    /// The server may hang up once everything was said: a goodbye is an answer.
    fn closed(&mut self, reason: &str) -> Result<(), CallError> {
        self.view.note(self.party.now_ms(), Note::Over { why: reason });
        match self.party.has_said_everything() {
            true => Ok(()),
            false => Err(CallError::EndedEarly { reason: harmless(reason) }),
        }
    }

    fn trouble(&mut self, what: &str) {
        self.view.note(self.party.now_ms(), Note::Trouble(what));
    }

    /// Says bye and listens until the server has said it too: the last turns are told on the way.
    async fn say_goodbye(&mut self) -> Result<(), CallError> {
        send(&mut self.socket, text(&ClientMessage::Bye)).await?;
        while let Some(Ok(message)) = self.socket.next().await {
            let Message::Text(text) = message else { continue };
            let Ok(message) = decode_server(&text) else { continue };
            self.party.message(self.clock.position(), &message);
            self.view.note(self.party.now_ms(), Note::Message(&message));
            if matches!(message, ServerMessage::Bye { .. }) {
                break;
            }
        }
        self.socket.close(None).await.map_err(lost)
    }

    fn finish(self, end: Result<(), CallError>) -> Held {
        let (report, recorded) = self.party.finish();
        if let Err(error) = recorded {
            self.view.note(report.duration_ms, Note::Trouble(&format!("the recording is not complete: {error}")));
        }
        self.view.close();
        Held { report: Some(report), end }
    }
}

async fn send<S>(socket: &mut WebSocketStream<S>, message: Message) -> Result<(), CallError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = timeout(Duration::from_millis(SEND_MS), socket.send(message)).await;
    sent.map_err(|_| CallError::NotReading { waited_ms: SEND_MS })?.map_err(lost)
}

fn text(message: &ClientMessage) -> Message {
    // A type of plain strings and numbers always has a JSON form.
    Message::text(serde_json::to_string(message).unwrap_or_default())
}

fn lost(error: tungstenite::Error) -> CallError {
    CallError::Lost(error.to_string())
}
