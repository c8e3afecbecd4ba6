//! The caller's side of the wire: frames to binary messages and back, in the agreed encoding.
//!
//! Invariant: whatever bytes arrive, decoding gives audio or an error.

use bytes::{BufMut, Bytes, BytesMut};
use voice_core::audio::{G711, pcm16_from_le_bytes};
#[cfg(feature = "opus")]
use voice_core::audio::{OpusConfig, OpusDecoder, OpusEncoder};
use voice_core::transport::native::{AudioError, AudioFormat, AudioHeader, Encoding, FormatError, HEADER_BYTES};
use voice_core::units::Position;
#[cfg(feature = "opus")]
use voice_core::units::ReplyId;

/// Agent audio that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AgentAudio<'a> {
    pub(super) reply: u32,
    /// Of the first sample, since the reply's first.
    pub(super) position: u64,
    pub(super) samples: &'a [i16],
}

/// Encodes the caller and decodes the agent.
pub(super) struct WireCodec {
    voice: Voice,
    samples: Vec<i16>,
    #[cfg(feature = "opus")]
    packet: Vec<u8>,
}

enum Voice {
    Pcm16,
    Mulaw,
    #[cfg(feature = "opus")]
    Opus {
        encoder: Box<OpusEncoder>,
        decoder: Box<OpusDecoder>,
        reply: Option<ReplyId>,
    },
}

impl WireCodec {
    pub(super) fn new(format: AudioFormat) -> Result<Self, FormatError> {
        #[cfg_attr(not(feature = "opus"), expect(unused_variables, reason = "only Opus wants it"))]
        let rate = format.line_rate()?;
        let voice = match format.encoding {
            Encoding::Pcm16 => Voice::Pcm16,
            Encoding::Mulaw => Voice::Mulaw,
            #[cfg(feature = "opus")]
            Encoding::Opus => Voice::Opus {
                encoder: Box::new(OpusEncoder::new(rate, &OpusConfig::default()).map_err(|_| FormatError::NoOpus)?),
                decoder: Box::new(OpusDecoder::new(rate).map_err(|_| FormatError::NoOpus)?),
                reply: None,
            },
            #[cfg(not(feature = "opus"))]
            Encoding::Opus => return Err(FormatError::NoOpus),
        };
        Ok(Self {
            voice,
            samples: Vec::new(),
            #[cfg(feature = "opus")]
            packet: Vec::new(),
        })
    }

    /// One frame of the caller as a binary message, which says where a decoder's samples of it belong; `None` where that is
    /// before the line's first sample, which only a first frame of Opus is.
    pub(super) fn encode(&mut self, position: u64, samples: &[i16]) -> Result<Option<Bytes>, AudioError> {
        let decoded_at = position.checked_sub(self.lookahead_samples());
        let mut out = BytesMut::with_capacity(HEADER_BYTES + samples.len() * 2);
        AudioHeader::Caller { position: Position(decoded_at.unwrap_or_default()) }.write(&mut out);
        match &mut self.voice {
            Voice::Pcm16 => samples.iter().for_each(|&sample| out.put_i16_le(sample)),
            Voice::Mulaw => out.extend(samples.iter().map(|&sample| G711::MuLaw.encode_sample(sample))),
            #[cfg(feature = "opus")]
            Voice::Opus { encoder, .. } => {
                self.packet.clear();
                encoder.encode(samples, &mut self.packet).map_err(|error| AudioError::Codec(error.to_string()))?;
                out.extend_from_slice(&self.packet);
            }
        }
        Ok(decoded_at.map(|_| out.freeze()))
    }

    /// So much later comes out of a decoder what went into a packet.
    fn lookahead_samples(&self) -> u64 {
        match &self.voice {
            Voice::Pcm16 | Voice::Mulaw => 0,
            #[cfg(feature = "opus")]
            Voice::Opus { encoder, .. } => encoder.lookahead_samples() as u64,
        }
    }

