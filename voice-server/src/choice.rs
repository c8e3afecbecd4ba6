//! Which engines a stage has, in the order in which they are tried.

use crate::environment::Account;
use serde::Deserialize;
use serde::de::{self, Deserializer, IntoDeserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The engines of a stage: `"auto"`, a name, or a list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice<E> {
    /// The vendors the environment has a key for, in the order of the names, then what this machine has.
    #[default]
    Auto,
    /// These, in this order. Never empty.
    Listed(Vec<E>),
}

/// An engine as the configuration names it.
pub trait Named: Copy + PartialEq + de::DeserializeOwned + 'static {
    /// The key of the configuration.
    const KEY: &'static str;
    /// All there are, vendors' first, in the order of `auto`.
    const ALL: &'static [Self];

    /// How it is written.
    fn name(self) -> &'static str;

    /// Whose key it needs; none for an engine of this machine.
    fn account(self) -> Option<Account>;
}

/// What hears words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SttEngine {
    /// Deepgram Flux, which finds turns itself.
    Flux,
    /// Deepgram Nova-3.
    Nova,
    /// Moonshine, on this machine.
    Moonshine,
    /// A stand-in that notices speech but understands none.
    StandIn,
}

/// What thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmEngine {
    /// Groq.
    Groq,
    /// OpenAI, or a server that speaks as it does.
    #[serde(rename = "openai")]
    OpenAi,
    /// A vLLM server.
    Vllm,
    /// An Ollama server.
    Ollama,
    /// A server of llama.cpp.
    LlamaCpp,
    /// The scripted dialogue.
    Dialogue,
}

/// What speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TtsEngine {
    /// Cartesia.
    Cartesia,
    /// ElevenLabs.
    #[serde(rename = "elevenlabs")]
    ElevenLabs,
    /// OpenAI, or a server that speaks as it does.
    #[serde(rename = "openai")]
    OpenAi,
    /// SVOX Pico, on this machine.
    Pico,
    /// Tones in the rhythm of the words.
    Tones,
}

impl Named for SttEngine {
    const KEY: &'static str = "stt";
    const ALL: &'static [Self] = &[Self::Flux, Self::Nova, Self::Moonshine, Self::StandIn];

    fn name(self) -> &'static str {
        match self {
            Self::Flux => "flux",
            Self::Nova => "nova",
            Self::Moonshine => "moonshine",
            Self::StandIn => "stand_in",
        }
    }

    fn account(self) -> Option<Account> {
        match self {
            Self::Flux | Self::Nova => Some(Account::Deepgram),
            Self::Moonshine | Self::StandIn => None,
        }
    }
}

impl Named for LlmEngine {
    const KEY: &'static str = "llm";
    const ALL: &'static [Self] = &[Self::Groq, Self::OpenAi, Self::Vllm, Self::Ollama, Self::LlamaCpp, Self::Dialogue];

    fn name(self) -> &'static str {
        match self {
            Self::Groq => "groq",
            Self::OpenAi => "openai",
            Self::Vllm => "vllm",
            Self::Ollama => "ollama",
            Self::LlamaCpp => "llama_cpp",
            Self::Dialogue => "dialogue",
        }
    }

    fn account(self) -> Option<Account> {
        match self {
            Self::Groq => Some(Account::Groq),
            Self::OpenAi => Some(Account::OpenAi),
            Self::Vllm => Some(Account::Vllm),
            Self::Ollama => Some(Account::Ollama),
            Self::LlamaCpp => Some(Account::LlamaCpp),
            Self::Dialogue => None,
        }
    }
}

impl Named for TtsEngine {
    const KEY: &'static str = "tts";
    const ALL: &'static [Self] = &[Self::Cartesia, Self::ElevenLabs, Self::OpenAi, Self::Pico, Self::Tones];

    fn name(self) -> &'static str {
        match self {
            Self::Cartesia => "cartesia",
            Self::ElevenLabs => "elevenlabs",
            Self::OpenAi => "openai",
            Self::Pico => "pico",
            Self::Tones => "tones",
        }
    }

    fn account(self) -> Option<Account> {
        match self {
            Self::Cartesia => Some(Account::Cartesia),
            Self::ElevenLabs => Some(Account::ElevenLabs),
            Self::OpenAi => Some(Account::OpenAi),
            Self::Pico | Self::Tones => None,
        }
    }
}

impl<'de, E: Named> Deserialize<'de> for Choice<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor(PhantomData))
    }
}

struct ChoiceVisitor<E>(PhantomData<E>);

impl<'de, E: Named> Visitor<'de> for ChoiceVisitor<E> {
    type Value = Choice<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = E::ALL.iter().map(|engine| format!("{:?}", engine.name())).collect();
        write!(f, "\"auto\", or one or a list of {}", names.join(", "))
    }

    fn visit_str<X: de::Error>(self, name: &str) -> Result<Choice<E>, X> {
        if name == "auto" {
            return Ok(Choice::Auto);
        }
        let engine = E::deserialize(IntoDeserializer::<X>::into_deserializer(name));
        engine
            .map(|engine| Choice::Listed(vec![engine]))
            .map_err(|_| X::invalid_value(de::Unexpected::Str(name), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Choice<E>, A::Error> {
        let mut engines = Vec::new();
        while let Some(engine) = names.next_element::<E>()? {
            if engines.contains(&engine) {
                return Err(de::Error::custom(format!("{} is listed twice", engine.name())));
            }
            engines.push(engine);
        }
        if engines.is_empty() {
            return Err(de::Error::invalid_length(0, &self));
        }
        Ok(Choice::Listed(engines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<E: Named>(value: &str) -> Result<Choice<E>, String> {
        let read = toml::from_str::<std::collections::BTreeMap<String, Choice<E>>>(&format!("key = {value}\n"));
        read.map(|mut map| map.remove("key").unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_choice_is_auto_a_name_or_a_list_in_its_order() {
        assert_eq!(parse::<SttEngine>("\"auto\""), Ok(Choice::Auto));
        assert_eq!(parse(r#""flux""#), Ok(Choice::Listed(vec![SttEngine::Flux])));
        assert_eq!(parse(r#"["pico", "openai"]"#), Ok(Choice::Listed(vec![TtsEngine::Pico, TtsEngine::OpenAi])));
    }

    #[test]
    fn what_is_none_is_answered_with_the_names() {
        for wrong in ["\"whisper\"", "[]", "3", "[\"auto\"]", "[\"flux\", \"flux\"]"] {
            let said = parse::<SttEngine>(wrong).unwrap_err();
            assert!(said.contains("moonshine") || said.contains("twice"), "{wrong}: {said}");
        }
    }

    #[test]
    fn every_name_is_read_as_what_it_names() {
        fn all<E: Named + fmt::Debug>() {
            for &engine in E::ALL {
                assert_eq!(parse(&format!("{:?}", engine.name())), Ok(Choice::Listed(vec![engine])));
            }
        }
        all::<SttEngine>();
        all::<LlmEngine>();
        all::<TtsEngine>();
    }
}
