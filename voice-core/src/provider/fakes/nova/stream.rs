//! One connection: messages of the client in order, results back, and what happens when nothing comes.

use super::message::{Common, error};
use super::query::{Settings, check_keyterms};
use super::segments::{Kind, Segments, Told};
use super::{Closing, NovaFake};
use crate::provider::fakes::clock::after;
use crate::provider::fakes::deepgram::{ConfigureAnswer, Decoder};
use crate::provider::fakes::ear::{EngineEar, joined};
use crate::provider::fakes::log::SttCounts;
use crate::provider::fakes::socket::{FakeSocket, Received};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const NET_0001: &str =
    "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001";
const NET_0000: &str = "NET-0000: the service sent nothing in time";
/// A stream that fell silent over a Configure is closed after so many inactivity timeouts.
const SILENT_TIMEOUTS: u32 = 3;

/// Serves one connection until either side ends it.
pub(super) async fn serve(socket: FakeSocket, settings: Settings, decoder: Decoder) {
    let config = socket.visit().shared.config.nova.clone();
    let log = socket.visit().log().clone();
    log.count(|counts| counts.nova.opened += 1);
    match EngineEar::open(&config.ear, decoder.hz()).await {
        Ok(engine) => Stream::new(socket, config, settings, decoder, engine).run().await,
        Err(failure) => {
            socket.visit().note(failure.to_string());
            socket.close(Some(1011), NET_0000).await;
        }
    }
    log.count(|counts| counts.nova.ended += 1);
}

