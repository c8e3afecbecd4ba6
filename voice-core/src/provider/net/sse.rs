//! Server-sent events out of bytes.
//!
//! Invariant: the events do not depend on where the bytes were cut. Lines end at LF, CR or CRLF; text is decoded only once
//! its line is whole. It knows neither HTTP nor what the data means.

use std::mem;

/// What a byte order mark looks like; one may begin the stream.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// An event that has data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Its name; empty if it has none.
    pub event: String,
    /// Its `data` lines joined by LF.
    pub data: String,
}

/// The stream is no stream of events. It ends with this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SseError {
    /// A line has no end in sight.
    #[error("a line of the event stream is longer than {max_bytes} bytes")]
    LineTooLong {
        /// The bound.
        max_bytes: usize,
    },
    /// The lines of one event have no end in sight.
    #[error("an event of the stream is larger than {max_bytes} bytes")]
    EventTooLong {
        /// The bound.
        max_bytes: usize,
    },
    /// A line is not text.
    #[error("a line of the event stream is not UTF-8")]
    NotUtf8,
}

/// Takes bytes as they come and gives whole events. An event whose blank line never comes is never given.
pub(crate) struct SseDecoder {
    max_bytes: usize,
    /// Bytes that are not consumed yet, from `begin` on; none before `searched` ends a line.
    buffer: Vec<u8>,
    begin: usize,
    searched: usize,
    /// The last line ended in CR: an LF right after it belongs to it.
    after_cr: bool,
    first_line: bool,
    name: String,
    data: Option<String>,
    /// An error was given: nothing follows it.
    broken: bool,
}

impl SseDecoder {
    /// A decoder that takes lines, and the data of one event, of at most `max_line_bytes`.
    pub(crate) fn new(max_line_bytes: usize) -> Self {
        Self {
            max_bytes: max_line_bytes,
            buffer: Vec::new(),
            begin: 0,
            searched: 0,
            after_cr: false,
            first_line: true,
            name: String::new(),
            data: None,
            broken: false,
        }
    }

    /// Takes the next bytes. Keeps no more than one line of bytes that [`next`](Self::next) has gone through.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        self.buffer.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event of what was pushed; `None` until more is pushed, and for ever after an error.
    pub(crate) fn next(&mut self) -> Option<Result<SseEvent, SseError>> {
        if self.broken {
            return None;
        }
        let outcome = self.next_event().transpose()?;
        self.broken = outcome.is_err();
        Some(outcome)
    }

    fn next_event(&mut self) -> Result<Option<SseEvent>, SseError> {
        while let Some(line) = self.next_line()? {
            if line.is_empty() {
                let event = mem::take(&mut self.name);
                if let Some(data) = self.data.take() {
                    return Ok(Some(SseEvent { event, data }));
                }
            } else {
                self.field(&line)?;
            }
        }
        Ok(None)
    }

    /// The next whole line, without its end.
    fn next_line(&mut self) -> Result<Option<String>, SseError> {
        self.skip_lf_of_crlf();
        let fresh = self.buffer.get(self.searched..).unwrap_or_default();
        let found = fresh.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let end = found.map_or(self.buffer.len(), |at| self.searched + at);
        self.searched = end;
        if end - self.begin > self.max_bytes {
            return Err(SseError::LineTooLong { max_bytes: self.max_bytes });
        }
        if found.is_none() {
            return Ok(None);
        }
        let mut line = self.buffer.get(self.begin..end).unwrap_or_default();
        if mem::take(&mut self.first_line) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        let line = std::str::from_utf8(line).map_err(|_| SseError::NotUtf8)?.to_owned();
        self.after_cr = self.buffer.get(end) == Some(&b'\r');
        self.begin = end + 1;
        self.searched = self.begin;
        Ok(Some(line))
    }

    fn skip_lf_of_crlf(&mut self) {
        if let (true, Some(next)) = (self.after_cr, self.buffer.get(self.begin)) {
            self.begin += usize::from(*next == b'\n');
            self.searched = self.searched.max(self.begin);
            self.after_cr = false;
        }
    }

