//! The body of a chat request.
//!
//! Only what is configured is sent: servers refuse fields that their model does not take. `n` is never sent.

use super::config::ChatConfig;
use super::messages::{WireMessage, is_legal_name, wire_messages};
use crate::provider::openai::extra::extra_fields;
use crate::stage::{Fault, LlmRequest, StageError, ToolSpec};
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(flatten)]
    settings: &'a Map<String, Value>,
}

/// The fields that are the same for every request of a configuration.
///
/// # Errors
/// [`Fault::Configuration`] if one of the `extra` fields is not JSON, or is one that this engine writes itself.
pub(super) fn settings(config: &ChatConfig) -> Result<Map<String, Value>, StageError> {
    let preset = config.preset;
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Value>| drop(value.map(|value| fields.insert(name.to_owned(), value)));
    set("stream", Some(json!(true)));
    set("stream_options", Some(json!({"include_usage": true})));
    set(preset.max_tokens_field(), config.max_tokens.map(|tokens| json!(tokens)));
    set("temperature", config.temperature.map(rounded));
    set("top_p", config.top_p.map(rounded));
    set("seed", config.seed.map(|seed| json!(seed)));
    set("reasoning_effort", config.reasoning_effort.as_ref().map(|effort| json!(effort)));
    let format = config.reasoning_format.as_ref().filter(|_| preset.knows_reasoning_format());
    set("reasoning_format", format.map(|format| json!(format)));
    set("service_tier", config.service_tier.as_ref().map(|tier| json!(tier)));
    fields.extend(extra_fields(&config.extra, OWN_FIELDS).map_err(|reason| config.refused(reason))?);
    Ok(fields)
}

/// Fields that decide how the answer is read.
const OWN_FIELDS: &[&str] = &["model", "messages", "tools", "stream", "stream_options", "n"];

/// A number as it was written: 0.7, not the 0.699999988079071 that it is as the double of a float.
fn rounded(number: f32) -> Value {
    json!((f64::from(number) * 1e4).round() / 1e4)
}

/// The JSON of one request.
///
/// # Errors
/// [`Fault::Configuration`] that names the tool whose schema or name is wrong, or if there is nothing to answer.
pub(super) fn body(
    config: &ChatConfig,
    settings: &Map<String, Value>,
    request: &LlmRequest,
) -> Result<Vec<u8>, StageError> {
    let messages = wire_messages(&request.messages);
    if messages.is_empty() {
        return Err(config.refused("there is no message to answer".to_owned()));
    }
    let tools = request.tools.iter().map(|tool| wire_tool(config, tool)).collect::<Result<Vec<_>, _>>()?;
    let mut body = Body { model: &config.model, messages, tools, settings };
    let parallel = config.parallel_tool_calls.filter(|_| config.preset.knows_parallel_tool_calls());
    let with_parallel;
    if let Some(parallel) = parallel.filter(|_| !body.tools.is_empty()) {
        let mut fields = settings.clone();
        fields.insert("parallel_tool_calls".to_owned(), json!(parallel));
        with_parallel = fields;
        body.settings = &with_parallel;
    }
    serde_json::to_vec(&body).map_err(|error| config.refused(format!("the request is not JSON: {error}")))
}

fn wire_tool(config: &ChatConfig, tool: &ToolSpec) -> Result<Value, StageError> {
    let ToolSpec { name, description, parameters_json } = tool;
    if !is_legal_name(name) {
        let reason = format!("the tool {name:?} has a name that servers refuse: letters, digits, _ and -, at most 64");
        return Err(config.refused(reason));
    }
    let parameters: Map<String, Value> = serde_json::from_str(parameters_json)
        .map_err(|error| config.refused(format!("the parameters of the tool {name} are not a JSON object: {error}")))?;
    let function = json!({"name": name, "description": description, "parameters": parameters});
    Ok(json!({"type": "function", "function": function}))
}

impl ChatConfig {
    /// An error that only another configuration or another tool mends.
    pub(super) fn refused(&self, reason: String) -> StageError {
        StageError::Open { engine: self.preset.name(), reason, fault: Fault::Configuration }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
