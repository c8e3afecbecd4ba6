//! What breaks an answer off while it streams, and who can mend it.

use crate::provider::net::{Vendor, said_in};
use crate::stage::{Fault, StageError};
use serde_json::Value;

/// Why an answer broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AnswerFault {
    /// The server says so.
    Said { fault: Fault, said: String },
    /// What came is not the protocol.
    Garbled(String),
    /// The bytes ended before the answer did.
    Truncated,
}

impl AnswerFault {
    /// The fault that the data of an `event: error` tells.
    pub(super) fn in_event(data: &str) -> Self {
        let error: Value = serde_json::from_str(data).unwrap_or_default();
        let inner = error.get("error").unwrap_or(&error);
        Self::Said { fault: who_can_mend(inner), said: said_in(data.as_bytes()) }
    }

    /// The fault in an `error` field; empty ones are none.
    pub(super) fn in_error(error: &Value) -> Option<Self> {
        let is_error = match error {
            Value::String(said) => !said.trim().is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
        };
        let said = || said_in(error.as_str().map_or_else(|| error.to_string(), str::to_owned).as_bytes());
        is_error.then(|| Self::Said { fault: who_can_mend(error), said: said() })
    }

    /// The error to tell.
    pub(super) fn error(&self, vendor: &Vendor) -> StageError {
        match self {
            Self::Said { fault, said } => vendor.failed(*fault, said),
            Self::Garbled(what) => vendor.garbled(what),
            Self::Truncated => vendor.failed(Fault::Engine, "its answer ended before it was complete"),
        }
    }
}

/// A request that began well is rarely wrong: most errors on the way are the engine's, also those that it calls an
/// `invalid_request_error` (a tool call that the model wrote badly, say).
fn who_can_mend(error: &Value) -> Fault {
    let words = ["code", "type"].into_iter().filter_map(|field| error.get(field)?.as_str());
    let status = error.get("code").or_else(|| error.get("status")).and_then(Value::as_u64);
    for word in words {
        match word {
            "rate_limit_exceeded" | "rate_limit_error" | "tokens" | "requests" | "insufficient_quota" => {
                return Fault::Overload;
            }
            "invalid_api_key" | "model_not_found" | "not_found_error" | "authentication_error" => {
                return Fault::Configuration;
            }
            _ => {}
        }
    }
    match status {
        Some(429) => Fault::Overload,
        Some(401..=404) => Fault::Configuration,
        _ => Fault::Engine,
    }
}
