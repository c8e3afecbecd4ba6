//! The vendors' sections of the configuration.
//!
//! Invariant: a build without vendors reads the same files: there a section is skipped, whatever it holds.

pub use chosen::*;

#[expect(missing_docs, reason = "each is one of voice-core's, and told of there")]
mod chosen {
    use serde::Deserialize;
    use serde::de::{Deserializer, IgnoredAny};

    /// A section of an engine that this build leaves out.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct LeftOut;

    impl<'de> Deserialize<'de> for LeftOut {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
        }
    }

    pub type FluxSection = LeftOut;
    pub type NovaSection = LeftOut;
    pub type GroqSection = LeftOut;
    pub type OpenAiSection = LeftOut;
    pub type VllmSection = LeftOut;
    pub type OllamaSection = LeftOut;
    pub type LlamaCppSection = LeftOut;
    pub type CartesiaSection = LeftOut;
    pub type ElevenLabsSection = LeftOut;
}
