//! The bytes of a speech answer into samples.
//!
//! Invariant: what comes out is whole samples, the same however the bytes were cut, and nothing that is no audio: a header
//! is taken off, an error that calls itself a success is told, a compressed format is refused before it is noise.

use super::wav::{WavHeader, WavStart, wav_start};
use crate::provider::net::{Vendor, said_in};
use crate::stage::{Fault, StageError};
use bytes::{Bytes, BytesMut};

/// As much as must be there to know what comes.
const SNIFFED: usize = 4;
/// The most of an error's text that is kept.
const MAX_TEXT_BYTES: usize = 8 * 1024;
/// The longest audio of one request: ten minutes, twice what its longest text takes.
const MAX_SECONDS: u64 = 600;
/// How compressed formats begin.
const COMPRESSED: [(&[u8], &str); 3] = [(b"ID3", "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC")];

/// Why an answer is no speech.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AudioFault {
    /// A text where audio was wanted.
    Said(String),
    /// Audio of another kind than was asked for.
    Kind(String),
    Empty,
    Truncated,
    TooLong,
}

impl AudioFault {
    pub(super) fn error(&self, vendor: &Vendor) -> StageError {
        match self {
            Self::Said(said) => vendor.failed(Fault::Engine, said),
            Self::Kind(what) => {
                vendor.failed(Fault::Configuration, &format!("it sent {what}: check format and sample_rate_hz"))
            }
            Self::Empty => vendor.failed(Fault::Engine, "it gave no audio for words"),
            Self::Truncated => vendor.failed(Fault::Engine, "its audio ended before it was complete"),
            Self::TooLong => {
                vendor.failed(Fault::Engine, &format!("it gave more than {MAX_SECONDS} s of audio for one text"))
            }
        }
    }
}

/// One answer.
#[derive(Debug)]
pub(super) struct AudioDecoder {
    hz: u32,
    state: State,
    /// Half a sample.
    odd: Option<u8>,
    bytes_given: u64,
}

#[derive(Debug)]
enum State {
    /// Not known yet.
    Start(BytesMut),
    Wav(BytesMut),
    Text(BytesMut),
    /// Samples; how many bytes of them are left, where that is known.
    Samples(Option<u64>),
}

impl AudioDecoder {
    /// For audio of `hz` samples a second. `content_type` is the answer's own word for what it is.
    pub(super) fn new(hz: u32, content_type: Option<&str>) -> Self {
        let is_text = content_type.is_some_and(|kind| kind.starts_with("text/") || kind.contains("json"));
        let state = if is_text { State::Text(BytesMut::new()) } else { State::Start(BytesMut::new()) };
        Self { hz, state, odd: None, bytes_given: 0 }
    }

    /// Takes the next bytes and gives the samples they complete; perhaps none.
    pub(super) fn push(&mut self, bytes: Bytes) -> Result<Bytes, AudioFault> {
        match &mut self.state {
            State::Samples(left) => {
                let samples = taken(left, bytes);
                self.whole(samples)
            }
            State::Start(held) => {
                held.extend_from_slice(&bytes);
                if held.len() < SNIFFED { Ok(Bytes::new()) } else { self.recognise() }
            }
            State::Wav(held) => {
                held.extend_from_slice(&bytes);
                self.read_header()
            }
            State::Text(held) => {
                let room = MAX_TEXT_BYTES.saturating_sub(held.len());
                held.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
                if held.len() < MAX_TEXT_BYTES { Ok(Bytes::new()) } else { Err(AudioFault::Said(said_in(held))) }
            }
        }
    }

    /// The bytes have ended: was that all?
    pub(super) fn end(&mut self) -> Result<Bytes, AudioFault> {
        match &self.state {
            State::Text(held) => return Err(AudioFault::Said(said_in(held))),
            State::Wav(_) => return Err(AudioFault::Truncated),
            State::Samples(Some(left)) if *left > 0 => return Err(AudioFault::Truncated),
            State::Samples(_) | State::Start(_) => {}
        }
        // Fewer bytes than it takes to know are samples.
        let rest = if matches!(self.state, State::Start(_)) { self.samples_from(0, None)? } else { Bytes::new() };
        if self.bytes_given == 0 { Err(AudioFault::Empty) } else { Ok(rest) }
    }

