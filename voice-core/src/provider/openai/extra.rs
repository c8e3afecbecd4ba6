//! Further fields of a request, as a configuration writes them.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The fields with their values, which are JSON as text. Not those of `own`, which decide how the answer is read.
///
/// # Errors
/// A sentence that names the field.
pub(super) fn extra_fields(extra: &BTreeMap<String, String>, own: &[&str]) -> Result<Map<String, Value>, String> {
    let field = |(name, text): (&String, &String)| {
        if own.contains(&name.as_str()) {
            return Err(format!("extra.{name} is written by this engine: leave it out"));
        }
        let value = serde_json::from_str(text);
        let value = value.map_err(|error| format!("extra.{name} is not JSON ({error}): text needs its quotes"))?;
        Ok((name.clone(), value))
    };
    extra.iter().map(field).collect()
}
