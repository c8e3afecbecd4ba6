//! The loaded model: one network a worker, its weights shared by all calls.

use super::super::runtime::{self, Packing};
use super::super::{LocalError, LocalModels, Workers};
use super::ENGINE;
use super::network::{Network, Weights};
use super::tokens::Tokens;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Up to this many networks have packed weights of their own: 43 MB each, and 30 % faster (CPU time, both measured
/// with ONNX Runtime 1.32). More of them share the one copy.
const PACKED_NETWORKS: usize = 4;

/// Moonshine's networks and vocabulary.
pub(super) struct Model {
    /// By seat: a worker locks its own, so that none ever waits.
    networks: Vec<Mutex<Network>>,
    tokens: Tokens,
}

impl Model {
    pub(super) fn load(models: &LocalModels, workers: &Workers) -> Result<Self, LocalError> {
        let files = models.moonshine_files()?;
        let environment = runtime::load(models, ENGINE)?;
        let tokens = Tokens::parse(&read(&files.tokenizer)?).map_err(broken)?;
        // The sessions use the bytes in place and must not outlive them: a model is loaded once and stays.
        let weights = Weights { encoder: read(&files.encoder)?.leak(), decoder: read(&files.decoder)?.leak() };
        let packing = if workers.threads() <= PACKED_NETWORKS { Packing::Own } else { Packing::Shared };
        let network = |_| Network::load(&environment, weights, packing).map(Mutex::new);
        let networks = (0..workers.threads()).map(network).collect::<ort::Result<_>>();
        Ok(Self { networks: networks.map_err(|error| broken(error.to_string()))?, tokens })
    }

    /// What is said in `samples`; none if `is_stopped` said so meanwhile. `seat` is the worker's.
    pub(super) fn transcribe(
        &self,
        seat: usize,
        samples: &[i16],
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<String>, String> {
        let network = self.networks.get(seat).ok_or("the pool has more workers than the model was loaded for")?;
        let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = network.listen(samples, is_stopped).map_err(|error| error.to_string())?;
        Ok(tokens.map(|tokens| self.tokens.text(&tokens)))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LocalError> {
    std::fs::read(path).map_err(|error| broken(format!("{}: {error}", path.display())))
}

fn broken(reason: String) -> LocalError {
    LocalError::Model { part: ENGINE, reason }
}