    /// A binary message as audio of the agent.
    pub(super) fn decode(&mut self, message: &[u8]) -> Result<AgentAudio<'_>, AudioError> {
        let (header, payload) = AudioHeader::read(message)?;
        let AudioHeader::Agent { reply, position } = header else { return Err(AudioError::Kind { kind: 1 }) };
        self.samples.clear();
        match &mut self.voice {
            Voice::Pcm16 => pcm16_from_le_bytes(payload, &mut self.samples)?,
            Voice::Mulaw => G711::MuLaw.decode(payload, &mut self.samples),
            #[cfg(feature = "opus")]
            Voice::Opus { encoder, decoder, reply: last } => {
                let is_next = *last == Some(reply);
                *last = Some(reply);
                let ready = if is_next { Ok(()) } else { decoder.restart() };
                let decoded = ready.and_then(|()| decoder.decode(payload, &mut self.samples));
                decoded.map_err(|error| AudioError::Codec(error.to_string()))?;
                // The server's encoder is of the same configuration, and looks as far ahead.
                let late = encoder.lookahead_samples();
                let before_reply = late.saturating_sub(position.0 as usize).min(self.samples.len());
                let position = position.minus(late as u64).0;
                return Ok(AgentAudio { reply: reply.0, position, samples: &self.samples[before_reply..] });
            }
        }
        Ok(AgentAudio { reply: reply.0, position: position.0, samples: &self.samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voice_core::units::ReplyId;
    #[cfg(feature = "opus")]
    use voice_core::units::SampleRate;

    fn codec(encoding: Encoding, rate: u32) -> WireCodec {
        WireCodec::new(AudioFormat { encoding, rate }).unwrap()
    }

    #[test]
    fn a_caller_frame_has_its_position_and_its_samples() {
        let message = codec(Encoding::Pcm16, 16_000).encode(320, &[1, -2]).unwrap().unwrap();
        let (header, payload) = AudioHeader::read(&message).unwrap();
        assert_eq!((header, payload), (AudioHeader::Caller { position: Position(320) }, &[1, 0, 0xfe, 0xff][..]));
        let message = codec(Encoding::Mulaw, 8_000).encode(0, &[0; 160]).unwrap().unwrap();
        assert_eq!(message.len(), HEADER_BYTES + 160);
    }

    #[cfg(feature = "opus")]
    #[test]
    fn opus_of_the_caller_is_decoded_at_the_positions_of_its_messages() {
        let (mut codec, mut decoder) = (codec(Encoding::Opus, 48_000), OpusDecoder::new(SampleRate::Hz48000).unwrap());
        let mut click = vec![0_i16; 960];
        click[480] = 30_000;
        assert_eq!(codec.encode(0, &[0; 960]), Ok(None), "it would be before the line's first sample");
        let mut heard = Vec::new();
        for (position, frame) in [(960, &click[..]), (1_920, &[0; 960])] {
            let message = codec.encode(position, frame).unwrap().unwrap();
            let (header, packet) = AudioHeader::read(&message).unwrap();
            assert_eq!(header, AudioHeader::Caller { position: Position(648 + heard.len() as u64) });
            decoder.decode(packet, &mut heard).unwrap();
        }
        let loudest = (0..heard.len()).max_by_key(|at| heard[*at].unsigned_abs()).unwrap();
        assert!((648 + loudest).abs_diff(960 + 480) <= 2, "the click is at {}", 648 + loudest);
    }

    #[cfg(feature = "opus")]
    #[test]
    fn opus_of_a_reply_comes_back_at_its_positions_without_what_the_encoder_looked_ahead() {
        let (mut codec, mut encoder) =
            (codec(Encoding::Opus, 48_000), OpusEncoder::new(SampleRate::Hz48000, &OpusConfig::default()).unwrap());
        let mut click = vec![0_i16; 960];
        click[480] = 30_000;
        for reply in [ReplyId(1), ReplyId(2)] {
            encoder.restart().unwrap();
            let mut heard = Vec::new();
            for (position, frame) in [(0, &click[..]), (960, &[0; 960])] {
                let (mut message, mut packet) = (BytesMut::new(), Vec::new());
                AudioHeader::Agent { reply, position: Position(position) }.write(&mut message);
                encoder.encode(frame, &mut packet).unwrap();
                message.extend_from_slice(&packet);
                let audio = codec.decode(&message).unwrap();
                assert_eq!((audio.reply, audio.position), (reply.0, heard.len() as u64));
                heard.extend_from_slice(audio.samples);
            }
            assert_eq!(heard.len(), 2 * 960 - 312);
            let loudest = (0..heard.len()).max_by_key(|at| heard[*at].unsigned_abs()).unwrap();
            assert!(loudest.abs_diff(480) <= 2, "the click is at {loudest}");
        }
    }

    #[test]
    fn agent_audio_is_read_and_the_callers_own_is_refused() {
        let mut message = BytesMut::new();
        AudioHeader::Agent { reply: ReplyId(3), position: Position(40) }.write(&mut message);
        message.put_i16_le(-7);
        let mut codec = codec(Encoding::Pcm16, 16_000);
        assert_eq!(codec.decode(&message).unwrap(), AgentAudio { reply: 3, position: 40, samples: &[-7] });
        let own = codec.encode(0, &[1]).unwrap().unwrap();
        assert_eq!(codec.decode(&own), Err(AudioError::Kind { kind: 1 }));
        assert!(codec.decode(&message[..17]).is_err() && codec.decode(&[]).is_err());
    }
}
