//! The STT stage that Moonshine implements.

use super::super::{LocalError, LocalModels, Workers};
use super::call::Call;
use super::model::Model;
use crate::stage::{StageError, Stt, SttFeed, SttSession};
use crate::units::Position;
use futures::future::BoxFuture;
use std::sync::Arc;

/// Moonshine tiny-en; one value serves all calls.
pub struct Moonshine {
    model: Arc<Model>,
    workers: Workers,
}

impl Moonshine {
    /// Loads the model, one network for each of `workers`; calls cost no weights. 44 MB of weights, and as much again
    /// for each worker while they are four or fewer; more share the one copy. Blocks for some 100 ms, and keeps the
    /// weights for the life of the process: call it once, at start-up.
    ///
    /// # Errors
    /// [`LocalError`] if files are missing or damaged or ONNX Runtime cannot be loaded.
    pub fn load(models: &LocalModels, workers: &Workers) -> Result<Self, LocalError> {
        let model = Arc::new(Model::load(models, workers)?);
        Ok(Self { model, workers: workers.clone() })
    }
}

impl Stt for Moonshine {
    fn name(&self) -> &str {
        "Moonshine"
    }

    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let (call, events) = Call::open(self.model.clone(), self.workers.clone());
        let session = SttSession { feed: Box::new(Feed { call }), events };
        Box::pin(std::future::ready(Ok(session)))
    }
}

struct Feed {
    call: Arc<Call>,
}

impl SttFeed for Feed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        self.call.push(samples, position.0)
    }

    fn finalize(&mut self, end: Position) {
        self.call.finalize(end.0);
    }

    fn speech_started(&mut self, onset: Position) {
        self.call.speech_started(onset.0);
    }
}
