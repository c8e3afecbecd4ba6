//! Token stream to speakable clauses.
//!
//! Invariant: the clauses joined are exactly the text, and where the tokens were cut changes only when a clause comes
//! out, never which: every decision is taken from the text up to a bounded look-ahead. Nothing here knows a language;
//! the few word lists are in `dot` and below.

mod brackets;
mod dot;

use brackets::Brackets;
use unicode_segmentation::UnicodeSegmentation;

/// How long clauses are, in characters. A Chinese, Japanese or Korean character counts as three, which is about how long
/// it sounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseConfig {
    /// A reply's first clause may end at a comma from here on, and before a conjunction from twice as much; at a
    /// sentence's end always. Default 10: "Of course," sounds for 0.7 s, which covers making the next clause.
    pub first_clause_min_chars: usize,
    /// A first clause without any of these is cut at a word here. Default 80.
    pub first_clause_max_chars: usize,
    /// Later clauses are whole sentences, joined until they are this long: a voice sounds better with more context.
    /// Default 40.
    pub min_chars: usize,
    /// A later clause ends at a comma from half of this on, and at a word here. Default 240.
    pub max_chars: usize,
}

impl Default for ClauseConfig {
    fn default() -> Self {
        Self { first_clause_min_chars: 10, first_clause_max_chars: 80, min_chars: 40, max_chars: 240 }
    }
}

/// The least a longest clause may be set to, so that cutting always finds a place.
const LEAST_MAX_CHARS: usize = 16;

/// Words a first clause may be cut before.
const CONJUNCTIONS: &[&str] = &[
    "and", "but", "or", "because", "so", "if", "when", "while", "which", "although", "though", "until", "unless",
    "then", "where", "who", "y", "pero", "porque", "cuando", "et", "mais", "ou", "quand", "und", "aber", "oder",
    "weil", "wenn",
];

/// Cuts a stream of tokens into clauses, each as soon as it is speakable.
///
/// The clauses joined are exactly the text that went in. Every clause has something to say in it (see [`is_speakable`])
/// but two: one of nothing but signs for as long as a clause may be, and the last, as what is before it is out already.
#[derive(Debug, Default)]
pub struct ClauseSplitter {
    config: ClauseConfig,
    pending: String,
    /// Where in `pending` the clause being gathered begins.
    start: usize,
    /// What was open there.
    brackets: Brackets,
    stage: Stage,
}

/// Which clause of the reply is being gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    First,
    Later,
}

/// What a character decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The clause ends just before this byte.
    Cut(usize),
    /// The next characters decide.
    Wait,
    /// The clause goes on.
    GoOn,
}

impl ClauseSplitter {
    /// A splitter for one reply.
    pub fn new(config: ClauseConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes the next piece of text.
    pub fn push(&mut self, delta: &str) {
        self.pending.push_str(delta);
    }

    /// The next clause that is certainly speakable. Call until `None` after each `push`.
    pub fn next_clause(&mut self) -> Option<String> {
        let cut = self.find_cut()?;
        let clause = self.gathered().get(..cut)?.to_owned();
        clause.chars().for_each(|c| self.brackets.see(c));
        self.start += cut;
        self.stage = Stage::Later;
        // Dropped in halves, so that one huge push is not moved once for every clause of it.
        if self.start * 2 >= self.pending.len() {
            self.pending.drain(..self.start);
            self.start = 0;
        }
        Some(clause)
    }

    /// The text has ended: the rest, if any, as one clause. Call it when [`Self::next_clause`] has given `None`. The
    /// splitter is then as new.
    pub fn finish(&mut self) -> Option<String> {
        let rest = self.gathered().to_owned();
        *self = Self::new(self.config.clone());
        Some(rest).filter(|rest| !rest.is_empty())
    }

    fn gathered(&self) -> &str {
        self.pending.get(self.start..).unwrap_or_default()
    }

    /// Where the gathered clause ends, if that is certain.
    fn find_cut(&self) -> Option<usize> {
        let text = self.gathered();
        let limit = self.max_chars();
        let mut brackets = self.brackets;
        let (mut size, mut has_words) = (0, false);
        for (at, c) in text.char_indices() {
            if size >= limit {
                return Some(forced_cut(text.get(..at)?));
            }
            size += size_of(c);
            has_words |= c.is_alphanumeric();
            brackets.see(c);
            if !has_words {
                continue;
            }
            match (Candidate { text, at, c, size, brackets }).judge(self.stage, &self.config) {
                Verdict::Cut(end) => return Some(end),
                Verdict::Wait => return None,
                Verdict::GoOn => {}
            }
        }
        None
    }

    fn max_chars(&self) -> usize {
        let max = match self.stage {
            Stage::First => self.config.first_clause_max_chars,
            Stage::Later => self.config.max_chars,
        };
        max.max(LEAST_MAX_CHARS)
    }
}

/// Whether there is anything in `text` that a voice could say: a letter or a digit.
pub fn is_speakable(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// A place where the clause might end: the character `c` at the byte `at` of `text`, the clause up to it being `size`
/// long.
struct Candidate<'a> {
    text: &'a str,
    at: usize,
    c: char,
    size: usize,
    /// What is open after `c`.
    brackets: Brackets,
}

impl Candidate<'_> {
    fn judge(&self, stage: Stage, config: &ClauseConfig) -> Verdict {
        let half = config.max_chars / 2;
        let (sentence, comma, conjunction) = match stage {
            Stage::First => (0, config.first_clause_min_chars, config.first_clause_min_chars.saturating_mul(2)),
            Stage::Later => (config.min_chars, half, usize::MAX),
        };
        match self.c {
            '\n' if self.size >= sentence => Verdict::Cut(self.end()),
            '.' if self.size >= sentence => dot::judge(self.text, self.at, self.brackets, stage),
            c if ends_sentence(c) && self.size >= sentence => self.judge_mark(),
            c if ends_phrase(c) && self.size >= comma => self.judge_comma(),
            c if c.is_whitespace() && self.size >= conjunction => self.judge_conjunction(),
            _ => Verdict::GoOn,
        }
    }

