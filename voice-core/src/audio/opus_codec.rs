//! Opus for the line: 20 ms mono packets, with concealment and in-band recovery of a lost one.
//!
//! Invariant: caller-owned buffers are appended to, and left as they were where an error is returned. Packets come from
//! the network: any bytes are either decoded or an error. It knows nothing of sequence numbers: who receives the packets
//! says which one was lost.

use super::frame::FRAME_MS;
use crate::units::SampleRate;
use opus::{Application, Bitrate, Channels, Decoder, Encoder};

/// The longest packet sent or taken: the limit of one Opus frame (RFC 6716, section 3.2.1).
pub const MAX_OPUS_PACKET_BYTES: usize = 1_275;

/// The longest audio one packet may hold (RFC 6716, section 2.1.4).
const MAX_PACKET_MS: u64 = 120;

/// Why Opus audio could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpusError {
    /// The encoder takes frames of 20 ms only.
    #[error("an Opus frame of {samples} samples; give it exactly 20 ms, {expected} samples")]
    FrameLength {
        /// Samples given.
        samples: usize,
        /// Samples of 20 ms at the encoder's rate.
        expected: usize,
    },
    /// A packet without content.
    #[error("an empty Opus packet; conceal the frame if it was lost")]
    EmptyPacket,
    /// A packet longer than any that a 20 ms frame can need.
    #[error("an Opus packet of {bytes} bytes; the limit is {MAX_OPUS_PACKET_BYTES}, so send one frame a packet")]
    PacketTooLong {
        /// Its length.
        bytes: usize,
    },
    /// Bytes that are no Opus packet.
    #[error("not an Opus packet ({reason}); conceal the frame and go on")]
    Corrupt {
        /// What the decoder says.
        reason: &'static str,
    },
    /// The codec refused its settings or failed inside.
    #[error("the Opus codec failed ({reason}); check its configuration")]
    Codec {
        /// What the codec says.
        reason: &'static str,
    },
}

impl OpusError {
    fn codec(error: opus::Error) -> Self {
        Self::Codec { reason: error.description() }
    }

    fn corrupt(error: opus::Error) -> Self {
        Self::Corrupt { reason: error.description() }
    }
}

/// How the encoder trades quality, bytes and CPU. The defaults suit a voice on a lossy network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusConfig {
    /// Bits per second on average, without packet headers; Opus takes 500 to 512,000.
    pub bitrate_bps: u32,
    /// 0 to 10; each step costs CPU. 5 is where voice stops gaining audibly.
    pub complexity: u8,
    /// The share of packets expected to be lost, 0 to 100. From it follows how much goes into `in_band_fec`.
    pub expected_loss_percent: u8,
    /// Whether each packet also carries a coarse copy of the frame before it.
    pub in_band_fec: bool,
}

impl Default for OpusConfig {
    fn default() -> Self {
        Self { bitrate_bps: 24_000, complexity: 5, expected_loss_percent: 10, in_band_fec: true }
    }
}

/// Encodes frames of 20 ms to packets.
pub struct OpusEncoder {
    encoder: Encoder,
    frame_samples: usize,
    lookahead_samples: usize,
}

impl OpusEncoder {
    /// An encoder for voice at `rate`.
    ///
    /// # Errors
    /// [`OpusError::Codec`] where the codec refuses the configuration.
    pub fn new(rate: SampleRate, config: &OpusConfig) -> Result<Self, OpusError> {
        let mut encoder = Encoder::new(rate.hz(), Channels::Mono, Application::Voip).map_err(OpusError::codec)?;
        configure(&mut encoder, config).map_err(OpusError::codec)?;
        let lookahead = encoder.get_lookahead().map_err(OpusError::codec)?;
        Ok(Self {
            encoder,
            frame_samples: rate.samples_in_ms(FRAME_MS) as usize,
            lookahead_samples: usize::try_from(lookahead).unwrap_or(0),
        })
    }

    /// Encodes exactly 20 ms and appends the packet, at most [`MAX_OPUS_PACKET_BYTES`], to `packet`.
    ///
    /// # Errors
    /// [`OpusError::FrameLength`], [`OpusError::Codec`].
    pub fn encode(&mut self, samples: &[i16], packet: &mut Vec<u8>) -> Result<(), OpusError> {
        if samples.len() != self.frame_samples {
            return Err(OpusError::FrameLength { samples: samples.len(), expected: self.frame_samples });
        }
        let start = packet.len();
        packet.resize(start + MAX_OPUS_PACKET_BYTES, 0);
        let encoded = self.encoder.encode(samples, &mut packet[start..]);
        packet.truncate(start + encoded.as_ref().map_or(0, |bytes| *bytes));
        encoded.map(|_| ()).map_err(OpusError::codec)
    }

