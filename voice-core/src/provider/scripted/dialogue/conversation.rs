//! Where a dialogue stands, and what the agent says next.
//!
//! Invariant: a function of the caller's turns and the tools' results alone, in their order; it starts anew for every
//! generation. What the agent said is not consulted, so a cut-off reply or a discarded one changes nothing.

use super::phrases::Phrases;
use super::recognise::{Asked, SlotValue, YesNo, is_correction, recognise, yes_or_no};
use super::script::{DialogueScript, Intent, SlotKind, Then};
use super::words::Words;
use crate::provider::scripted::stand_in_stt::speech_seconds;
use std::collections::BTreeMap;

/// What the agent says, and what it then calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    /// The tool's arguments, a JSON object.
    pub(super) arguments_json: Option<String>,
}

/// What the agent has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Slot(usize),
    Confirm,
    Change,
    AnythingElse,
}

/// What the caller has just said about the slots.
#[derive(Default)]
struct Filled {
    new: Vec<usize>,
    corrected: Vec<usize>,
    same: Vec<usize>,
}

impl Filled {
    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.corrected.is_empty() && self.same.is_empty()
    }
}

pub(super) struct Conversation<'s> {
    script: &'s DialogueScript,
    phrases: &'s Phrases,
    slots: Vec<Option<SlotValue>>,
    last_filled: Option<usize>,
    open: Open,
    has_begun: bool,
    /// Turns in a row that were not understood.
    lost: usize,
    /// How often each list of variants was drawn from, by its name.
    drawn: BTreeMap<&'s str, usize>,
    results: BTreeMap<String, String>,
    last_text: String,
}

impl<'s> Conversation<'s> {
    /// A conversation that has not begun; `phrases` are those of the script's intents.
    pub(super) fn new(script: &'s DialogueScript, phrases: &'s Phrases) -> Self {
        Self {
            script,
            phrases,
            slots: vec![None; script.slots.len()],
            last_filled: None,
            open: Open::Nothing,
            has_begun: false,
            lost: 0,
            drawn: BTreeMap::new(),
            results: BTreeMap::new(),
            last_text: script.greeting.clone(),
        }
    }

    /// What is said when nobody has spoken yet.
    pub(super) fn greet(&self) -> Answer {
        say(self.script.greeting.clone())
    }

    /// Takes a turn of the caller.
    pub(super) fn hear(&mut self, text: &str) -> Answer {
        let answer = match speech_seconds(text) {
            Some(seconds) => say(self.hear_sound(seconds)),
            None => self.hear_words(&Words::of(text)),
        };
        self.last_text.clone_from(&answer.text);
        answer
    }

    /// Takes the result of the task's tool: a JSON object without `error` is success.
    pub(super) fn take_result(&mut self, result: &str) -> Answer {
        let fields = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(result).ok();
        let answer = match fields.filter(|fields| !fields.contains_key("error")) {
            Some(fields) => {
                self.results = fields.into_iter().map(|(name, value)| (name, as_text(value))).collect();
                self.open = Open::AnythingElse;
                say(self.fill_in(&self.script.task.done))
            }
            None => {
                self.results = BTreeMap::from([("reason".into(), result.chars().take(200).collect())]);
                self.open = Open::Confirm;
                say(self.fill_in(&self.script.task.failed))
            }
        };
        self.last_text.clone_from(&answer.text);
        answer
    }

    fn hear_words(&mut self, words: &Words) -> Answer {
        let intent = self.phrases.best(words).and_then(|intent| self.script.intents.get(intent));
        if let Some(intent) = intent.filter(|intent| self.open == Open::AnythingElse && intent.then == Then::Wait) {
            // "See you on Tuesday, goodbye" changes nothing.
            return self.answer_intent(intent);
        }
        let filled = self.fill_slots(words, intent.is_some());
        if !filled.is_empty() {
            return self.answer_filled(&filled);
        }
        if let Some(slot) = self.slot_to_change(words) {
            return self.ask(slot);
        }
        match (self.open, yes_or_no(words), intent) {
            (Open::Confirm, Some(YesNo::Yes), _) => self.call(),
            (Open::Confirm, Some(YesNo::No), None) => {
                self.open = Open::Change;
                say(self.fill_in(&self.script.task.change))
            }
            (Open::AnythingElse, Some(YesNo::No), None) => say(self.script.farewell.clone()),
            (Open::AnythingElse | Open::Nothing, Some(YesNo::Yes), None) => say(self.script.offer.clone()),
            (_, _, Some(intent)) => self.answer_intent(intent),
            _ => self.answer_lost(),
        }
    }

    fn answer_filled(&mut self, filled: &Filled) -> Answer {
        self.lost = 0;
        self.has_begun = true;
        let script = self.script;
        let preface = match (filled.corrected.is_empty(), filled.new.is_empty()) {
            (false, _) => self.draw("corrected", &script.task.corrected),
            (true, false) => self.draw("noted", &script.task.noted),
            (true, true) => String::new(),
        };
        let changed: Vec<String> = filled.new.iter().chain(&filled.corrected).map(|slot| self.spoken(*slot)).collect();
        let preface = preface.replace("{changed}", &changed.join(", "));
        self.go_on(&preface)
    }

    fn answer_intent(&mut self, intent: &'s Intent) -> Answer {
        self.lost = 0;
        let reply = self.draw(&intent.name, &intent.replies);
        match intent.then {
            Then::Wait => say(reply),
            Then::Repeat => say(self.last_text.clone()),
            Then::Ask if self.has_begun && self.open != Open::AnythingElse => self.go_on(&reply),
            Then::Ask => say(reply),
            Then::Begin => {
                if self.open == Open::AnythingElse {
                    self.forget();
                }
                self.has_begun = true;
                self.go_on(&reply)
            }
            Then::Cancel => {
                self.forget();
                say(reply)
            }
        }
    }

