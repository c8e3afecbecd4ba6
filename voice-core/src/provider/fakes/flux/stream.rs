//! One connection: messages of the client in order, turn events back.

use super::FluxFake;
use super::message::{Languages, Optional, Writer};
use super::query::{Configure, Settings};
use super::turns::{Event, TurnInfo, Turns};
use crate::provider::fakes::clock::{after, now};
use crate::provider::fakes::deepgram::{ConfigureAnswer, Decoder};
use crate::provider::fakes::ear::EngineEar;
use crate::provider::fakes::log::SttCounts;
use crate::provider::fakes::socket::{FakeSocket, Received};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What a client sent that nobody understands.
const UNPARSABLE: &str = "UNPARSABLE_CLIENT_MESSAGE";

/// Serves one connection until either side ends it.
pub(super) async fn serve(socket: FakeSocket, settings: Settings, decoder: Decoder) {
    let config = socket.visit().shared.config.flux.clone();
    let log = socket.visit().log().clone();
    log.count(|counts| counts.flux.opened += 1);
    match EngineEar::open(&config.ear, decoder.hz()).await {
        Ok(engine) => Stream::new(socket, config, settings, decoder, engine).run().await,
        Err(error) => {
            let mut writer = Writer::new(&socket.visit().request_id, config.sequence_step);
            fail(socket, writer.error("INTERNAL_SERVER_ERROR", &error.to_string())).await;
        }
    }
    log.count(|counts| counts.flux.ended += 1);
}

async fn fail(mut socket: FakeSocket, error: String) {
    socket.visit().note(&error);
    socket.send(error);
    socket.close(None, "").await;
}

/// How a connection ends by our wish.
enum Farewell {
    /// All was told: a close frame without a body.
    Closed,
    Error(String),
}

type Flow = ControlFlow<Farewell>;

struct Stream {
    socket: FakeSocket,
    config: FluxFake,
    settings: Settings,
    decoder: Decoder,
    engine: EngineEar,
    turns: Turns,
    writer: Writer,
    optional: Optional,
    random: fastrand::Rng,
    /// A Configure that is answered later.
    pending: Option<(Instant, Result<Settings, String>)>,
}

impl Stream {
    fn new(socket: FakeSocket, config: FluxFake, settings: Settings, decoder: Decoder, engine: EngineEar) -> Self {
        let seed = config.seed ^ socket.visit().strikes.number();
        let turns = Turns::new(&config.ear, decoder.hz(), settings.thresholds, seed);
        let writer = Writer::new(&socket.visit().request_id, config.sequence_step);
        let tells_languages = config.tells_languages && settings.is_multilingual;
        let languages = tells_languages.then(|| Languages { hinted: settings.language_hints.clone() });
        let optional = Optional { trigger: config.tells_trigger, languages, word_times: config.tells_word_times };
        let random = fastrand::Rng::with_seed(seed);
        Self { socket, config, settings, decoder, engine, turns, writer, optional, random, pending: None }
    }

