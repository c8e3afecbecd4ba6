//! Probabilities in JSON, also those that are none: JSON has no word for NaN or infinity, and what a machine was told has
//! to be read back as it was.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f32),
    Text(String),
}

pub(super) fn serialize<S: Serializer>(value: &f32, to: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { to.serialize_f32(*value) } else { to.collect_str(value) }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    match Written::deserialize(from)? {
        Written::Number(value) => Ok(value),
        Written::Text(text) => text.parse().map_err(D::Error::custom),
    }
}
