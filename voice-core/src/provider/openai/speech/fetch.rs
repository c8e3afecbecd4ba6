//! One request for speech: its tries, its deadlines, its samples.
//!
//! Invariant: it owns the request, so dropping it cancels it. It is tried again only before its first sample. Both methods
//! that wait may be dropped and called anew: nothing is lost.

use super::audio::AudioDecoder;
use super::config::SpeechConfig;
use super::request::Piece;
use crate::provider::clock::now;
use crate::provider::net::{HttpBody, HttpError};
use crate::provider::openai::endpoint::Endpoint;
use crate::provider::openai::tries::{Failure, Tries};
use crate::stage::StageError;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

const PATH: &str = "/audio/speech";

/// One request.
pub(super) struct Fetch {
    endpoint: Arc<Endpoint>,
    body: Vec<u8>,
    ends_clause: bool,
    hz: u32,
    first_audio: Duration,
    audio: Duration,
    tries: Tries,
    first_audio_at: Instant,
    /// When the next bytes are late; set while they are waited for.
    late_at: Option<Instant>,
    state: State,
    has_sounded: bool,
}

enum State {
    Asking(BoxFuture<'static, Result<HttpBody, HttpError>>),
    Reading(HttpBody, AudioDecoder),
    Failed(StageError),
    Over,
}

impl Fetch {
    /// Asks for `piece`; over at once if there is nothing to speak in it. Sent when it is first polled.
    pub(super) fn start(endpoint: &Arc<Endpoint>, config: &SpeechConfig, piece: &Piece, body: Vec<u8>) -> Self {
        let first_audio_at = now() + config.first_audio();
        let state = if piece.text.is_empty() {
            State::Over
        } else {
            State::Asking(asking(endpoint, body.clone(), Duration::ZERO))
        };
        Self {
            endpoint: Arc::clone(endpoint),
            body,
            ends_clause: piece.ends_clause,
            hz: config.rate().hz(),
            first_audio: config.first_audio(),
            audio: config.audio(),
            tries: Tries::new(config.retries, first_audio_at),
            first_audio_at,
            late_at: None,
            state,
            has_sounded: false,
        }
    }

    pub(super) fn ends_clause(&self) -> bool {
        self.ends_clause
    }

    /// Whether its first samples were given.
    pub(super) fn has_sounded(&self) -> bool {
        self.has_sounded
    }

    /// Waits until the answer has begun, or will not. Tries again where that is worth it.
    pub(super) async fn open(&mut self) {
        while let State::Asking(asking) = &mut self.state {
            let outcome = timeout_at(self.first_audio_at, asking).await;
            self.state = match outcome {
                Ok(Ok(body)) => {
                    let audio = AudioDecoder::new(self.hz, body.content_type());
                    State::Reading(body, audio)
                }
                Ok(Err(refusal)) => self.after(Failure::refused(&self.endpoint.vendor, refusal)),
                Err(_) => State::Failed(self.endpoint.vendor.stalled(self.first_audio)),
            };
        }
    }

    /// The next samples; `None` when all were given.
    pub(super) async fn samples(&mut self) -> Result<Option<Bytes>, StageError> {
        loop {
            self.open().await;
            let late_at = self.late_at();
            let outcome = match &mut self.state {
                State::Reading(body, audio) => read(body, audio, &self.endpoint, late_at).await,
                State::Failed(error) => return Err(error.clone()),
                State::Over | State::Asking(_) => return Ok(None),
            };
            self.late_at = None;
            match outcome {
                Ok(Read::Samples(samples)) if samples.is_empty() => {}
                Ok(Read::Samples(samples)) => {
                    self.has_sounded = true;
                    return Ok(Some(samples));
                }
                Ok(Read::End(rest)) => {
                    self.state = State::Over;
                    return Ok(Some(rest).filter(|rest| !rest.is_empty()));
                }
                Ok(Read::Late) => {
                    let waited = if self.has_sounded { self.audio } else { self.first_audio };
                    self.state = State::Failed(self.endpoint.vendor.stalled(waited));
                }
                Err(error) => self.state = self.after(error.into()),
            }
        }
    }

    fn after(&mut self, failure: Failure) -> State {
        if self.has_sounded {
            return State::Failed(failure.into_error());
        }
        match self.tries.again(failure) {
            Ok(wait) => State::Asking(asking(&self.endpoint, self.body.clone(), wait)),
            Err(error) => State::Failed(error),
        }
    }

    /// The deadline counts from when bytes are waited for: whoever plays the clause before leaves them standing, and finds
    /// them there.
    fn late_at(&mut self) -> Instant {
        let (audio, first) = (self.audio, self.first_audio_at);
        let late_at = *self.late_at.get_or_insert_with(|| now() + audio);
        if self.has_sounded { late_at } else { late_at.max(first) }
    }
}

fn asking(endpoint: &Arc<Endpoint>, body: Vec<u8>, wait: Duration) -> BoxFuture<'static, Result<HttpBody, HttpError>> {
    let endpoint = Arc::clone(endpoint);
    async move {
        if !wait.is_zero() {
            sleep(wait).await;
        }
        endpoint.post(PATH, body).await
    }
    .boxed()
}

enum Read {
    Samples(Bytes),
    End(Bytes),
    Late,
}

async fn read(
    body: &mut HttpBody,
    audio: &mut AudioDecoder,
    endpoint: &Endpoint,
    late_at: Instant,
) -> Result<Read, StageError> {
    let told = |fault: super::audio::AudioFault| fault.error(&endpoint.vendor);
    match timeout_at(late_at, body.chunk()).await {
        Ok(Ok(Some(bytes))) => audio.push(bytes).map(Read::Samples).map_err(told),
        Ok(Ok(None)) => audio.end().map(Read::End).map_err(told),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(Read::Late),
    }
}
