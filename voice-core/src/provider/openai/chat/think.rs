//! Takes a model's thinking out of its text: what stands between `<think>` and `</think>` is never spoken.
//!
//! Invariant: the output is the same however the text is cut into pieces.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The filter of one answer.
#[derive(Debug, Default)]
pub(super) struct ThinkFilter {
    place: Place,
    /// The start of what may become a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Speech,
    Thinking,
    /// Just after the thinking: the blank lines that separate it from the answer are not speech.
    AfterThinking,
}

impl ThinkFilter {
    /// What of `text`, and of what was held back before, is known to be speech; perhaps nothing.
    pub(super) fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        let text = std::mem::take(&mut self.held);
        let (mut rest, mut speech) = (text.as_str(), String::new());
        while let Some((at, tag)) = first_tag(rest) {
            self.say(rest.get(..at).unwrap_or_default(), &mut speech);
            self.place = if tag == OPEN { Place::Thinking } else { Place::AfterThinking };
            rest = rest.get(at + tag.len()..).unwrap_or_default();
        }
        let sure = rest.len() - held_len(rest);
        self.say(rest.get(..sure).unwrap_or_default(), &mut speech);
        self.held.push_str(rest.get(sure..).unwrap_or_default());
        speech
    }

    /// What was held back and is no tag after all, now that the answer is over.
    pub(super) fn finish(&mut self) -> String {
        let (held, mut speech) = (std::mem::take(&mut self.held), String::new());
        self.say(&held, &mut speech);
        speech
    }

    fn say(&mut self, text: &str, speech: &mut String) {
        match self.place {
            Place::Speech => speech.push_str(text),
            Place::Thinking => {}
            Place::AfterThinking => {
                let text = text.trim_start();
                if !text.is_empty() {
                    self.place = Place::Speech;
                    speech.push_str(text);
                }
            }
        }
    }
}

fn first_tag(text: &str) -> Option<(usize, &'static str)> {
    let found = |tag: &'static str| text.find(tag).map(|at| (at, tag));
    [found(OPEN), found(CLOSE)].into_iter().flatten().min_by_key(|(at, _)| *at)
}

/// How many bytes at the end may be the start of a tag.
fn held_len(text: &str) -> usize {
    let longest = |tag: &str| {
        (1..tag.len()).rev().find(|length| tag.get(..*length).is_some_and(|start| text.ends_with(start))).unwrap_or(0)
    };
    longest(OPEN).max(longest(CLOSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filtered(pieces: &[&str]) -> String {
        let mut filter = ThinkFilter::default();
        let mut speech: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        speech.push_str(&filter.finish());
        speech
    }

    #[test]
    fn thinking_is_not_spoken() {
        for (pieces, spoken) in [
            (&["<think>Let me see.</think>\n\nHello."][..], "Hello."),
            (&["<thi", "nk>Let", " me</th", "ink>", "\n", "\n", " Hello."], "Hello."),
            (&["Hello. <think>hm</think> There."], "Hello. There."),
            (&["<think>never closed"], ""),
            (&["Two </think> three"], "Two three"),
            (&["a <b> c <thin"], "a <b> c <thin"),
            (&["<<think>x</think>y"], "<y"),
            (&["1 < 2", " and <", "tag>"], "1 < 2 and <tag>"),
            (&["<think></think>", "<think>again</think>Yes"], "Yes"),
        ] {
            assert_eq!(filtered(pieces), spoken, "{pieces:?}");
        }
    }

    #[test]
    fn what_can_be_no_tag_is_not_held_back() {
        let mut filter = ThinkFilter::default();
        assert_eq!(filter.push("Good "), "Good ");
        assert_eq!(filter.push("day <"), "day ");
        assert_eq!(filter.push("3"), "<3");
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(parts in prop::collection::vec("<think>|</think>|<thi|nk>|[a<>/ é🙂\n]{0,6}", 0..12)) {
            let whole = parts.concat();
            let letters: Vec<String> = whole.chars().map(String::from).collect();
            let by_letter: Vec<&str> = letters.iter().map(String::as_str).collect();
            let by_part: Vec<&str> = parts.iter().map(String::as_str).collect();
            prop_assert_eq!(filtered(&[&whole]), filtered(&by_letter));
            prop_assert_eq!(filtered(&[&whole]), filtered(&by_part));
        }
    }
}