/// How a connection ends by our wish: a close code and its reason.
type Flow = ControlFlow<(u16, &'static str)>;

#[derive(Deserialize)]
struct Configure {
    keyterms: Option<Vec<String>>,
    #[serde(default, rename = "features")]
    _features: BTreeMap<String, bool>,
}

struct Stream {
    socket: FakeSocket,
    config: NovaFake,
    settings: Settings,
    decoder: Decoder,
    engine: EngineEar,
    segments: Segments,
    common: Common,
    random: fastrand::Rng,
    /// When the client must have sent something.
    deadline: Instant,
    has_audio: bool,
    is_silent: bool,
    /// A Configure that is answered later.
    pending: Option<(Instant, String)>,
}

impl Stream {
    fn new(socket: FakeSocket, config: NovaFake, settings: Settings, decoder: Decoder, engine: EngineEar) -> Self {
        let seed = config.seed ^ socket.visit().strikes.number();
        let segments = Segments::new(&config, decoder.hz(), settings.clone(), seed);
        let common = Common::new(&socket.visit().request_id, &settings, config.tells_flags);
        let deadline = after(Duration::from_millis(config.inactivity_ms));
        let random = fastrand::Rng::with_seed(seed);
        let (has_audio, is_silent, pending) = (false, false, None);
        Self {
            socket,
            config,
            settings,
            decoder,
            engine,
            segments,
            common,
            random,
            deadline,
            has_audio,
            is_silent,
            pending,
        }
    }

    async fn run(mut self) {
        if let ControlFlow::Break((code, reason)) = self.talk().await {
            self.socket.visit().note(format!("closed with {code} {reason}"));
            self.socket.close(Some(code), reason).await;
        }
    }

    /// Until the client is gone, or a farewell.
    async fn talk(&mut self) -> Flow {
        loop {
            let due = self.pending.as_ref().map(|(due, _)| *due);
            let told = tokio::select! {
                biased;
                () = sleep_until(self.deadline) => return self.time_out(),
                () = sleep_until(due.unwrap_or(self.deadline)), if due.is_some() => {
                    if let Some((_, answer)) = self.pending.take() {
                        self.send(answer);
                    }
                    Vec::new()
                }
                said = self.engine.next() => match said {
                    Ok(event) => {
                        self.segments.hearing.note(event);
                        self.segments.settle()
                    }
                    Err(_) => return ControlFlow::Break((1011, NET_0000)),
                },
                received = self.socket.next() => match received {
                    Some(Received::Binary(bytes)) if bytes.is_empty() => return self.end(),
                    Some(Received::Binary(bytes)) => self.audio(&bytes)?,
                    Some(Received::Text(text)) => self.command(&text)?,
                    Some(Received::Ping) => {
                        self.count(|counts| counts.pings += 1);
                        Vec::new()
                    }
                    None => return ControlFlow::Continue(()),
                },
            };
            self.tell(&told);
        }
    }

    fn audio(&mut self, bytes: &[u8]) -> ControlFlow<(u16, &'static str), Vec<Told>> {
        self.has_audio = true;
        self.note_activity();
        let samples = self.decoder.decode(bytes);
        self.count(|counts| counts.audio_samples += samples.len() as u64);
        let told = self.segments.audio(&samples);
        self.feed(&samples)?;
        ControlFlow::Continue(told)
    }

    fn feed(&mut self, samples: &[i16]) -> Flow {
        let asks = self.segments.hearing.asks();
        match self.engine.push(samples, &asks) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break((1011, NET_0000)),
        }
    }

    fn note_activity(&mut self) {
        if !self.is_silent {
            self.deadline = after(Duration::from_millis(self.config.inactivity_ms));
        }
    }

    fn command(&mut self, text: &str) -> ControlFlow<(u16, &'static str), Vec<Told>> {
        self.count(|counts| counts.commands += 1);
        let json = serde_json::from_str::<serde_json::Value>(text).ok();
        let kind = json.as_ref().and_then(|json| json.get("type")?.as_str()).unwrap_or_default();
        if kind != "KeepAlive" {
            self.socket.visit().note(format!("received {text}"));
        }
        match kind {
            // Counts only once there was audio.
            "KeepAlive" if !self.has_audio => {}
            "KeepAlive" => self.note_activity(),
            "Finalize" => {
                self.note_activity();
                let told = self.segments.finalize();
                self.feed(&[])?;
                return ControlFlow::Continue(told);
            }
            "CloseStream" => match self.config.closes {
                Closing::Closes => return self.end().map_continue(|()| Vec::new()),
                Closing::Stays => return ControlFlow::Continue(self.segments.end()),
            },
            "Configure" => match serde_json::from_str(text) {
                Ok(change) => self.configure(change),
                Err(failure) => self.send(error(&failure.to_string(), text)),
            },
            _ => self.send(error("unparsable text message", text)),
        }
        ControlFlow::Continue(Vec::new())
    }

    fn configure(&mut self, change: Configure) {
        let terms = change.keyterms.as_deref();
        let judged = check_keyterms(terms.unwrap_or_default().iter().map(String::as_str), self.settings.is_nova3);
        let answer = match judged {
            Ok(()) => self.common.configured(terms),
            Err((code, said)) => self.common.not_configured(code, &said),
        };
        match self.config.configure {
            ConfigureAnswer::Judged => self.send(answer),
            ConfigureAnswer::Late { .. } if self.pending.is_some() => {
                self.send(self.common.not_configured("CONFIGURE_ALREADY_PENDING", "one update at a time"));
            }
            ConfigureAnswer::Late { ms } => self.pending = Some((after(Duration::from_millis(ms)), answer)),
            ConfigureAnswer::Fails | ConfigureAnswer::FailsSilently => {
                self.send(self.common.not_configured("CONFIGURE_INTERNAL_ERROR", "the update failed"));
            }
            ConfigureAnswer::Never => {
                self.is_silent = true;
                self.deadline = after(Duration::from_millis(self.config.inactivity_ms) * SILENT_TIMEOUTS);
            }
        }
    }

    /// The last results and the summary.
    fn end(&mut self) -> Flow {
        let told = self.segments.end();
        self.tell(&told);
        self.summarise();
        ControlFlow::Break((1000, ""))
    }

    fn time_out(&mut self) -> Flow {
        if self.is_silent {
            return ControlFlow::Break((1011, NET_0000));
        }
        self.summarise();
        ControlFlow::Break((1011, NET_0001))
    }

    fn summarise(&mut self) {
        self.send(self.common.metadata(self.segments.now_ms()));
    }

    fn tell(&mut self, told: &[Told]) {
        for told in told {
            self.send(self.common.told(told));
            match told {
                Told::Results(results) if results.kind != Kind::Interim && !results.words.is_empty() => {
                    self.socket.visit().note(format!("{:?}: {}", results.kind, joined(&results.words)));
                    self.count(|counts| counts.turn_ends += 1);
                }
                Told::SpeechStarted { .. } => self.count(|counts| counts.turns += 1),
                Told::Results(_) | Told::UtteranceEnd { .. } => {}
            }
        }
    }

    fn send(&mut self, message: String) {
        if self.is_silent {
            return;
        }
        let jitter = self.random.u64(0..=self.config.jitter_ms);
        self.socket.send_later(Duration::from_millis(jitter), message);
        self.count(|counts| counts.messages += 1);
    }

    fn count(&self, change: impl FnOnce(&mut SttCounts)) {
        self.socket.visit().log().count(|counts| change(&mut counts.nova));
    }
}
