//! A request for speech up to its first samples, and its answer from there on.
//!
//! Invariant: it is tried again only before its first sample. It knows no deadline but that of its tries: who waits for it
//! has one.

use super::audio::{AudioDecoder, AudioFault};
use crate::provider::net::HttpBody;
use crate::provider::openai::endpoint::Endpoint;
use crate::provider::openai::tries::{Failure, Tries};
use crate::stage::StageError;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const PATH: &str = "/audio/speech";

/// What can be asked for.
pub(super) struct Asking {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) body: Vec<u8>,
    /// Of the samples, where the answer does not say.
    pub(super) hz: u32,
    pub(super) tries: Tries,
}

impl Asking {
    /// Asks until there are samples. Dropping the future cancels the request.
    ///
    /// # Errors
    /// What the last try failed of.
    pub(super) async fn begin(mut self) -> Result<(Read, Answer), StageError> {
        let mut wait = Duration::ZERO;
        loop {
            if !wait.is_zero() {
                sleep(wait).await;
            }
            match self.once().await {
                Ok(begun) => return Ok(begun),
                Err(failure) => wait = self.tries.again(failure)?,
            }
        }
    }

    async fn once(&self) -> Result<(Read, Answer), Failure> {
        let answered = self.endpoint.post(PATH, self.body.clone()).await;
        let body = answered.map_err(|refusal| Failure::refused(&self.endpoint.vendor, refusal))?;
        let audio = AudioDecoder::new(self.hz, body.content_type());
        let mut answer = Answer { endpoint: Arc::clone(&self.endpoint), body, audio };
        let first = answer.read().await?;
        Ok((first, answer))
    }
}

/// What comes of an answer.
pub(super) enum Read {
    /// The next samples, at least one.
    Samples(Bytes),
    /// The last ones, perhaps none.
    End(Bytes),
}

/// An answer that is read.
pub(super) struct Answer {
    endpoint: Arc<Endpoint>,
    body: HttpBody,
    audio: AudioDecoder,
}

impl Answer {
    /// The next samples. Cancellation safe.
    ///
    /// # Errors
    /// The connection broke, or what came is no speech.
    pub(super) async fn read(&mut self) -> Result<Read, StageError> {
        let vendor = &self.endpoint.vendor;
        let told = |fault: AudioFault| fault.error(vendor);
        while let Some(bytes) = self.body.chunk().await? {
            let samples = self.audio.push(bytes).map_err(told)?;
            if !samples.is_empty() {
                return Ok(Read::Samples(samples));
            }
        }
        self.audio.end().map(Read::End).map_err(told)
    }
}
