//! Events as bytes.

use super::config::{LineEnd, SseManner, SseOption, StreamEnd};
use bytes::Bytes;

impl SseManner {
    /// An event with `data`, which is a JSON object or `[DONE]`.
    pub(super) fn event(&self, data: &str) -> Bytes {
        self.named_event(None, data)
    }

    pub(super) fn named_event(&self, name: Option<&str>, data: &str) -> Bytes {
        let end = self.line_end();
        let mut text = String::new();
        match self.option {
            SseOption::MoreFields => text += &format!("id: 7{end}retry: 3000{end}weather: fine{end}"),
            SseOption::Comments => text += &format!(": still here{end}{end}"),
            SseOption::Plain | SseOption::NoSpace | SseOption::SeveralLines => {}
        }
        if let Some(name) = name {
            text += &format!("event: {name}{end}");
        }
        match (self.option, data.strip_prefix('{')) {
            (SseOption::NoSpace, _) => text += &format!("data:{data}{end}"),
            // After the brace a line end is white space, whatever the strings hold.
            (SseOption::SeveralLines, Some(rest)) => text += &format!("data: {{{end}data:  {rest}{end}"),
            _ => text += &format!("data: {data}{end}"),
        }
        text += end;
        Bytes::from(text)
    }

    /// What llama.cpp sends while it thinks.
    pub(super) fn comment(&self) -> Bytes {
        Bytes::from(format!(":{0}{0}", self.line_end()))
    }

    /// The end of a stream; `chunk` is what could come after it.
    pub(super) fn end(&self, chunk: &str) -> Vec<Bytes> {
        match self.end {
            StreamEnd::Done => vec![self.event("[DONE]")],
            StreamEnd::NoDone => Vec::new(),
            StreamEnd::NoBlankLine => vec![Bytes::from(format!("data: [DONE]{}", self.line_end()))],
            StreamEnd::DataAfterDone => vec![self.event("[DONE]"), self.event(chunk)],
        }
    }

    fn line_end(&self) -> &'static str {
        match self.line_end {
            LineEnd::Lf => "\n",
            LineEnd::CrLf => "\r\n",
            LineEnd::Cr => "\r",
        }
    }
}