    fn answer_lost(&mut self) -> Answer {
        self.lost += 1;
        let script = self.script;
        match self.open {
            // Twice the question in other words, then help of the general kind.
            Open::Slot(slot) if self.lost <= 2 => {
                let Some(spec) = script.slots.get(slot) else { return self.greet() };
                say(self.fill_in(&pick(&spec.again, self.lost - 1)))
            }
            Open::Confirm if self.lost <= 2 => say(self.fill_in(&script.task.confirm)),
            _ => {
                let text = self.draw("lost", &script.lost);
                say(text)
            }
        }
    }

    fn hear_sound(&mut self, seconds: f32) -> String {
        let script = self.script;
        self.draw("wordless", &script.wordless).replace("{seconds}", &format!("{seconds:.1}"))
    }

    /// The preface, then the task's next question.
    fn go_on(&mut self, preface: &str) -> Answer {
        let script = self.script;
        let question = match self.slots.iter().position(Option::is_none) {
            Some(slot) => {
                self.open = Open::Slot(slot);
                script.slots.get(slot).map(|spec| self.fill_in(&spec.ask)).unwrap_or_default()
            }
            None => {
                self.open = Open::Confirm;
                self.fill_in(&script.task.confirm)
            }
        };
        say(if preface.is_empty() { question } else { format!("{preface} {question}") })
    }

    fn ask(&mut self, slot: usize) -> Answer {
        self.lost = 0;
        if let Some(value) = self.slots.get_mut(slot) {
            *value = None;
        }
        self.go_on("")
    }

    fn call(&mut self) -> Answer {
        self.lost = 0;
        let names = self.script.slots.iter().map(|slot| slot.name.clone());
        let values = self.slots.iter().flatten().map(|slot| serde_json::Value::from(slot.value.clone()));
        let arguments: serde_json::Map<_, _> = names.zip(values).collect();
        let arguments_json = Some(serde_json::Value::Object(arguments).to_string());
        Answer { text: self.fill_in(&self.script.task.calling), arguments_json }
    }

    fn forget(&mut self) {
        self.slots.fill(None);
        self.last_filled = None;
        self.open = Open::Nothing;
        self.has_begun = false;
    }

    fn fill_slots(&mut self, words: &Words, has_intent: bool) -> Filled {
        let mut filled = Filled::default();
        // Names and free text can be anything: they come last and only if nothing else was said.
        let is_open_kind = |slot: &usize| {
            let kind = self.script.slots.get(*slot).map(|spec| spec.kind);
            matches!(kind, Some(SlotKind::Name | SlotKind::Text))
        };
        let (open, closed): (Vec<_>, Vec<_>) = (0..self.slots.len()).partition(is_open_kind);
        for slot in closed.into_iter().chain(open) {
            let asked = match (self.is_asked(slot, words), filled.is_empty() && !has_intent) {
                (true, true) => Asked::Alone,
                (true, false) => Asked::Yes,
                (false, _) => Asked::No,
            };
            let Some(spec) = self.script.slots.get(slot) else { continue };
            if let Some(value) = recognise(spec.kind, words, asked) {
                self.fill(slot, value, &mut filled);
            }
        }
        filled
    }

    fn is_asked(&self, slot: usize, words: &Words) -> bool {
        self.open == Open::Slot(slot) || (self.last_filled == Some(slot) && is_correction(words))
    }

    fn fill(&mut self, slot: usize, value: SlotValue, filled: &mut Filled) {
        let Some(own) = self.slots.get_mut(slot) else { return };
        match own.replace(value) {
            None => filled.new.push(slot),
            old if old == *own => filled.same.push(slot),
            Some(_) => filled.corrected.push(slot),
        }
        self.last_filled = Some(slot);
    }

    /// Asked what to change, the caller names a slot: "the time".
    fn slot_to_change(&self, words: &Words) -> Option<usize> {
        let is_open = matches!(self.open, Open::Change | Open::Confirm);
        let named = || self.script.slots.iter().position(|slot| words.has(&slot.name));
        is_open.then(named).flatten()
    }

    /// The next variant of a list.
    fn draw(&mut self, list: &'s str, variants: &[String]) -> String {
        let drawn = self.drawn.entry(list).or_default();
        let text = pick(variants, *drawn);
        *drawn += 1;
        text
    }

    fn spoken(&self, slot: usize) -> String {
        self.slots.get(slot).and_then(Option::as_ref).map_or_else(String::new, |value| value.spoken.clone())
    }

    /// Puts slots and results in the place of their names; one that is not there leaves nothing.
    fn fill_in(&self, template: &str) -> String {
        let mut parts = template.split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or(("", part));
            let slot = self.script.slots.iter().position(|slot| slot.name == name);
            let value = slot.map(|slot| self.spoken(slot)).or_else(|| self.results.get(name).cloned());
            text.push_str(&value.unwrap_or_default());
            text.push_str(rest);
        }
        text
    }
}

fn say(text: String) -> Answer {
    Answer { text, arguments_json: None }
}

/// The variant at `index`; past the last they go round again from the second, as a first is often an opening.
fn pick(variants: &[String], index: usize) -> String {
    let round = variants.len().saturating_sub(1).max(1);
    let index = if index < variants.len() { index } else { 1 + index.saturating_sub(1) % round };
    variants.get(index).or(variants.first()).cloned().unwrap_or_default()
}

fn as_text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.chars().take(200).collect(),
        other => other.to_string().chars().take(200).collect(),
    }
}