    async fn run(mut self) {
        let greeting = self.writer.connected();
        self.send_later(Duration::from_millis(self.config.greeting_ms), greeting);
        match self.talk().await {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Farewell::Closed) => self.socket.close(None, "").await,
            ControlFlow::Break(Farewell::Error(error)) => fail(self.socket, error).await,
        }
    }

    /// Until the client is gone, or a farewell.
    async fn talk(&mut self) -> Flow {
        loop {
            let due = self.pending.as_ref().map(|(due, _)| *due);
            tokio::select! {
                biased;
                () = until(due) => self.answer_pending(),
                said = self.engine.next() => match said {
                    Ok(event) => self.turns.hearing.note(event),
                    Err(error) => return self.error("INTERNAL_SERVER_ERROR", &error.to_string()),
                },
                received = self.socket.next() => match received {
                    Some(Received::Binary(bytes)) => self.audio(&bytes)?,
                    Some(Received::Text(text)) => self.command(&text)?,
                    Some(Received::Ping) => self.count(|counts| counts.pings += 1),
                    None => return ControlFlow::Continue(()),
                },
            }
        }
    }

    fn audio(&mut self, bytes: &[u8]) -> Flow {
        let question = self.socket.visit().question(now());
        let samples = self.decoder.decode(bytes);
        self.count(|counts| counts.audio_samples += samples.len() as u64);
        let infos = self.turns.audio(&samples);
        if infos.iter().any(|info| info.event == Event::EndOfTurn) {
            question.answered();
        }
        infos.iter().for_each(|info| self.tell(info));
        let asks = self.turns.hearing.asks();
        match self.engine.push(&samples, &asks) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.error("INTERNAL_SERVER_ERROR", &error.to_string()),
        }
    }

    fn command(&mut self, text: &str) -> Flow {
        self.count(|counts| counts.commands += 1);
        self.socket.visit().note(format!("received {text}"));
        let kind = serde_json::from_str::<serde_json::Value>(text).ok();
        match kind.as_ref().and_then(|json| json.get("type")?.as_str()) {
            Some("CloseStream") => {
                let info = self.turns.close();
                self.tell(&info);
                ControlFlow::Break(Farewell::Closed)
            }
            Some("ForceEndTurn") if self.config.knows_force_end => {
                self.force_end();
                ControlFlow::Continue(())
            }
            Some("Configure") => match serde_json::from_str(text) {
                Ok(change) => {
                    self.configure(change);
                    ControlFlow::Continue(())
                }
                Err(error) => self.error(UNPARSABLE, &error.to_string()),
            },
            _ => self.error(UNPARSABLE, "message not understood"),
        }
    }

    fn force_end(&mut self) {
        match self.turns.force_end() {
            Some(info) => self.tell(&info),
            None => {
                let warning = self.writer.warning("FORCE_END_TURN_NO_ACTIVE_TURN", "no turn in progress");
                self.send(warning);
            }
        }
    }

    fn configure(&mut self, change: Configure) {
        let judged = self.settings.with(change);
        let answer = match self.config.configure {
            ConfigureAnswer::Judged => judged,
            ConfigureAnswer::Late { .. } if self.pending.is_some() => Err("one change at a time".into()),
            ConfigureAnswer::Late { ms } => {
                self.pending = Some((after(Duration::from_millis(ms)), judged));
                return;
            }
            ConfigureAnswer::Fails => Err("the change is not wanted".into()),
            ConfigureAnswer::FailsSilently => {
                let failure = self.writer.not_configured(None);
                return self.send(failure);
            }
            ConfigureAnswer::Never => return,
        };
        self.answer(answer);
    }

    fn answer_pending(&mut self) {
        if let Some((_, answer)) = self.pending.take() {
            self.answer(answer);
        }
    }

    fn answer(&mut self, answer: Result<Settings, String>) {
        let message = match answer {
            Ok(settings) => {
                self.settings = settings;
                self.turns.thresholds = self.settings.thresholds;
                self.writer.configured(&self.settings)
            }
            Err(said) => self.writer.not_configured(Some(("INVALID_CONFIGURATION", &said))),
        };
        self.send(message);
    }

    fn tell(&mut self, info: &TurnInfo) {
        if info.event != Event::Update {
            self.socket.visit().note(format!("{:?} {}: {}", info.event, info.turn, info.transcript()));
        }
        let message = self.writer.turn_info(info, &self.optional);
        self.send(message);
        self.count(|counts| match info.event {
            Event::StartOfTurn => counts.turns += 1,
            Event::EagerEndOfTurn => counts.eager_ends += 1,
            Event::EndOfTurn => counts.turn_ends += 1,
            Event::Update | Event::TurnResumed => {}
        });
    }

    fn send(&mut self, message: String) {
        let jitter = self.random.u64(0..=self.config.jitter_ms);
        self.send_later(Duration::from_millis(jitter), message);
    }

    fn send_later(&mut self, delay: Duration, message: String) {
        self.socket.send_later(delay, message);
        self.count(|counts| counts.messages += 1);
    }

    fn error(&mut self, code: &str, description: &str) -> Flow {
        ControlFlow::Break(Farewell::Error(self.writer.error(code, description)))
    }

    fn count(&self, change: impl FnOnce(&mut SttCounts)) {
        self.socket.visit().log().count(|counts| change(&mut counts.flux));
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
