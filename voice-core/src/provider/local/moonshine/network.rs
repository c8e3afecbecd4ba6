//! Moonshine's encoder and decoder: samples in, token ids out.
//!
//! Invariant: greedy and deterministic. The decoder's first step works on the whole sound and gives the keys and
//! values of the encoder, which every later step is given again unchanged; its attention mask has the length of the
//! raw samples, not of the encoder's output.

use super::super::runtime::{self, Packing};
use ort::environment::Environment;
use ort::session::{InMemorySession, SessionInputValue};
use ort::value::{DynValue, Tensor};

/// Layers, heads and width of a head of the decoder's attention, as tiny-en's files declare them.
const LAYERS: usize = 6;
const HEADS: usize = 8;
const HEAD_WIDTH: usize = 36;
/// What the decoder starts from, and what it ends with.
const START: i64 = 1;
const END: i64 = 2;
/// Shorter sounds are padded with silence: the encoder's first layers need some length.
const LEAST_SAMPLES: usize = 8_000;
/// Nobody speaks more tokens than 6.5 in a second (a figure of the model's authors); what goes on is a loop.
const TOKENS_A_SECOND: f32 = 6.5;
/// The rate of the sound.
const RATE: f32 = 16_000.0;
/// A group of tokens said this often in a row is a loop, and said once.
const LOOP_REPEATS: usize = 4;

/// The weights' bytes, shared by all networks. They live as long as the process, as the sessions use them in place.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    pub(super) encoder: &'static [u8],
    pub(super) decoder: &'static [u8],
}

/// One pair of sessions; belongs to one worker at a time.
pub(super) struct Network {
    encoder: InMemorySession<'static>,
    decoder: InMemorySession<'static>,
    /// Keys and values: names as the decoder's inputs, and as its outputs; decoder's and encoder's of each layer.
    past: Vec<String>,
    present: Vec<String>,
}

impl Network {
    pub(super) fn load(environment: &Environment, weights: Weights, packing: Packing) -> ort::Result<Self> {
        let names = |prefix: &str| {
            let of_layer = |layer| {
                ["decoder.key", "decoder.value", "encoder.key", "encoder.value"]
                    .map(|part| format!("{prefix}.{layer}.{part}"))
            };
            (0..LAYERS).flat_map(of_layer).collect()
        };
        Ok(Self {
            encoder: runtime::session(environment, weights.encoder, packing)?,
            decoder: runtime::session(environment, weights.decoder, packing)?,
            past: names("past_key_values"),
            present: names("present"),
        })
    }

    /// What is said in `samples`, as tokens. `None` if `is_stopped` said so between two tokens.
    pub(super) fn listen(&mut self, samples: &[i16], is_stopped: impl Fn() -> bool) -> ort::Result<Option<Vec<i64>>> {
        let length = samples.len().max(LEAST_SAMPLES);
        let mut sound: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        sound.resize(length, 0.0);
        let hidden = self.encode(sound)?;
        let mask: DynValue = Tensor::from_array(([1, length], vec![1_i64; length]))?.into_dyn();
        let mut memory = empty_memory(self.past.len())?;
        let (mut tokens, mut last) = (Vec::new(), START);
        for _ in 0..token_limit(samples.len()) {
            if is_stopped() {
                return Ok(None);
            }
            last = self.step(last, tokens.is_empty(), &hidden, &mask, &mut memory)?;
            if last == END {
                break;
            }
            tokens.push(last);
            if let Some(kept) = without_loop(&tokens) {
                tokens.truncate(kept);
                break;
            }
        }
        Ok(Some(tokens))
    }

    fn encode(&mut self, sound: Vec<f32>) -> ort::Result<DynValue> {
        let length = sound.len();
        let mask = Tensor::from_array(([1, length], vec![1_i64; length]))?;
        let input = Tensor::from_array(([1, length], sound))?;
        let mut outputs = self.encoder.run(ort::inputs!["input_values" => input, "attention_mask" => mask])?;
        outputs.remove("last_hidden_state").ok_or_else(|| missing("last_hidden_state"))
    }

    /// The token after `token`; `memory` holds the keys and values so far.
    fn step(
        &mut self,
        token: i64,
        first: bool,
        hidden: &DynValue,
        mask: &DynValue,
        memory: &mut [DynValue],
    ) -> ort::Result<i64> {
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> = vec![
            ("input_ids", Tensor::from_array(([1, 1], vec![token]))?.into()),
            ("encoder_hidden_states", hidden.into()),
            ("encoder_attention_mask", mask.into()),
            ("use_cache_branch", Tensor::from_array(([1], vec![!first]))?.into()),
        ];
        inputs.extend(self.past.iter().zip(&*memory).map(|(name, value)| (name.as_str(), value.into())));
        let mut outputs = self.decoder.run(inputs)?;
        let logits = outputs.remove("logits").ok_or_else(|| missing("logits"))?;
        for (name, value) in self.present.iter().zip(memory) {
            if first || name.contains(".decoder.") {
                *value = outputs.remove(name).ok_or_else(|| missing(name))?;
            }
        }
        let (_, logits) = logits.try_extract_tensor::<f32>()?;
        Ok(likeliest(logits))
    }
}

/// Keys and values of nothing: the first step reads none of them.
fn empty_memory(count: usize) -> ort::Result<Vec<DynValue>> {
    let empty = || Ok(Tensor::from_array(([1, HEADS, 0, HEAD_WIDTH], Vec::<f32>::new()))?.into_dyn());
    (0..count).map(|_| empty()).collect()
}

fn likeliest(logits: &[f32]) -> i64 {
    let best = logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.and_then(|(at, _)| i64::try_from(at).ok()).unwrap_or(END)
}

fn token_limit(samples: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred"
    )]
    let limit = (samples as f32 / RATE * TOKENS_A_SECOND).ceil() as usize;
    limit.max(4)
}

/// If `tokens` end with a group repeated [`LOOP_REPEATS`] times: how many tokens to keep so that it stands there once.
fn without_loop(tokens: &[i64]) -> Option<usize> {
    let loops = |size: &usize| {
        let tail = tokens.get(tokens.len().checked_sub(size * LOOP_REPEATS)?..)?;
        let mut groups = tail.chunks(*size);
        let first = groups.next()?;
        groups.all(|group| group == first).then_some(tokens.len() - size * (LOOP_REPEATS - 1))
    };
    // One or two tokens alone can be digits ("0000"): they may repeat more.
    (3..=12).find_map(|size| loops(&size))
}

fn missing(output: &str) -> ort::Error {
    ort::Error::new(format!("the model gives no {output}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_said_four_times_is_a_loop() {
        let phrase = [7, 8, 9, 10];
        let mut tokens = vec![1, 2];
        tokens.extend(phrase.repeat(3));
        assert_eq!(without_loop(&tokens), None);
        tokens.extend(phrase);
        assert_eq!(without_loop(&tokens), Some(6));
        assert_eq!(without_loop(&[5, 5, 5, 5]), None, "digits repeat");
    }

    #[test]
    fn tokens_are_bounded_by_the_length_of_the_sound() {
        assert_eq!(token_limit(16_000), 7);
        assert_eq!(token_limit(100), 4);
        assert_eq!(token_limit(28 * 16_000), 182);
    }
}
