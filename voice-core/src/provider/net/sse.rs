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
