//! The audio of binary messages in the agreed encoding.
//!
//! Invariant: buffers are kept, so that a warm codec allocates nothing per frame beyond what the socket holds on to.

use crate::audio::{Frame, G711, pcm16_from_le_bytes};
#[cfg(feature = "opus")]
use crate::audio::{OpusConfig, OpusDecoder, OpusEncoder};
use crate::transport::native::{AudioError, AudioHeader, Encoding, FormatError, HEADER_BYTES};
use crate::units::{ReplyId, SampleRate};
use bytes::{BufMut, Bytes, BytesMut};

/// How many messages' worth of memory the encoder asks for at a time; it is used again once the socket has let go of it.
const MESSAGES_PER_BLOCK: usize = 4;

/// The most lost packets that are made up; past it concealment fades to silence anyway (100 ms).
#[cfg(feature = "opus")]
const MAX_CONCEALED: u64 = 5;

/// Caller audio to samples.
pub(super) enum Decoder {
    Pcm16,
    Mulaw,
    #[cfg(feature = "opus")]
    Opus(Box<OpusInput>),
}

impl Decoder {
    pub(super) fn new(encoding: Encoding, rate: SampleRate) -> Result<Self, FormatError> {
        match encoding {
            Encoding::Pcm16 => Ok(Self::Pcm16),
            Encoding::Mulaw => Ok(Self::Mulaw),
            #[cfg(feature = "opus")]
            Encoding::Opus => Ok(Self::Opus(Box::new(OpusInput::new(rate)?))),
            #[cfg(not(feature = "opus"))]
            Encoding::Opus => no_opus(rate),
        }
    }

    /// Replaces `samples` by the payload's, before which `lost` samples are missing. Gives how many of them were made
    /// up and put in front. On an error `samples` is empty.
    pub(super) fn decode(&mut self, lost: u64, payload: &[u8], samples: &mut Vec<i16>) -> Result<u64, AudioError> {
        samples.clear();
        match self {
            Self::Pcm16 => pcm16_from_le_bytes(payload, samples)?,
            Self::Mulaw => G711::MuLaw.decode(payload, samples),
            #[cfg(feature = "opus")]
            Self::Opus(input) => return input.decode(lost, payload, samples),
        }
        let _ = lost;
        Ok(0)
    }

    /// An upper bound of the samples in so many bytes, for refusing a message before it is decoded. An Opus packet is
    /// bounded by its codec.
    pub(super) fn max_samples(&self, payload_bytes: usize) -> usize {
        match self {
            Self::Pcm16 => payload_bytes / 2,
            Self::Mulaw => payload_bytes,
            #[cfg(feature = "opus")]
            Self::Opus(_) => 0,
        }
    }
}

/// Opus packets of the caller; short gaps between them are concealed.
#[cfg(feature = "opus")]
pub(super) struct OpusInput {
    decoder: OpusDecoder,
    packet_samples: u64,
}

#[cfg(feature = "opus")]
impl OpusInput {
    fn new(rate: SampleRate) -> Result<Self, FormatError> {
        let decoder = OpusDecoder::new(rate).map_err(|_| FormatError::NoOpus)?;
        Ok(Self { decoder, packet_samples: rate.samples_in_ms(crate::audio::FRAME_MS) })
    }

    fn decode(&mut self, lost: u64, packet: &[u8], samples: &mut Vec<i16>) -> Result<u64, AudioError> {
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
    fn fill_gap(&mut self, lost: u64, packet: &[u8], samples: &mut Vec<i16>) -> Result<u64, crate::audio::OpusError> {
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

#[cfg(not(feature = "opus"))]
fn no_opus<T>(_rate: SampleRate) -> Result<T, FormatError> {
    Err(FormatError::NoOpus)
}

/// Frames of agent audio to binary messages.
pub(super) struct Encoder {
    voice: Voice,
    out: BytesMut,
}

enum Voice {
    Pcm16,
    Mulaw,
    #[cfg(feature = "opus")]
    Opus(Box<OpusOutput>),
}

impl Encoder {
    pub(super) fn new(encoding: Encoding, rate: SampleRate) -> Result<Self, FormatError> {
        let voice = match encoding {
            Encoding::Pcm16 => Voice::Pcm16,
            Encoding::Mulaw => Voice::Mulaw,
            #[cfg(feature = "opus")]
            Encoding::Opus => Voice::Opus(Box::new(OpusOutput::new(rate)?)),
            #[cfg(not(feature = "opus"))]
            Encoding::Opus => return no_opus(rate),
        };
        Ok(Self { voice, out: BytesMut::new() })
    }

    /// One whole message.
    pub(super) fn encode(&mut self, reply: ReplyId, frame: &Frame) -> Bytes {
        let message_bytes = HEADER_BYTES + frame.samples().len() * 2;
        if self.out.capacity() < message_bytes {
            self.out.reserve(message_bytes * MESSAGES_PER_BLOCK);
        }
        AudioHeader::Agent { reply, position: frame.position() }.write(&mut self.out);
        match &mut self.voice {
            Voice::Pcm16 => frame.samples().iter().for_each(|sample| self.out.put_i16_le(*sample)),
            Voice::Mulaw => self.out.extend(frame.samples().iter().map(|sample| G711::MuLaw.encode_sample(*sample))),
            #[cfg(feature = "opus")]
            Voice::Opus(output) => self.out.extend_from_slice(output.encode(frame.samples())),
        }
        self.out.split().freeze()
    }
}

/// Opus packets of 20 ms.
#[cfg(feature = "opus")]
struct OpusOutput {
    encoder: OpusEncoder,
    frame_samples: usize,
    padded: Vec<i16>,
    packet: Vec<u8>,
}

#[cfg(feature = "opus")]
impl OpusOutput {
    fn new(rate: SampleRate) -> Result<Self, FormatError> {
        let encoder = OpusEncoder::new(rate, &OpusConfig::default()).map_err(|_| FormatError::NoOpus)?;
        let frame_samples = rate.samples_in_ms(crate::audio::FRAME_MS) as usize;
        Ok(Self { encoder, frame_samples, padded: Vec::new(), packet: Vec::new() })
    }

    /// The packet; a short frame is filled up with silence. Empty, which a client conceals, if the encoder fails.
    fn encode(&mut self, samples: &[i16]) -> &[u8] {
        self.packet.clear();
        self.padded.clear();
        self.padded.extend_from_slice(samples);
        self.padded.resize(self.frame_samples, 0);
        if self.encoder.encode(&self.padded, &mut self.packet).is_err() {
            self.packet.clear();
        }
        &self.packet
    }
}
