//! What a scripted language model says.

use crate::stage::{TokenUsage, ToolCall};

/// The rhythm of a [`super::ScriptedLlm`]. The default has no delay and then no timer is used: tokio's round to 1 ms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LlmConfig {
    /// From the request to the first token.
    pub first_token_ms: u64,
    /// From token to token.
    pub token_ms: u64,
    /// Up to so much is added to the first token's wait.
    pub jitter_ms: u64,
    /// The seed of the jitter.
    pub seed: u64,
}

/// One reply of the script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LlmReply {
    /// The text, token by token.
    pub tokens: Vec<String>,
    /// What is called after the text.
    pub tool_calls: Vec<ToolCall>,
    /// Reported before the end.
    pub usage: Option<TokenUsage>,
    /// What goes wrong, if anything.
    pub fault: Option<LlmFault>,
}

/// What can go wrong with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LlmFault {
    /// An error after so many tokens; 0 is before the first.
    ErrorAfter(usize),
    /// Nothing more after so many tokens.
    StallAfter(usize),
    /// The stream ends after so many tokens without saying that it is done.
    BreakAfter(usize),
    /// The tokens start over for ever, at least 1 ms apart.
    Endless,
}

impl LlmReply {
    /// A reply of `text`, a token a word.
    pub fn text(text: &str) -> Self {
        Self { tokens: text.split_inclusive(' ').map(String::from).collect(), ..Self::default() }
    }

    /// Adds a function call with `arguments_json`, a JSON object as text.
    #[must_use]
    pub fn call(mut self, call: &str, name: &str, arguments_json: &str) -> Self {
        let arguments_json = arguments_json.into();
        self.tool_calls.push(ToolCall { call: call.into(), name: name.into(), arguments_json });
        self
    }

    /// Reports `usage` before the end.
    #[must_use]
    pub fn usage(mut self, usage: TokenUsage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Goes wrong.
    #[must_use]
    pub fn fault(mut self, fault: LlmFault) -> Self {
        self.fault = Some(fault);
        self
    }
}
