//! The vendors' sections of the configuration.
//!
//! Invariant: a build without vendors reads the same files: there a section is skipped, whatever it holds. Keys and
//! addresses are in none: they come from the environment.

pub use chosen::*;

#[cfg(feature = "vendors")]
mod chosen {
    use serde::Deserialize;
    use serde::de::{Deserializer, Error};
    use voice_core::provider::cartesia::CartesiaConfig;
    use voice_core::provider::deepgram::{FluxConfig, NovaConfig};
    use voice_core::provider::elevenlabs::ElevenLabsConfig;
    use voice_core::provider::openai::{ChatConfig, SpeechConfig};

    /// `[flux]`
    pub type FluxSection = FluxConfig;
    /// `[nova]`
    pub type NovaSection = NovaConfig;
    /// `[groq]`
    pub type GroqSection = ChatConfig;
    /// `[vllm]`
    pub type VllmSection = ChatConfig;
    /// `[ollama]`
    pub type OllamaSection = ChatConfig;
    /// `[llama_cpp]`
    pub type LlamaCppSection = ChatConfig;
    /// `[cartesia]`
    pub type CartesiaSection = CartesiaConfig;
    /// `[elevenlabs]`
    pub type ElevenLabsSection = ElevenLabsConfig;

    /// `[openai]` and `[openai.speech]`
    #[derive(Clone, Debug, Default)]
    pub struct OpenAiSection {
        /// The model: what is in the section itself.
        pub chat: ChatConfig,
        /// The voice.
        pub speech: SpeechConfig,
    }

    impl<'de> Deserialize<'de> for OpenAiSection {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut section = toml::Table::deserialize(deserializer)?;
            let speech = section.remove("speech").map(toml::Value::try_into).transpose().map_err(D::Error::custom)?;
            let chat = toml::Value::Table(section).try_into().map_err(D::Error::custom)?;
            Ok(Self { chat, speech: speech.unwrap_or_default() })
        }
    }
}

#[cfg(not(feature = "vendors"))]
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
