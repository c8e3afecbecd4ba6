//! The header of a binary message.
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0 | version | 1 |
//! | 1 | kind | 1 caller audio, 2 agent audio |
//! | 2–3 | flags | none yet: 0 when sent, ignored when received |
//! | 4–7 | reply | which reply (u32); 0 for caller audio |
//! | 8–15 | position | of the first sample (u64): since the start of the caller's audio, or since that reply's first sample |
//! | 16– | payload | audio in the agreed encoding |
//!
//! All numbers are little-endian.

use super::message::ErrorCode;
use crate::audio::PcmError;
use crate::units::{Position, ReplyId};
use bytes::{BufMut, BytesMut};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 16;

const VERSION: u8 = 1;
const CALLER: u8 = 1;
const AGENT: u8 = 2;

/// What a binary message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioHeader {
    /// Caller audio.
    Caller {
        /// Of the first sample, since the start of the caller's audio.
        position: Position,
    },
    /// Agent audio.
    Agent {
        /// Of which reply.
        reply: ReplyId,
        /// Of the first sample, since that reply's first; as `played`, `pause` and `audio_end` count.
        position: Position,
    },
}

/// Why a binary message is not audio.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// There is no whole header.
    #[error("a binary message begins with a header of {HEADER_BYTES} bytes; this one has {bytes}")]
    NoHeader {
        /// Bytes there were.
        bytes: usize,
    },
    /// The version is not spoken here.
    #[error("byte 0 of a binary message is the version 1, not {version}")]
    Version {
        /// The version it claims.
        version: u8,
    },
    /// The kind is unknown, or not what this side may send.
    #[error("byte 1 of a binary message is 1 from a caller and 2 from an agent, not {kind}")]
    Kind {
        /// The kind it claims.
        kind: u8,
    },
    /// The payload is not PCM16.
    #[error(transparent)]
    Pcm(#[from] PcmError),
    /// The position lies before the end of what came earlier.
    #[error("the audio at position {position} overlaps what was sent before: the next sample is at {next}")]
    Overlap {
        /// The position it claims.
        position: u64,
        /// The first that was free.
        next: u64,
    },
    /// The position lies further ahead than any pause.
    #[error("the audio at position {position} lies more than {limit_s} s after what was sent before")]
    Gap {
        /// The position it claims.
        position: u64,
        /// The limit.
        limit_s: u64,
    },
    /// More of the call is missing than a call lasts.
    #[error("the audio at position {position} leaves more than {limit_s} s of the call missing in all")]
    Gaps {
        /// The position it claims.
        position: u64,
        /// The limit.
        limit_s: u64,
    },
    /// More audio than a message may hold.
    #[error("a message holds at most {limit_ms} ms of audio")]
    TooLong {
        /// The limit.
        limit_ms: u64,
    },
    /// The codec cannot read it.
    #[error("the audio cannot be decoded: {0}")]
    Codec(String),
}

impl AudioError {
    /// The code the client is told.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::MalformedAudio
    }
}

impl AudioHeader {
    /// Writes the header; the payload follows it.
    pub fn write(self, out: &mut BytesMut) {
        let (kind, reply, position) = match self {
            Self::Caller { position } => (CALLER, 0, position),
            Self::Agent { reply, position } => (AGENT, reply.0, position),
        };
        out.put_u8(VERSION);
        out.put_u8(kind);
        out.put_u16_le(0);
        out.put_u32_le(reply);
        out.put_u64_le(position.0);
    }

    /// The header and the payload of a message.
    ///
    /// # Errors
    /// [`AudioError`] if there is no header of a known version and kind.
    pub fn read(message: &[u8]) -> Result<(Self, &[u8]), AudioError> {
        let no_header = AudioError::NoHeader { bytes: message.len() };
        let Some((&[version, kind, _, _, r0, r1, r2, r3, ref position @ ..], payload)) =
            message.split_first_chunk::<HEADER_BYTES>()
        else {
            return Err(no_header);
        };
        if version != VERSION {
            return Err(AudioError::Version { version });
        }
        let position = Position(u64::from_le_bytes(*position));
        match kind {
            CALLER => Ok((Self::Caller { position }, payload)),
            AGENT => Ok((Self::Agent { reply: ReplyId(u32::from_le_bytes([r0, r1, r2, r3])), position }, payload)),
            kind => Err(AudioError::Kind { kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(header: AudioHeader, payload: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        header.write(&mut out);
        out.extend_from_slice(payload);
        out
    }

    #[test]
    fn the_bytes_are_those_of_the_table() {
        let header = AudioHeader::Agent { reply: ReplyId(0x0102_0304), position: Position(0x05) };
        let expected = [1, 2, 0, 0, 4, 3, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0x00, 0x01];
        assert_eq!(written(header, &[0xfe, 0xff, 0x00, 0x01])[..], expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = written(AudioHeader::Caller { position: Position(9) }, &[1]);
        assert_eq!(AudioHeader::read(&good[..15]), Err(AudioError::NoHeader { bytes: 15 }));
        let mut wrong = good.clone();
        wrong[0] = 2;
        assert_eq!(AudioHeader::read(&wrong), Err(AudioError::Version { version: 2 }));
        wrong = good.clone();
        wrong[1] = 7;
        assert_eq!(AudioHeader::read(&wrong), Err(AudioError::Kind { kind: 7 }));
        wrong = good;
        wrong[2] = 0xff;
        assert!(AudioHeader::read(&wrong).is_ok(), "unknown flags are ignored");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(reply: u32, position: u64, caller: bool, audio: Vec<u8>) {
            let position = Position(position);
            let header = if caller {
                AudioHeader::Caller { position }
            } else {
                AudioHeader::Agent { reply: ReplyId(reply), position }
            };
            let message = written(header, &audio);
            let (read, payload) = AudioHeader::read(&message).unwrap();
            prop_assert_eq!(read, header);
            prop_assert_eq!(payload, &audio[..]);
        }

        #[test]
        fn any_bytes_give_a_header_or_an_error(bytes: Vec<u8>) {
            if let Ok((_, payload)) = AudioHeader::read(&bytes) {
                prop_assert_eq!(payload.len() + HEADER_BYTES, bytes.len());
            }
        }
    }
}