    fn recognise(&mut self) -> Result<Bytes, AudioFault> {
        let State::Start(held) = &mut self.state else { return Ok(Bytes::new()) };
        if let Some((_, kind)) = COMPRESSED.iter().find(|(magic, _)| held.starts_with(magic)) {
            return Err(AudioFault::Kind((*kind).to_owned()));
        }
        if held.starts_with(b"RIFF") {
            self.state = State::Wav(std::mem::take(held));
            return self.read_header();
        }
        // As a first sample `{"` would be a crack that no voice begins with.
        if held.starts_with(b"{\"") || held.starts_with(b"{\n") || held.starts_with(b"{ ") {
            let held = std::mem::take(held).freeze();
            self.state = State::Text(BytesMut::new());
            return self.push(held);
        }
        self.samples_from(0, None)
    }

    fn read_header(&mut self) -> Result<Bytes, AudioFault> {
        let State::Wav(held) = &mut self.state else { return Ok(Bytes::new()) };
        match wav_start(held) {
            WavStart::Incomplete => Ok(Bytes::new()),
            WavStart::Wrong(what) => Err(AudioFault::Kind(what)),
            WavStart::Header(WavHeader { hz, .. }) if hz != self.hz => {
                Err(AudioFault::Kind(format!("WAV of {hz} Hz, where {} Hz are set", self.hz)))
            }
            WavStart::Header(WavHeader { data_at, data_bytes, .. }) => self.samples_from(data_at, data_bytes),
        }
    }

    /// What is held is samples from `at` on.
    fn samples_from(&mut self, at: usize, length: Option<u64>) -> Result<Bytes, AudioFault> {
        let (State::Start(held) | State::Wav(held)) = &mut self.state else { return Ok(Bytes::new()) };
        let held = std::mem::take(held).freeze();
        self.state = State::Samples(length);
        self.push(held.slice(at.min(held.len())..))
    }

    /// Whole samples of `bytes` and of what was left before.
    fn whole(&mut self, bytes: Bytes) -> Result<Bytes, AudioFault> {
        let mut bytes = match self.odd.take() {
            Some(odd) if !bytes.is_empty() => {
                let mut joined = BytesMut::with_capacity(bytes.len() + 1);
                joined.extend_from_slice(&[odd]);
                joined.extend_from_slice(&bytes);
                joined.freeze()
            }
            odd => {
                self.odd = odd;
                bytes
            }
        };
        if bytes.len() % 2 == 1 {
            self.odd = bytes.last().copied();
            bytes.truncate(bytes.len() - 1);
        }
        self.bytes_given += bytes.len() as u64;
        let most = MAX_SECONDS * u64::from(self.hz) * 2;
        if self.bytes_given > most { Err(AudioFault::TooLong) } else { Ok(bytes) }
    }
}

