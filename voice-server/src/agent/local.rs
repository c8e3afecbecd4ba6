//! The engines of this machine, as far as the build and the models go.

use std::path::Path;
use std::sync::Arc;
use voice_core::audio::VadSource;
use voice_core::stage::{Stt, Tts};

/// The local engines of this build.
#[cfg(feature = "local")]
pub(super) struct Engines {
    models: voice_core::provider::local::LocalModels,
}

#[cfg(feature = "local")]
impl Engines {
    pub(super) fn find(dir: &Path) -> Self {
        Self { models: voice_core::provider::local::LocalModels::find(dir) }
    }

    pub(super) fn silero(&self) -> Result<Arc<dyn VadSource>, String> {
        let silero = voice_core::provider::local::SileroVad::load(&self.models).map_err(|error| error.to_string())?;
        Ok(Arc::new(silero))
    }

    pub(super) fn moonshine(&self) -> Result<Arc<dyn Stt>, String> {
        use voice_core::provider::local::{Moonshine, Workers, WorkersConfig};
        self.models.moonshine().map_err(|error| error.to_string())?;
        let workers = Workers::start(WorkersConfig::default()).map_err(|error| error.to_string())?;
        let moonshine = Moonshine::load(&self.models, &workers).map_err(|error| error.to_string())?;
        Ok(Arc::new(moonshine))
    }

    pub(super) fn pico(&self) -> Result<Arc<dyn Tts>, String> {
        use voice_core::provider::local::{PicoConfig, PicoTts};
        let pico = PicoTts::start(&self.models, PicoConfig::default()).map_err(|error| error.to_string())?;
        Ok(Arc::new(pico))
    }
}

/// A build without local engines.
#[cfg(not(feature = "local"))]
pub(super) struct Engines;

#[cfg(not(feature = "local"))]
impl Engines {
    const LEFT_OUT: &str = "this build leaves it out; build with the feature `local`";

    pub(super) fn find(_dir: &Path) -> Self {
        Self
    }

    pub(super) fn silero(&self) -> Result<Arc<dyn VadSource>, String> {
        Err(Self::LEFT_OUT.into())
    }

    pub(super) fn moonshine(&self) -> Result<Arc<dyn Stt>, String> {
        Err(Self::LEFT_OUT.into())
    }

    pub(super) fn pico(&self) -> Result<Arc<dyn Tts>, String> {
        Err(Self::LEFT_OUT.into())
    }
}
