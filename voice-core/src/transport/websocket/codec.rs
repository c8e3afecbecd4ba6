//! The audio of binary messages in the agreed encoding.
//!
//! Invariant: buffers are kept, so that a warm codec allocates nothing per frame beyond what the socket holds on to.

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
}

impl Decoder {
    pub(super) fn new(encoding: Encoding, _rate: SampleRate) -> Result<Self, FormatError> {
        match encoding {
            Encoding::Pcm16 => Ok(Self::Pcm16),
            Encoding::Mulaw => Ok(Self::Mulaw),
            Encoding::Opus => Err(FormatError::NoOpus),
        }
    }

    /// Appends the payload's samples; nothing is appended on an error.
    pub(super) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), AudioError> {
        match self {
            Self::Pcm16 => pcm16_from_le_bytes(payload, samples)?,
            Self::Mulaw => G711::MuLaw.decode(payload, samples),
        }
        Ok(())
    }

    /// An upper bound of the samples in so many bytes, for refusing a message before it is decoded.
    pub(super) fn max_samples(&self, payload_bytes: usize) -> usize {
        match self {
            Self::Pcm16 => payload_bytes / 2,
            Self::Mulaw => payload_bytes,
        }
    }
}

/// Frames of agent audio to binary messages.
pub(super) struct Encoder {
    encoding: Encoding,
    out: BytesMut,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding, _rate: SampleRate) -> Result<Self, FormatError> {
        match encoding {
            Encoding::Pcm16 | Encoding::Mulaw => Ok(Self { encoding, out: BytesMut::new() }),
            Encoding::Opus => Err(FormatError::NoOpus),
        }
    }

    /// One whole message.
    pub(super) fn encode(&mut self, reply: ReplyId, frame: &Frame) -> Bytes {
        let message_bytes = HEADER_BYTES + frame.samples().len() * 2;
        if self.out.capacity() < message_bytes {
            self.out.reserve(message_bytes * MESSAGES_PER_BLOCK);
        }
        AudioHeader::Agent { reply, position: frame.position() }.write(&mut self.out);
        match self.encoding {
            Encoding::Mulaw => self.out.extend(frame.samples().iter().map(|s| G711::MuLaw.encode_sample(*s))),
            _ => frame.samples().iter().for_each(|sample| self.out.put_i16_le(*sample)),
        }
        self.out.split().freeze()
    }
}
