//! One chunk of a chat answer as it is on the wire.
//!
//! Tolerant: a field that is missing, unknown or of another type than expected counts as absent, as every server has
//! fields of its own and not all of them agree with the documents.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A chunk. One that is an error has no choices.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    #[serde(deserialize_with = "lenient")]
    pub(super) choices: Option<Vec<Choice>>,
    /// Only with `include_usage`; in every chunk with vLLM's `continuous_usage_stats`.
    #[serde(deserialize_with = "lenient")]
    pub(super) usage: Option<Usage>,
    /// Groq's own.
    #[serde(deserialize_with = "lenient")]
    pub(super) x_groq: Option<XGroq>,
    #[serde(deserialize_with = "lenient")]
    pub(super) error: Option<Value>,
}

/// What one of the alternatives goes on with. Only one is ever asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    #[serde(deserialize_with = "lenient")]
    pub(super) index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) delta: Option<Delta>,
    #[serde(deserialize_with = "lenient")]
    pub(super) finish_reason: Option<String>,
}

/// The next piece. Thinking has its fields too; only that there is some matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    #[serde(deserialize_with = "lenient")]
    pub(super) content: Option<String>,
    /// Why the model will not answer, in its own words.
    #[serde(deserialize_with = "lenient")]
    pub(super) refusal: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) reasoning: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) reasoning_content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) tool_calls: Option<Vec<ToolCallDelta>>,
}

impl Delta {
    pub(super) fn is_thinking(&self) -> bool {
        [&self.reasoning, &self.reasoning_content].into_iter().flatten().any(|text| !text.is_empty())
    }
}

/// A whole call or a fragment of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCallDelta {
    #[serde(deserialize_with = "lenient")]
    pub(super) index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) function: Option<FunctionDelta>,
}

impl ToolCallDelta {
    /// Only the first fragment of a call has its name.
    pub(super) fn begins_a_call(&self) -> bool {
        !self.name().is_empty()
    }

    pub(super) fn name(&self) -> &str {
        self.function.as_ref().and_then(|function| function.name.as_deref()).unwrap_or_default()
    }

    /// The arguments' text; a server that sends them as an object instead means that object's text.
    pub(super) fn arguments(&self) -> String {
        match self.function.as_ref().and_then(|function| function.arguments.as_ref()) {
            Some(Value::String(text)) => text.clone(),
            Some(object @ Value::Object(_)) => object.to_string(),
            _ => String::new(),
        }
    }
}

/// The name comes whole, the arguments perhaps in fragments.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionDelta {
    #[serde(deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    arguments: Option<Value>,
}

/// Tokens used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    #[serde(deserialize_with = "lenient")]
    pub(super) prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) completion_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) prompt_tokens_details: Option<PromptDetails>,
}

/// Of the tokens read, those the server still knew.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PromptDetails {
    #[serde(deserialize_with = "lenient")]
    pub(super) cached_tokens: Option<u64>,
}

/// What Groq adds to the first and the final chunk.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct XGroq {
    #[serde(deserialize_with = "lenient")]
    pub(super) usage: Option<Usage>,
    /// Why the stream stopped early.
    #[serde(deserialize_with = "lenient")]
    pub(super) error: Option<Value>,
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(wire: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(wire)?;
    Ok(if value.is_null() { None } else { serde_json::from_value(value).ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_wrong_type_counts_as_absent() {
        let text = r#"{"choices":[{"index":"0","delta":{"content":7,"refusal":[],"tool_calls":[{"index":-1,"id":3}]},
            "finish_reason":false}],"usage":"none","x_groq":3,"error":null,"novel":{"deep":[1]}}"#;
        let chunk: Chunk = serde_json::from_str(text).unwrap();
        let choice = &chunk.choices.unwrap()[0];
        assert!(choice.index.is_none() && choice.finish_reason.is_none());
        let delta = choice.delta.as_ref().unwrap();
        assert!(delta.content.is_none() && delta.refusal.is_none() && !delta.is_thinking());
        assert!(delta.tool_calls.as_ref().unwrap()[0].index.is_none());
        assert!(chunk.usage.is_none() && chunk.x_groq.is_none() && chunk.error.is_none());
    }

    #[test]
    fn arguments_given_as_an_object_become_its_text() {
        let call: ToolCallDelta = serde_json::from_str(r#"{"function":{"name":"f","arguments":{"a":1}}}"#).unwrap();
        assert_eq!(call.arguments(), r#"{"a":1}"#);
    }
}
