//! Opus on the line: packets of the caller to samples, frames of the agent to packets.
//!
//! Invariant: packets of one reply hold nothing of another, and together they hold all of it, down to what an encoder looks
//! ahead. It knows positions, not messages.

use crate::audio::{FRAME_MS, Frame, OpusConfig, OpusDecoder, OpusEncoder, OpusError};
use crate::transport::native::{AudioError, FormatError};
use crate::units::{Position, ReplyId, SampleRate};

/// The most lost packets that are made up; past it concealment fades to silence anyway (100 ms).
const MAX_CONCEALED: u64 = 5;

/// Opus packets of the caller; short gaps between them are concealed.
pub(super) struct OpusInput {
    decoder: OpusDecoder,
    packet_samples: u64,
}

impl OpusInput {
    pub(super) fn new(rate: SampleRate) -> Result<Self, FormatError> {
        let decoder = OpusDecoder::new(rate).map_err(|_| FormatError::NoOpus)?;
        Ok(Self { decoder, packet_samples: rate.samples_in_ms(FRAME_MS) })
    }

    /// Appends the packet's audio, after as much as was made up of the `lost` samples before it; gives how much that was.
    pub(super) fn decode(&mut self, lost: u64, packet: &[u8], samples: &mut Vec<i16>) -> Result<u64, AudioError> {
        let decoded = self.fill_gap(lost, packet, samples).and_then(|made_up| {
            self.decoder.decode(packet, samples)?;
            Ok(made_up)
        });
        decoded.map_err(|error| {
            samples.clear();
            AudioError::Codec(error.to_string())
        })
    }

    /// A packet carries a coarse copy of the one before it; what was lost before that is concealed.
    fn fill_gap(&mut self, lost: u64, packet: &[u8], samples: &mut Vec<i16>) -> Result<u64, OpusError> {
        let lost_packets = lost / self.packet_samples;
        if lost_packets == 0 || lost_packets > MAX_CONCEALED || !lost.is_multiple_of(self.packet_samples) {
            return Ok(0);
        }
        for _ in 1..lost_packets {
            self.decoder.conceal(samples)?;
        }
        self.decoder.recover(packet, samples)?;
        Ok(lost)
    }
}

/// Opus packets of 20 ms of the agent.
pub(super) struct OpusOutput {
    encoder: OpusEncoder,
    frame_samples: usize,
    reply: Option<ReplyId>,
    /// Just after the last sample that was encoded of the reply.
    end: Position,
    /// Silence that was encoded after it.
    padding: usize,
    padded: Vec<i16>,
    packet: Vec<u8>,
}

impl OpusOutput {
    pub(super) fn new(rate: SampleRate) -> Result<Self, FormatError> {
        let encoder = OpusEncoder::new(rate, &OpusConfig::default()).map_err(|_| FormatError::NoOpus)?;
        let frame_samples = rate.samples_in_ms(FRAME_MS) as usize;
        let (reply, end, padding) = (None, Position::ZERO, 0);
        Ok(Self { encoder, frame_samples, reply, end, padding, padded: Vec::new(), packet: Vec::new() })
    }

    /// The packet; a short frame is filled up with silence. Empty, which a client conceals, if the encoder fails. A new
    /// reply is encoded as if there had been none before.
    pub(super) fn encode(&mut self, reply: ReplyId, frame: &Frame) -> &[u8] {
        let is_ready = self.reply == Some(reply) || self.encoder.restart().is_ok();
        self.reply = Some(reply);
        self.end = frame.end();
        self.padding = self.frame_samples.saturating_sub(frame.samples().len());
        self.packet.clear();
        if is_ready {
            self.encode_padded(frame.samples());
        }
        &self.packet
    }

    /// A packet after the reply's last one, and where it begins: silence, with which a decoder gives what the encoder still
    /// has of the reply. None where the silence that filled up the last packet did that.
    pub(super) fn rest(&mut self, reply: ReplyId) -> Option<(Position, &[u8])> {
        self.reply.take_if(|encoded| *encoded == reply)?;
        if self.padding >= self.encoder.lookahead_samples() {
            return None;
        }
        self.packet.clear();
        self.encode_padded(&[]);
        Some((self.end.plus(self.padding as u64), &self.packet))
    }

    fn encode_padded(&mut self, samples: &[i16]) {
        self.padded.clear();
        self.padded.extend_from_slice(samples);
        self.padded.resize(self.frame_samples, 0);
        if self.encoder.encode(&self.padded, &mut self.packet).is_err() {
            self.packet.clear();
        }
    }
}
