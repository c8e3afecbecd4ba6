//! What Flux and Nova share at the door: keys, refusals, the form of the audio.

use super::visit::{Head, Refusal, Shared};
use crate::audio::G711;
use serde_json::json;

/// How a Configure message is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigureAnswer {
    /// As its content deserves.
    #[default]
    Judged,
    /// As its content deserves, so much later. Further ones fail meanwhile.
    Late {
        /// How much.
        ms: u64,
    },
    /// With a failure that has a code.
    Fails,
    /// With a failure that has none.
    FailsSilently,
    /// Not at all (Nova: the stream falls silent as well).
    Never,
}

/// The shape of most refusals, and its headers.
pub(crate) fn refusal(status: u16, said: &str, request_id: &str) -> Refusal {
    let code = match status {
        400 => "Bad Request",
        401 => "INVALID_AUTH",
        402 => "ASR_PAYMENT_REQUIRED",
        403 => "INSUFFICIENT_PERMISSIONS",
        429 => "TOO_MANY_REQUESTS",
        _ => "INTERNAL_SERVER_ERROR",
    };
    let body = json!({ "err_code": code, "err_msg": said, "request_id": request_id });
    tagged(Refusal::json(status, &body), said, request_id)
}

/// `refusal` with the headers that every refusal has.
pub(crate) fn tagged(refusal: Refusal, said: &str, request_id: &str) -> Refusal {
    refusal.header("dg-error", said).header("dg-request-id", request_id)
}

/// Checks the key. Gives the subprotocol to echo, if the key came in one.
pub(crate) fn admit(head: &Head, shared: &Shared) -> Result<Option<String>, &'static str> {
    let offered = head.subprotocols();
    let (key, chosen) = match offered[..] {
        [scheme, key] if ["token", "bearer"].contains(&scheme) => (Some(key), Some(scheme.to_owned())),
        _ => (head.authorization(&["Token", "Bearer"]), None),
    };
    if shared.accepts(key) { Ok(chosen) } else { Err("Invalid credentials.") }
}

/// How raw audio is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Linear16,
    G711(G711),
}

/// Turns binary messages into samples.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    encoding: Encoding,
    hz: u32,
    half: Option<u8>,
}

impl Decoder {
    /// As the query says. The fakes read raw audio only: containers and compressed audio are refused.
    pub(crate) fn new(head: &Head, rates: &[u32]) -> Result<Self, String> {
        let encoding = match head.query("encoding") {
            Some("linear16") => Encoding::Linear16,
            Some("mulaw") => Encoding::G711(G711::MuLaw),
            Some("alaw") => Encoding::G711(G711::ALaw),
            Some(other) => return Err(format!("encoding {other} is not understood here")),
            None => return Err("encoding is missing, and containers are not understood here".into()),
        };
        let hz = head.query("sample_rate").ok_or("sample_rate is required with encoding")?;
        let hz = hz.parse().ok().filter(|hz| rates.contains(hz));
        let hz = hz.ok_or_else(|| format!("sample_rate must be one of {rates:?}"))?;
        Ok(Self { encoding, hz, half: None })
    }

    /// Samples per second.
    pub(crate) fn hz(&self) -> u32 {
        self.hz
    }

    /// The samples of one message; half a sample waits for the next.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut samples = Vec::with_capacity(bytes.len());
        match self.encoding {
            Encoding::G711(law) => law.decode(bytes, &mut samples),
            Encoding::Linear16 => {
                for byte in bytes {
                    match self.half.take() {
                        Some(low) => samples.push(i16::from_le_bytes([low, *byte])),
                        None => self.half = Some(*byte),
                    }
                }
            }
        }
        samples
    }
}

/// A parameter that is a boolean written as text.
pub(crate) fn flag(head: &Head, name: &str) -> Result<bool, String> {
    match head.query(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(format!("{name} must be true or false, not {other}")),
    }
}

/// A number within `range`, if it is there.
pub(crate) fn number(head: &Head, name: &str, range: std::ops::RangeInclusive<f64>) -> Result<Option<f64>, String> {
    let Some(text) = head.query(name) else { return Ok(None) };
    let value = text.parse().ok().filter(|value| range.contains(value));
    let wrong = || format!("{name} must be a number from {} to {}, not {text}", range.start(), range.end());
    value.map(Some).ok_or_else(wrong)
}
