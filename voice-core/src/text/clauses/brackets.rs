//! Which quotes and brackets are open, so that a closing one stays with its sentence.
//!
//! Invariant: only a reason to look one character further. A bracket that is never closed costs that look and no more.

use super::Verdict;

/// How many closing marks in a row belong to one sentence; more are not waited for.
const MOST_CLOSERS: usize = 8;

/// What is open at a place of the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brackets {
    depth: u8,
    is_quoted: bool,
    is_starred: bool,
    last: Option<char>,
}

impl Brackets {
    /// Goes on past `c`. A run of stars or back-ticks (Markdown) opens or closes once.
    pub(super) fn see(&mut self, c: char) {
        match c {
            '"' | '＂' => self.is_quoted = !self.is_quoted,
            '*' | '`' if self.last != Some(c) => self.is_starred = !self.is_starred,
            _ if is_opener(c) => self.depth = self.depth.saturating_add(1),
            '’' => {}
            _ if is_closer(c) && c != '*' && c != '`' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.last = Some(c);
    }

    pub(super) fn is_any_open(self) -> bool {
        self.depth > 0 || self.is_quoted || self.is_starred
    }
}

fn is_opener(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '“' | '„' | '«' | '‹' | '（' | '［' | '「' | '『' | '【' | '《' | '〈')
}

/// Whether `c` may close a quote or bracket. German closes with what English opens with, so `“` is one, too.
pub(super) fn is_closer(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '”' | '“' | '»' | '›' | '）' | '］' | '」' | '』' | '】' | '》' | '〉')
        || matches!(c, '"' | '＂' | '\'' | '’' | '*' | '`')
}

/// Cuts after the closing marks, and further marks of the sentence's end, that follow the byte `end`; waits until another
/// character shows that they are all there.
pub(super) fn cut_after_closers(text: &str, end: usize) -> Verdict {
    match end_of_closers(text, end) {
        Some(cut) => Verdict::Cut(cut),
        None => Verdict::Wait,
    }
}

/// Where the run of closing marks that begins at the byte `end` ends, if that is to be seen yet.
pub(super) fn end_of_closers(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let belongs = |c: char| is_closer(c) || matches!(c, '!' | '?' | '…' | '！' | '？' | '。');
    rest.char_indices().enumerate().find(|(n, (_, c))| *n >= MOST_CLOSERS || !belongs(*c)).map(|(_, (at, _))| end + at)
}
