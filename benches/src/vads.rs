//! The voice activity detectors to compare.

use std::error::Error;
use std::sync::Arc;
use voice_core::audio::{EarshotVad, LayeredVad, VadSource};

/// Every VAD that can be had here, by name. Says which one cannot, and why.
pub fn vads() -> Vec<(&'static str, Arc<dyn VadSource>)> {
    let mut vads: Vec<(&str, Arc<dyn VadSource>)> = vec![("earshot", Arc::new(EarshotVad))];
    match silero() {
        Ok(silero) => {
            vads.push(("silero", Arc::clone(&silero)));
            vads.push(("earshot + silero", Arc::new(LayeredVad::new(Arc::new(EarshotVad), silero))));
        }
        Err(reason) => println!("without Silero: {reason}"),
    }
    vads
}

#[cfg(feature = "local")]
fn silero() -> Result<Arc<dyn VadSource>, Box<dyn Error>> {
    use voice_core::provider::local::{LocalModels, SileroVad};
    let folder = std::env::var_os("VOICE_MODELS_DIR").ok_or("VOICE_MODELS_DIR is not set")?;
    Ok(Arc::new(SileroVad::load(&LocalModels::find(folder))?))
}

#[cfg(not(feature = "local"))]
fn silero() -> Result<Arc<dyn VadSource>, Box<dyn Error>> {
    Err("the feature `local` is off".into())
}