    /// Takes a line that is not blank; a comment has no field name.
    fn field(&mut self, line: &str) -> Result<(), SseError> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value),
            "event" => {
                value.clone_into(&mut self.name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add_data(&mut self, value: &str) -> Result<(), SseError> {
        let before = self.data.as_ref().map_or(0, |data| data.len() + 1);
        if before + value.len() > self.max_bytes {
            return Err(SseError::EventTooLong { max_bytes: self.max_bytes });
        }
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 64;

    fn decode(pieces: &[&[u8]]) -> Vec<Result<SseEvent, SseError>> {
        let mut decoder = SseDecoder::new(MAX);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            events.extend(std::iter::from_fn(|| decoder.next()));
        }
        events
    }

    fn data(all: &[u8]) -> Vec<String> {
        decode(&[all]).into_iter().map(|event| event.unwrap().data).collect()
    }

    #[test]
    fn every_end_of_line_ends_a_line() {
        for stream in ["data: a\n\ndata: b\n\n", "data: a\r\rdata: b\r\r", "data: a\r\n\r\ndata: b\r\n\r\n"] {
            assert_eq!(data(stream.as_bytes()), ["a", "b"], "{stream:?}");
        }
        assert_eq!(data(b"data: a\r\n\ndata: b\n\r\n\r"), ["a", "b"]);
    }

    #[test]
    fn a_carriage_return_gives_its_event_at_once() {
        assert_eq!(decode(&[b"data: a\r\r"]).len(), 1);
        assert_eq!(decode(&[b"data: a\r\n\r", b"\ndata: b\r\n\r\n"]).len(), 2);
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let events = decode(&[b": comment\n\nevent: error\nid: 7\nretry: 3\ndata:one\ndata:  two\ndata\nnonsense\n\n"]);
        let expected = SseEvent { event: "error".into(), data: "one\n two\n".into() };
        assert_eq!(events, [Ok(expected)]);
    }

    #[test]
    fn a_name_lasts_for_one_event_and_needs_data() {
        let events = decode(&[b"event: ping\n\ndata: a\n\ndata:\n\n"]);
        let nameless = |data: &str| Ok(SseEvent { event: String::new(), data: data.into() });
        assert_eq!(events, [nameless("a"), nameless("")]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        assert_eq!(data(b"\xef\xbb\xbfdata: a\n\n"), ["a"]);
        assert_eq!(data(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n"), ["c"]);
    }

    #[test]
    fn an_event_without_its_blank_line_is_dropped() {
        assert!(data(b"data: a\ndata: b").is_empty());
        assert!(data(b"data: a\n").is_empty());
    }

    #[test]
    fn a_character_cut_in_two_is_whole_again() {
        let stream = "data: grüß 👋\n\n".as_bytes();
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode(&bytes), decode(&[stream]));
        assert_eq!(data(stream), ["grüß 👋"]);
    }

    #[test]
    fn what_is_not_text_ends_the_stream_and_says_so() {
        let events = decode(&[b"data: a\n\ndata: \xff\n\ndata: b\n\n"]);
        assert_eq!(events.len(), 2);
        assert_eq!(events[1], Err(SseError::NotUtf8));
        let mut cut = vec![b"data: \xc3".as_slice(), b"\n"];
        cut.push(b"data: b\n\n");
        assert_eq!(decode(&cut), [Err(SseError::NotUtf8)]);
    }

    #[test]
    fn a_line_of_the_bound_is_taken_and_a_longer_one_is_not() {
        let fits = format!("data:{}\n\n", "x".repeat(MAX - 5));
        assert_eq!(data(fits.as_bytes()).len(), 1);
        let too_long = [Err(SseError::LineTooLong { max_bytes: MAX })];
        assert_eq!(decode(&[&[b'x'; MAX + 1], b"x", b"\n\n"]), too_long);
        assert_eq!(decode(&[format!(":{}\n\n", "x".repeat(MAX)).as_bytes()]), too_long);
    }

    #[test]
    fn the_lines_of_one_event_are_bounded_together() {
        let line = format!("data:{}\n", "x".repeat(MAX / 2));
        assert_eq!(decode(&[line.repeat(3).as_bytes()]), [Err(SseError::EventTooLong { max_bytes: MAX })]);
        assert_eq!(data(format!("{line}\n").repeat(9).as_bytes()).len(), 9);
    }

    /// Bytes that look like a stream of events now and then.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "data:", "data: x", "event: e", ":c", "ü", "👋"])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
            1 => Just(vec![b'x'; 30]),
            1 => Just(b"\xef\xbb\xbf".to_vec()),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_changes_nothing(bytes in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            at.push(bytes.len());
            let mut from = 0;
            let pieces: Vec<&[u8]> = at.iter().map(|to| &bytes[std::mem::replace(&mut from, *to)..*to]).collect();
            prop_assert_eq!(decode(&pieces), decode(&[&bytes]));
        }
    }
}
