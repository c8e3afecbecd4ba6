//! One request for speech as its reply sees it: its deadlines, its samples.
//!
//! Invariant: it owns the request, so dropping it cancels it. Up to its first samples the request goes on by itself; a
//! deadline runs only from when it is waited for, so that one that was asked for early is not late because nobody looked.
//! Both methods that wait may be dropped and called anew: nothing is lost.

use super::asking::{Answer, Asking, Read};
use super::config::SpeechConfig;
use super::request::Piece;
use crate::provider::clock::now;
use crate::provider::openai::endpoint::Endpoint;
use crate::provider::openai::tries::Tries;
use crate::stage::StageError;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// One request.
pub(super) struct Fetch {
    endpoint: Arc<Endpoint>,
    ends_clause: bool,
    first_audio: Duration,
    audio: Duration,
    /// When the next samples are late; set while they are waited for.
    late_at: Option<Instant>,
    state: State,
    has_sounded: bool,
}

enum State {
    /// Its only task ends with the first samples.
    Asking(JoinSet<Result<(Read, Answer), StageError>>),
    Begun(Read, Answer),
    Reading(Answer),
    Failed(StageError),
    Over,
}

impl Fetch {
    /// Asks for `piece`, on the runtime it is called on; over at once if there is nothing to speak in it.
    pub(super) fn start(endpoint: &Arc<Endpoint>, config: &SpeechConfig, piece: &Piece, body: Vec<u8>) -> Self {
        let endpoint = Arc::clone(endpoint);
        let state = if piece.text.is_empty() {
            State::Over
        } else {
            let tries = Tries::new(config.retries, now() + config.first_audio());
            let asking = Asking { endpoint: Arc::clone(&endpoint), body, hz: config.rate().hz(), tries };
            let mut task = JoinSet::new();
            task.spawn(asking.begin());
            State::Asking(task)
        };
        let (first_audio, audio) = (config.first_audio(), config.audio());
        Self { endpoint, ends_clause: piece.ends_clause, first_audio, audio, late_at: None, state, has_sounded: false }
    }

    pub(super) fn ends_clause(&self) -> bool {
        self.ends_clause
    }

    /// Whether its first samples were given.
    pub(super) fn has_sounded(&self) -> bool {
        self.has_sounded
    }

    /// Waits until its first samples are there, or will not come.
    pub(super) async fn begun(&mut self) {
        let State::Asking(task) = &mut self.state else { return };
        self.state = match task.join_next().await {
            Some(Ok(Ok((first, answer)))) => State::Begun(first, answer),
            Some(Ok(Err(error))) => State::Failed(error),
            Some(Err(_)) | None => State::Failed(self.endpoint.vendor.ended()),
        };
    }

    /// The next samples; `None` when all were given.
    ///
    /// # Errors
    /// What the request failed of, the deadline among it.
    pub(super) async fn samples(&mut self) -> Result<Option<Bytes>, StageError> {
        let within = if self.has_sounded { self.audio } else { self.first_audio };
        let late_at = *self.late_at.get_or_insert_with(|| now() + within);
        let read = timeout_at(late_at, self.read()).await;
        self.late_at = None;
        match read.unwrap_or_else(|_| Err(self.endpoint.vendor.stalled(within))) {
            Ok(Read::Samples(samples)) => {
                self.has_sounded = true;
                Ok(Some(samples))
            }
            Ok(Read::End(rest)) => {
                self.state = State::Over;
                Ok(Some(rest).filter(|rest| !rest.is_empty()))
            }
            Err(error) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }

    async fn read(&mut self) -> Result<Read, StageError> {
        self.begun().await;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begun(first, answer) => {
                self.state = State::Reading(answer);
                return Ok(first);
            }
            state => self.state = state,
        }
        match &mut self.state {
            State::Reading(answer) => answer.read().await,
            State::Failed(error) => Err(error.clone()),
            State::Over | State::Asking(_) | State::Begun(..) => Ok(Read::End(Bytes::new())),
        }
    }
}
