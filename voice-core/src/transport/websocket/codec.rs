//! The audio of binary messages in the agreed encoding.
//!
//! Invariant: buffers are kept, so that a warm codec allocates nothing per frame beyond what the socket holds on to.

#[cfg(feature = "opus")]
use super::opus::{OpusInput, OpusOutput};
use crate::audio::{Frame, G711, pcm16_from_le_bytes};
use crate::transport::native::{AudioError, AudioHeader, Encoding, FormatError, HEADER_BYTES};
use crate::units::{ReplyId, SampleRate};
use bytes::{BufMut, Bytes, BytesMut};

/// How many messages' worth of memory the encoder asks for at a time; it is used again once the socket has let go of it.
const MESSAGES_PER_BLOCK: usize = 4;

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
            Voice::Opus(output) => self.out.extend_from_slice(output.encode(reply, frame)),
        }
        self.out.split().freeze()
    }

    /// What of a reply that has come to its end the encoder still has, as a message, if it has anything.
    pub(super) fn rest(&mut self, reply: ReplyId) -> Option<Bytes> {
        match &mut self.voice {
            Voice::Pcm16 | Voice::Mulaw => {
                let _ = reply;
                None
            }
            #[cfg(feature = "opus")]
            Voice::Opus(output) => {
                let (position, packet) = output.rest(reply)?;
                AudioHeader::Agent { reply, position }.write(&mut self.out);
                self.out.extend_from_slice(packet);
                Some(self.out.split().freeze())
            }
        }
    }
}