/// Of `bytes` those that are among the `left` ones.
fn taken(left: &mut Option<u64>, mut bytes: Bytes) -> Bytes {
    if let Some(left) = left {
        bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= bytes.len() as u64;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::wav::tests::wav_header;
    use super::*;
    use proptest::prelude::*;

    type Heard = Result<Vec<u8>, (Vec<u8>, AudioFault)>;

    fn heard<'a>(content_type: Option<&str>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Heard {
        let mut audio = AudioDecoder::new(24_000, content_type);
        let mut heard = Vec::new();
        let mut take = |samples: Bytes| {
            assert_eq!(samples.len() % 2, 0);
            heard.extend_from_slice(&samples);
        };
        let mut fault = None;
        for piece in pieces {
            match audio.push(Bytes::copy_from_slice(piece)) {
                Ok(samples) => take(samples),
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        let fault = fault.or_else(|| audio.end().map(take).err());
        fault.map_or(Ok(heard.clone()), |fault| Err((heard.clone(), fault)))
    }

    fn wav(extra: &[u8], data_bytes: u32, samples: &[u8]) -> Vec<u8> {
        [wav_header((1, 1, 24_000, 16), extra, data_bytes), samples.to_vec()].concat()
    }

    #[test]
    fn pcm_comes_as_it_is() {
        assert_eq!(
            heard(Some("audio/pcm"), [&[1_u8, 2, 3][..], &[4, 5], &[6, 7, 8]]),
            Ok(vec![1, 2, 3, 4, 5, 6, 7, 8])
        );
        assert_eq!(heard(None, [&[1_u8, 2][..]]), Ok(vec![1, 2]));
    }

    #[test]
    fn half_a_sample_at_the_end_is_none() {
        assert_eq!(heard(None, [&[1_u8, 2, 3, 4, 5][..]]), Ok(vec![1, 2, 3, 4]));
    }

    #[test]
    fn a_wav_gives_its_samples_alone() {
        let samples = [1, 2, 3, 4];
        for (extra, data_bytes) in [(&b""[..], 4), (b"", 0), (b"", u32::MAX), (b"LIST\x02\0\0\0ab", 4)] {
            assert_eq!(heard(Some("audio/wav"), [&wav(extra, data_bytes, &samples)[..]]), Ok(samples.to_vec()));
        }
        let trailer = wav(b"", 4, b"\x01\x02\x03\x04LIST\x02\0\0\0ab");
        assert_eq!(heard(None, [&trailer[..]]), Ok(samples.to_vec()));
    }

    #[test]
    fn a_wav_that_is_cut_is_not_complete() {
        assert_eq!(heard(None, [&wav(b"", 8, &[1, 2])[..]]), Err((vec![1, 2], AudioFault::Truncated)));
        assert_eq!(heard(None, [&wav(b"", 8, &[])[..30]]), Err((vec![], AudioFault::Truncated)));
    }

    #[test]
    fn an_error_that_calls_itself_a_success_is_told() {
        let said = || Err((vec![], AudioFault::Said("no such voice".to_owned())));
        for body in [r#"{"error":{"message":"no such voice"}}"#, "{\n \"detail\": \"no such voice\"}"] {
            assert_eq!(heard(None, [body.as_bytes()]), said());
            assert_eq!(heard(Some("audio/mpeg"), body.as_bytes().chunks(1)), said());
        }
        assert_eq!(heard(Some("application/json; charset=utf-8"), [&b"\"no such voice\""[..]]), said());
        assert_eq!(heard(Some("text/plain"), [&b"no such voice"[..]]), said());
        let endless = "x".repeat(MAX_TEXT_BYTES * 2);
        assert!(matches!(heard(Some("text/plain"), [endless.as_bytes()]), Err((_, AudioFault::Said(_)))));
    }

    #[test]
    fn what_would_be_noise_is_refused() {
        for body in [&b"ID3\x04\0\0"[..], b"OggS\0\x02", b"fLaC\0\0"] {
            assert!(matches!(heard(None, [body]), Err((_, AudioFault::Kind(_)))));
        }
        let rate = [wav_header((1, 1, 22_050, 16), b"", 0), vec![0; 8]].concat();
        let Err((_, AudioFault::Kind(what))) = heard(None, [&rate[..]]) else { panic!() };
        assert!(what.contains("22050"), "{what}");
    }

    #[test]
    fn nothing_is_no_speech_and_too_much_is_not_either() {
        for body in [&b""[..], b"\x01", &wav(b"", 0, &[])] {
            assert_eq!(heard(None, [body]), Err((vec![], AudioFault::Empty)));
        }
        let minute = vec![0_u8; 24_000 * 2 * 60];
        let mut audio = AudioDecoder::new(24_000, None);
        for _ in 0..10 {
            assert!(audio.push(Bytes::from(minute.clone())).is_ok());
        }
        assert_eq!(audio.push(Bytes::from(minute)), Err(AudioFault::TooLong));
    }

    fn bodies() -> impl Strategy<Value = Vec<u8>> {
        let samples = prop::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            samples.clone(),
            (samples.clone(), 0_u32..50).prop_map(|(samples, length)| wav(b"LIST\x02\0\0\0ab", length, &samples)),
            samples.prop_map(|junk| [&b"RIFF"[..], &junk].concat()),
            "\\{\"error\":\"[a-z\"}]{0,9}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(body in bodies(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]);
            prop_assert_eq!(heard(None, pieces), heard(None, [&body[..]]));
        }
    }
}
