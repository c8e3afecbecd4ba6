//! The vendors whose voices are spoken with, and the faults they may have.

use std::sync::Arc;
use voice_core::provider::ApiKey;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaTts};
use voice_core::provider::elevenlabs::{ElevenLabsConfig, ElevenLabsFormat, ElevenLabsTts};
use voice_core::provider::fakes::{
    CartesiaFake, ElevenLabsFake, Fakes, FakesConfig, Fault, FaultRule, FaultScript, Service, SpeechFake, VoiceCounts,
};
use voice_core::provider::openai::{SpeechConfig, SpeechTts};
use voice_core::provider::scripted::{ScriptedTts, TtsConfig};
use voice_core::stage::Tts;
use voice_core::units::SampleRate;

pub(crate) const KEY: &str = "sk-very-secret";
/// Of a character of text.
const MS_PER_CHARACTER: u64 = 30;

/// The vendors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    Cartesia,
    ElevenLabs,
    /// One request a clause instead of a socket.
    OpenAi,
}

pub(crate) use Vendor::{Cartesia, ElevenLabs, OpenAi};

impl Vendor {
    pub(crate) fn service(self) -> Service {
        match self {
            Cartesia => Service::Cartesia,
            ElevenLabs => Service::Elevenlabs,
            OpenAi => Service::Speech,
        }
    }

    pub(crate) fn setting(self) -> &'static str {
        match self {
            Cartesia => "CARTESIA_API_KEY",
            ElevenLabs => "ELEVENLABS_API_KEY",
            OpenAi => "OPENAI_API_KEY",
        }
    }

    /// The rate of its voice and of the calls over it, so that the ramp of the voice reaches the caller as it is.
    pub(crate) fn rate(self) -> SampleRate {
        match self {
            Cartesia | ElevenLabs => SampleRate::Hz16000,
            OpenAi => SampleRate::Hz24000,
        }
    }

    /// What a character lasts.
    pub(crate) fn character_samples(self) -> u64 {
        self.rate().samples_in_ms(MS_PER_CHARACTER)
    }

    pub(crate) fn samples_of(self, text: &str) -> u64 {
        text.chars().count() as u64 * self.character_samples()
    }

    pub(crate) fn counts(self, fakes: &Fakes) -> VoiceCounts {
        let counts = fakes.log().counts();
        match self {
            Cartesia => counts.cartesia,
            ElevenLabs => counts.elevenlabs,
            OpenAi => counts.speech,
        }
    }

    pub(crate) fn voice(self, fakes: &Fakes, key: &str) -> Arc<dyn Tts> {
        let (key, url, voice) = (Some(ApiKey::new(key, self.setting())), fakes.http_url(), "a voice".to_owned());
        let (first_audio_ms, stall_ms) = (4_000, 3_000);
        match self {
            Cartesia => {
                let sample_rate = self.rate().hz();
                let base = CartesiaConfig::default();
                let config = CartesiaConfig { key, url, voice, sample_rate, first_audio_ms, stall_ms, ..base };
                Arc::new(CartesiaTts::new(config).unwrap())
            }
            ElevenLabs => {
                let format = ElevenLabsFormat::Pcm16000;
                let base = ElevenLabsConfig::default();
                let config = ElevenLabsConfig { key, url, voice, format, first_audio_ms, stall_ms, ..base };
                Arc::new(ElevenLabsTts::new(config).unwrap())
            }
            OpenAi => {
                let (url, sample_rate_hz, model) = (format!("{url}/v1"), self.rate().hz(), "a model".to_owned());
                let base = SpeechConfig { key, url, model, voice, sample_rate_hz, ..SpeechConfig::default() };
                let config = SpeechConfig { first_audio_ms, audio_ms: stall_ms, ..base };
                Arc::new(SpeechTts::new(config).unwrap())
            }
        }
    }
}

/// A voice whose samples say where they belong.
fn ramp(rate: SampleRate) -> Arc<dyn Tts> {
    let chunk_samples = rate.samples_in_ms(40) as usize;
    let config = TtsConfig { rate, chunk_samples, ms_per_character: MS_PER_CHARACTER, ..TtsConfig::default() };
    Arc::new(ScriptedTts::new(config))
}

/// Fakes that speak in real time, so that a reply is still being made when something happens to it.
pub(crate) fn fakes(faults: FaultScript) -> FakesConfig {
    let voice = ramp(SampleRate::Hz16000);
    FakesConfig {
        key: Some(KEY.into()),
        cartesia: CartesiaFake { voice: Arc::clone(&voice), pace_percent: 100, ..CartesiaFake::default() },
        elevenlabs: ElevenLabsFake { voice, pace_percent: 100, ..ElevenLabsFake::default() },
        speech: SpeechFake { voice: ramp(SampleRate::Hz24000), pace_percent: 100, ..SpeechFake::default() },
        faults,
        ..FakesConfig::default()
    }
}

/// Each rule with each vendor.
pub(crate) fn with_each<const N: usize>(
    vendors: [Vendor; N],
    rules: impl IntoIterator<Item = FaultRule>,
) -> impl Iterator<Item = (Vendor, FaultRule)> {
    let of = |rule: &FaultRule, vendor: Vendor| FaultRule { service: vendor.service(), ..rule.clone() };
    rules.into_iter().flat_map(move |rule| vendors.map(|vendor| (vendor, of(&rule, vendor))))
}

/// On every connection or request, once. Which service it is, is said later.
pub(crate) fn once(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Cartesia, fault)
}

/// On the first connection or request, before the first reply.
pub(crate) fn at_first(fault: Fault) -> FaultRule {
    once(fault).on(1)
}

/// On every message.
pub(crate) fn always(fault: Fault) -> FaultRule {
    once(fault).times(u64::MAX)
}

pub(crate) fn closes(code: Option<u16>) -> Fault {
    Fault::Close { code, reason: String::new() }
}

pub(crate) fn refuses(status: u16, retry_after_ms: Option<u64>) -> Fault {
    Fault::Refuse { status, retry_after_ms, body: None }
}