    /// Begins anew, as if nothing had been encoded: the next packet holds nothing of the frames before, and a decoder
    /// that begins with it needs none of theirs.
    ///
    /// # Errors
    /// [`OpusError::Codec`].
    pub fn restart(&mut self) -> Result<(), OpusError> {
        self.encoder.reset_state().map_err(OpusError::codec)
    }

    /// How many samples later than they went in the decoder gives them back: 6.5 ms of them.
    pub fn lookahead_samples(&self) -> usize {
        self.lookahead_samples
    }
}

fn configure(encoder: &mut Encoder, config: &OpusConfig) -> Result<(), opus::Error> {
    encoder.set_bitrate(Bitrate::Bits(i32::try_from(config.bitrate_bps).unwrap_or(i32::MAX)))?;
    encoder.set_complexity(config.complexity.into())?;
    encoder.set_inband_fec(config.in_band_fec)?;
    encoder.set_packet_loss_perc(config.expected_loss_percent.into())
}

/// Decodes packets to samples and fills in for lost ones.
pub struct OpusDecoder {
    decoder: Decoder,
    frame_samples: usize,
    max_samples: usize,
}

impl OpusDecoder {
    /// A decoder to samples at `rate`, whatever rate the sender encoded.
    ///
    /// # Errors
    /// [`OpusError::Codec`].
    pub fn new(rate: SampleRate) -> Result<Self, OpusError> {
        Ok(Self {
            decoder: Decoder::new(rate.hz(), Channels::Mono).map_err(OpusError::codec)?,
            frame_samples: rate.samples_in_ms(FRAME_MS) as usize,
            max_samples: rate.samples_in_ms(MAX_PACKET_MS) as usize,
        })
    }

    /// Begins anew, for packets of an encoder that does.
    ///
    /// # Errors
    /// [`OpusError::Codec`].
    pub fn restart(&mut self) -> Result<(), OpusError> {
        self.decoder.reset_state().map_err(OpusError::codec)
    }

    /// Decodes the next packet and appends its audio, at most 120 ms, to `samples`.
    ///
    /// # Errors
    /// [`OpusError::EmptyPacket`], [`OpusError::PacketTooLong`], [`OpusError::Corrupt`].
    pub fn decode(&mut self, packet: &[u8], samples: &mut Vec<i16>) -> Result<(), OpusError> {
        check_packet(packet)?;
        self.append(packet, self.max_samples, Source::Packet, samples).map_err(OpusError::corrupt)
    }

    /// Appends 20 ms made up from what came before, for a packet that is lost.
    ///
    /// # Errors
    /// [`OpusError::Codec`].
    pub fn conceal(&mut self, samples: &mut Vec<i16>) -> Result<(), OpusError> {
        self.append(&[], self.frame_samples, Source::Packet, samples).map_err(OpusError::codec)
    }

    /// Appends the 20 ms of the one lost packet just before `next_packet`, from the copy that this carries; concealed
    /// where it carries none. `next_packet` itself is to be decoded afterwards.
    ///
    /// # Errors
    /// [`OpusError::EmptyPacket`], [`OpusError::PacketTooLong`], [`OpusError::Corrupt`].
    pub fn recover(&mut self, next_packet: &[u8], samples: &mut Vec<i16>) -> Result<(), OpusError> {
        check_packet(next_packet)?;
        self.append(next_packet, self.frame_samples, Source::CopyOfTheFrameBefore, samples).map_err(OpusError::corrupt)
    }

    fn append(
        &mut self,
        packet: &[u8],
        most: usize,
        source: Source,
        samples: &mut Vec<i16>,
    ) -> Result<(), opus::Error> {
        let start = samples.len();
        samples.resize(start + most, 0);
        let from_copy = matches!(source, Source::CopyOfTheFrameBefore);
        let decoded = self.decoder.decode(packet, &mut samples[start..], from_copy);
        samples.truncate(start + decoded.as_ref().map_or(0, |count| *count));
        decoded.map(|_| ())
    }
}

/// What of a packet is decoded.
#[derive(Clone, Copy)]
enum Source {
    Packet,
    CopyOfTheFrameBefore,
}

fn check_packet(packet: &[u8]) -> Result<(), OpusError> {
    match packet.len() {
        0 => Err(OpusError::EmptyPacket),
        bytes if bytes > MAX_OPUS_PACKET_BYTES => Err(OpusError::PacketTooLong { bytes }),
        _ => Ok(()),
    }
}

impl std::fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusEncoder").field("frame_samples", &self.frame_samples).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusDecoder").field("frame_samples", &self.frame_samples).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "opus_codec_tests.rs"]
mod tests;
