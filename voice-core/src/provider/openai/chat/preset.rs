//! What sets one OpenAI-compatible server apart from the others.
//!
//! Only differences that a request or a configuration shows; the stream is read the same way from all of them.

use serde::Deserialize;

/// The server behind the chat protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatPreset {
    /// Groq's cloud.
    #[default]
    Groq,
    /// OpenAI's cloud.
    #[serde(rename = "openai")]
    OpenAi,
    /// A vLLM server.
    Vllm,
    /// An Ollama server.
    Ollama,
    /// The HTTP server of llama.cpp.
    LlamaCpp,
}

/// Whether a server answers without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyNeed {
    Needed,
    Optional,
}

impl ChatPreset {
    /// Its name, as errors and bills say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Groq => "Groq",
            Self::OpenAi => "OpenAI",
            Self::Vllm => "vLLM",
            Self::Ollama => "Ollama",
            Self::LlamaCpp => "llama.cpp",
        }
    }

    /// Where it is reached unless the configuration says otherwise; for the local ones their usual port.
    pub fn url(self) -> &'static str {
        match self {
            Self::Groq => "https://api.groq.com/openai/v1",
            Self::OpenAi => "https://api.openai.com/v1",
            Self::Vllm => "http://127.0.0.1:8000/v1",
            Self::Ollama => "http://127.0.0.1:11434/v1",
            Self::LlamaCpp => "http://127.0.0.1:8080/v1",
        }
    }

    /// The setting that an operator would put the address in, named by errors.
    pub fn url_setting(self) -> &'static str {
        match self {
            Self::Groq => "GROQ_URL",
            Self::OpenAi => "OPENAI_URL",
            Self::Vllm => "VLLM_URL",
            Self::Ollama => "OLLAMA_URL",
            Self::LlamaCpp => "LLAMA_CPP_URL",
        }
    }

    /// The setting that an operator would put the key in, named by errors.
    pub fn key_setting(self) -> &'static str {
        match self {
            Self::Groq => "GROQ_API_KEY",
            Self::OpenAi => "OPENAI_API_KEY",
            Self::Vllm => "VLLM_API_KEY",
            Self::Ollama => "OLLAMA_API_KEY",
            Self::LlamaCpp => "LLAMA_CPP_API_KEY",
        }
    }

    pub(super) fn key_need(self) -> KeyNeed {
        match self {
            Self::Groq | Self::OpenAi => KeyNeed::Needed,
            Self::Vllm | Self::Ollama | Self::LlamaCpp => KeyNeed::Optional,
        }
    }

    /// What it calls the longest answer. Groq and OpenAI deprecate `max_tokens`; Ollama knows only that, and older vLLM
    /// and llama.cpp too.
    pub(super) fn max_tokens_field(self) -> &'static str {
        match self {
            Self::Groq | Self::OpenAi => "max_completion_tokens",
            Self::Vllm | Self::Ollama | Self::LlamaCpp => "max_tokens",
        }
    }

    /// Ollama has no `parallel_tool_calls`.
    pub(super) fn knows_parallel_tool_calls(self) -> bool {
        self != Self::Ollama
    }

    /// Only Groq has `reasoning_format`.
    pub(super) fn knows_reasoning_format(self) -> bool {
        self == Self::Groq
    }
}
