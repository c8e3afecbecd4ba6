//! An engine of ours behind a fake: opened for one stream, fed at 16 kHz, told what the ear finds.

use super::Ear;
use super::hearing::Ask;
use crate::audio::Resampler;
use crate::stage::{LISTEN_RATE, StageError, SttEvent, SttSession};
use crate::units::{Position, SampleRate};
use futures::StreamExt;
use std::future::pending;

/// The engine of one stream; none behind a script.
pub(crate) struct EngineEar {
    session: Option<SttSession>,
    resampler: Option<Resampler>,
    resampled: Vec<i16>,
    position: Position,
}

impl EngineEar {
    /// Opens the engine of `ear`, if it has one.
    ///
    /// # Errors
    /// The engine's own, or that it cannot hear this rate.
    pub(crate) async fn open(ear: &Ear, hz: u32) -> Result<Self, StageError> {
        let (mut session, mut resampler) = (None, None);
        if let Ear::Engine(engine) = ear {
            resampler = resampler_from(hz)?;
            session = Some(engine.open().await?);
        }
        Ok(Self { session, resampler, resampled: Vec::new(), position: Position::ZERO })
    }

    /// Feeds it.
    ///
    /// # Errors
    /// The engine's own.
    pub(crate) fn push(&mut self, samples: &[i16], asks: &[Ask]) -> Result<(), StageError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let samples = match &mut self.resampler {
            None => samples,
            Some(resampler) => {
                self.resampled.clear();
                resampler.push(samples, &mut self.resampled);
                &self.resampled
            }
        };
        session.feed.push(samples, self.position)?;
        self.position = self.position.plus(samples.len() as u64);
        for ask in asks {
            match ask {
                Ask::Started { onset_ms } => session.feed.speech_started(at(*onset_ms)),
                Ask::Finalize { end_ms } => session.feed.finalize(at(*end_ms).min(self.position)),
            }
        }
        Ok(())
    }

    /// What it says next; never, behind a script. Cancellation safe. After an error or its end it says nothing.
    pub(crate) async fn next(&mut self) -> Result<SttEvent, StageError> {
        let Some(session) = &mut self.session else { return pending().await };
        let said = session.events.next().await;
        said.unwrap_or(Err(StageError::Ended { engine: "the ear" })).inspect_err(|_| self.session = None)
    }
}

fn at(ms: u64) -> Position {
    Position(LISTEN_RATE.samples_in_ms(ms))
}

fn resampler_from(hz: u32) -> Result<Option<Resampler>, StageError> {
    let wrong = || StageError::Open {
        engine: "the ear",
        reason: format!("an engine cannot be given audio of {hz} Hz: use 8000, 16000, 24000 or 48000"),
        fault: crate::stage::Fault::Configuration,
    };
    let rate = SampleRate::from_hz(hz).ok_or_else(wrong)?;
    if rate == LISTEN_RATE {
        return Ok(None);
    }
    Resampler::new(rate, LISTEN_RATE).map(Some).map_err(|_| wrong())
}
