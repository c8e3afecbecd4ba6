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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f32::consts::TAU;

    const RATES: [SampleRate; 4] = [SampleRate::Hz8000, SampleRate::Hz16000, SampleRate::Hz24000, SampleRate::Hz48000];

    /// Harmonics of a gliding pitch, in syllables: what a voice codec expects.
    fn voice(rate: SampleRate, frames: usize) -> Vec<i16> {
        let mut phase = 0.0_f32;
        let samples = rate.samples_in_ms(FRAME_MS) as usize * frames;
        let value = |n: usize| {
            let seconds = n as f32 / rate.hz() as f32;
            phase += (150.0 + 50.0 * (seconds * TAU * 1.5).sin()) / rate.hz() as f32;
            let syllable = 0.6 + 0.4 * (seconds * TAU * 4.0).sin();
            let harmonics: f32 = (1..=12).map(|k| (phase * TAU * k as f32).sin() / k as f32).sum();
            (harmonics * syllable * 6_000.0) as i16
        };
        (0..samples).map(value).collect()
    }

    fn encode(rate: SampleRate, samples: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = OpusEncoder::new(rate, &OpusConfig::default()).expect("the default configuration");
        let frames = samples.chunks_exact(rate.samples_in_ms(FRAME_MS) as usize);
        let packets = frames.map(|frame| {
            let mut packet = Vec::new();
            encoder.encode(frame, &mut packet).expect("a whole frame");
            packet
        });
        packets.collect()
    }

    fn distance(left: &[i16], right: &[i16]) -> f64 {
        assert_eq!(left.len(), right.len());
        left.iter().zip(right).map(|(l, r)| f64::from(i32::from(*l) - i32::from(*r)).powi(2)).sum::<f64>()
    }

    #[test]
    fn a_voice_comes_back_at_the_stated_lag() {
        for rate in RATES {
            let input = voice(rate, 50);
            let lag = OpusEncoder::new(rate, &OpusConfig::default()).expect("the default").lookahead_samples();
            assert_eq!(lag as u64 * 2, rate.samples_in_ms(13), "what the protocol says of {rate:?}");
            let mut decoder = OpusDecoder::new(rate).expect("a decoder");
            let mut output = Vec::new();
            for packet in encode(rate, &input) {
                assert!(packet.len() <= 120, "{} bytes for 20 ms at 24 kbit/s", packet.len());
                decoder.decode(&packet, &mut output).expect("its own packet");
            }
            assert_eq!(output.len(), input.len());
            // The first frames are the codec's settling in.
            let settled = input.len() / 5;
            let length = input.len() - settled - lag - 200;
            let original = &input[settled..settled + length];
            let error_at = |shift: usize| distance(original, &output[settled + shift..settled + shift + length]);
            let best = (0..lag + 200).min_by(|a, b| error_at(*a).total_cmp(&error_at(*b))).expect("some lag");
            let tolerance = rate.samples_in_ms(1) as usize;
            assert!(best.abs_diff(lag) <= tolerance, "lag {best}, stated {lag} at {rate:?}");
            let snr = 10.0 * (distance(original, &vec![0; length]) / error_at(best)).log10();
            assert!(snr > 5.0, "{snr:.1} dB at {rate:?}");
        }
    }

    #[test]
    fn a_lost_frame_is_concealed_and_better_recovered_from_the_next_packet() {
        for rate in RATES {
            let packets = encode(rate, &voice(rate, 60));
            let (mut concealed_error, mut recovered_error) = (0.0, 0.0);
            for lost in [20, 27, 33, 41, 50] {
                let intact = decode_with_loss(rate, &packets[..=lost], None, Loss::Conceal);
                let frame = intact.len() - rate.samples_in_ms(FRAME_MS) as usize..intact.len();
                for (loss, error) in [(Loss::Conceal, &mut concealed_error), (Loss::Recover, &mut recovered_error)] {
                    let patched = decode_with_loss(rate, &packets[..lost + 2], Some(lost), loss);
                    assert_eq!(patched.len(), intact.len() + frame.len());
                    *error += distance(&intact[frame.clone()], &patched[frame.clone()]);
                }
            }
            assert!(
                recovered_error < concealed_error * 0.7,
                "{rate:?}: recovered {recovered_error:.0}, concealed {concealed_error:.0}"
            );
        }
    }

    #[derive(Clone, Copy)]
    enum Loss {
        Conceal,
        Recover,
    }

    fn decode_with_loss(rate: SampleRate, packets: &[Vec<u8>], lost: Option<usize>, loss: Loss) -> Vec<i16> {
        let mut decoder = OpusDecoder::new(rate).expect("a decoder");
        let mut output = Vec::new();
        for (at, packet) in packets.iter().enumerate() {
            match loss {
                _ if lost != Some(at) => decoder.decode(packet, &mut output),
                Loss::Conceal => decoder.conceal(&mut output),
                Loss::Recover => decoder.recover(&packets[at + 1], &mut output),
            }
            .expect("a valid packet");
        }
        output
    }

    #[test]
    fn an_encoder_that_begins_anew_holds_nothing_of_what_came_before() {
        let rate = SampleRate::Hz48000;
        let mut encoder = OpusEncoder::new(rate, &OpusConfig::default()).expect("the default");
        let mut packets = [Vec::new(), Vec::new()];
        for packet in &mut packets {
            for frame in voice(rate, 10).chunks_exact(960) {
                packet.clear();
                encoder.encode(frame, packet).expect("a whole frame");
            }
            encoder.restart().expect("a new beginning");
            packet.clear();
            encoder.encode(&[0; 960], packet).expect("a whole frame");
        }
        assert_eq!(packets[0], packets[1]);
        let (mut decoder, mut samples) = (OpusDecoder::new(rate).expect("a decoder"), Vec::new());
        decoder.decode(&encode(rate, &voice(rate, 10))[9], &mut samples).expect("a packet");
        decoder.restart().expect("a new beginning");
        samples.clear();
        decoder.decode(&packets[0], &mut samples).expect("its packet");
        assert!(samples.iter().all(|sample| sample.unsigned_abs() < 10), "silence");
    }

    #[test]
    fn concealment_fades_a_loss_that_goes_on_to_silence() {
        let rate = SampleRate::Hz16000;
        let mut decoder = OpusDecoder::new(rate).expect("a decoder");
        let mut output = Vec::new();
        for packet in encode(rate, &voice(rate, 20)) {
            decoder.decode(&packet, &mut output).expect("its own packet");
        }
        output.clear();
        (0..50).for_each(|_| decoder.conceal(&mut output).expect("concealment"));
        assert_eq!(output.len(), 50 * 320);
        let loudest = |samples: &[i16]| samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        assert!(loudest(&output[..320]) > 1_000);
        assert!(loudest(&output[49 * 320..]) < 100);
    }

    #[test]
    fn what_is_no_packet_is_an_error_and_appends_nothing() {
        let mut decoder = OpusDecoder::new(SampleRate::Hz48000).expect("a decoder");
        let mut samples = vec![1, 2, 3];
        // Code 3 with a frame count of 0 is forbidden (RFC 6716, requirement R5).
        let corrupt = decoder.decode(&[0x03, 0x00], &mut samples);
        assert!(matches!(corrupt, Err(OpusError::Corrupt { .. })), "{corrupt:?}");
        assert_eq!(decoder.decode(&[], &mut samples), Err(OpusError::EmptyPacket));
        assert_eq!(decoder.recover(&[], &mut samples), Err(OpusError::EmptyPacket));
        let long = vec![0; MAX_OPUS_PACKET_BYTES + 1];
        assert_eq!(decoder.decode(&long, &mut samples), Err(OpusError::PacketTooLong { bytes: long.len() }));
        assert_eq!(samples, [1, 2, 3]);
    }

    #[test]
    fn a_frame_of_another_length_is_refused() {
        let mut encoder = OpusEncoder::new(SampleRate::Hz16000, &OpusConfig::default()).expect("the default");
        let mut packet = vec![9];
        let refused = encoder.encode(&[0; 160], &mut packet);
        assert_eq!(refused, Err(OpusError::FrameLength { samples: 160, expected: 320 }));
        assert_eq!(packet, [9]);
    }

    #[test]
    fn a_configuration_out_of_range_is_refused() {
        let config = OpusConfig { complexity: 11, ..OpusConfig::default() };
        let refused = OpusEncoder::new(SampleRate::Hz16000, &config).map(|_| ());
        assert!(matches!(refused, Err(OpusError::Codec { .. })), "{refused:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_an_error(packet in prop::collection::vec(any::<u8>(), 0..MAX_OPUS_PACKET_BYTES + 9)) {
            let mut decoder = OpusDecoder::new(SampleRate::Hz48000).expect("a decoder");
            let mut samples = Vec::new();
            let decoded = decoder.decode(&packet, &mut samples);
            prop_assert_eq!(decoded.is_ok(), !samples.is_empty());
            prop_assert!(samples.len() <= 5_760);
            let _either = decoder.recover(&packet, &mut samples);
            prop_assert!(decoder.conceal(&mut samples).is_ok());
        }
    }
}