    fn end(&self) -> usize {
        self.at + self.c.len_utf8()
    }

    fn next(&self) -> Option<char> {
        self.text.get(self.end()..)?.chars().next()
    }

    /// A mark that ends a sentence wherever it stands, unless within an address.
    fn judge_mark(&self) -> Verdict {
        if self.c.is_ascii() && is_address(token_before(self.text, self.at)) {
            return match self.next() {
                None => Verdict::Wait,
                Some(next) if next.is_whitespace() => Verdict::Cut(self.end()),
                Some(_) => Verdict::GoOn,
            };
        }
        self.cut_after_closers()
    }

    /// A comma and its like: ASCII ones not within a number, a time or an address, a hyphen only between spaces.
    fn judge_comma(&self) -> Verdict {
        let before = self.text.get(..self.at).and_then(|text| text.chars().next_back());
        match self.c {
            '-' if !before.is_some_and(char::is_whitespace) => Verdict::GoOn,
            ',' | ';' if before.is_some_and(char::is_alphabetic) => self.cut_after_closers(),
            ',' | ';' | ':' | '-' => match self.next() {
                None => Verdict::Wait,
                Some('\n') => Verdict::GoOn,
                Some(next) if next.is_whitespace() || brackets::is_closer(next) => self.cut_after_closers(),
                Some(_) => Verdict::GoOn,
            },
            _ => self.cut_after_closers(),
        }
    }

    /// A space before a conjunction.
    fn judge_conjunction(&self) -> Verdict {
        let after = self.text.get(self.end()..).unwrap_or_default();
        let length = after.find(|c: char| !c.is_alphabetic());
        let word = after.get(..length.unwrap_or(after.len())).unwrap_or_default();
        let ends_here = after.get(word.len()..).is_some_and(|rest| rest.starts_with(char::is_whitespace));
        if length.is_some() && !ends_here {
            return Verdict::GoOn;
        }
        let is_conjunction = |known: &&str| if ends_here { *known == word } else { known.starts_with(word) };
        match (CONJUNCTIONS.iter().any(is_conjunction), ends_here) {
            (true, true) => Verdict::Cut(self.end()),
            (true, false) => Verdict::Wait,
            (false, _) => Verdict::GoOn,
        }
    }

    /// Cuts here, or after the quotes and brackets that close here if any are open.
    fn cut_after_closers(&self) -> Verdict {
        if self.brackets.is_any_open() {
            brackets::cut_after_closers(self.text, self.end())
        } else {
            Verdict::Cut(self.end())
        }
    }
}

/// A mark that ends a sentence without a look at the next character.
fn ends_sentence(c: char) -> bool {
    matches!(
        c,
        '!' | '?'
            | '…'
            | '‽'
            | '。'
            | '！'
            | '？'
            | '｡'
            | '．'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '။'
            | '።'
            | '։'
            | '⁇'
            | '⁈'
            | '⁉'
    )
}

fn ends_phrase(c: char) -> bool {
    matches!(c, ',' | ';' | ':' | '-' | '–' | '—' | '，' | '、' | '；' | '：' | '､' | '،' | '؛' | '၊' | '፣' | '･')
}

fn size_of(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' => 3,
        '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => 3,
        _ => 1,
    }
}

/// The run without spaces that ends at the byte `at`, without brackets or quotes before it.
fn token_before(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let token = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    token.trim_start_matches(|c: char| !c.is_alphanumeric())
}

fn is_address(token: &str) -> bool {
    token.contains("://") || token.contains('@') || token.starts_with("www.")
}

/// Where to cut a clause that has become too long: after its last comma in the second half, else its last space, else
/// between words that are written without, else between the characters a reader sees, else at its end.
fn forced_cut(window: &str) -> usize {
    let after =
        |found: Option<(usize, &str)>| found.map(|(at, mark)| at + mark.len()).filter(|cut| *cut <= window.len());
    let is_worth = |cut: &usize| window.get(..*cut).is_some_and(is_speakable);
    let comma = after(window.rmatch_indices([',', ';', ' ']).find(|(at, mark)| {
        *mark == " " && window.get(..*at).is_some_and(|text| text.ends_with([',', ';', ':', '–', '—']))
    }));
    comma
        .filter(|cut| *cut > window.len() / 2)
        .or_else(|| after(window.rmatch_indices(char::is_whitespace).next()))
        .filter(is_worth)
        .or_else(|| window.split_word_bound_indices().next_back().map(|(at, _)| at).filter(is_worth))
        .or_else(|| window.grapheme_indices(true).next_back().map(|(at, _)| at).filter(is_worth))
        .unwrap_or(window.len())
}

#[cfg(test)]
mod tests;
