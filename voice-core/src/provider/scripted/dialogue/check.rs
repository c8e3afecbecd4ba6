//! Whether a script that is sound TOML makes a dialogue: nothing empty, nothing twice, no unknown placeholder.

use super::script::{DialogueError, DialogueScript, Then};
use std::collections::HashSet;

const MAX_SLOTS: usize = 16;
const MAX_INTENTS: usize = 200;
const MAX_PHRASES: usize = 100;
const MAX_REPLIES: usize = 50;
const MAX_TEXT_CHARS: usize = 600;
const MAX_WEIGHT: u32 = 100;

type Checked = Result<(), DialogueError>;

pub(super) fn check(script: &DialogueScript) -> Checked {
    check_count("the slots", script.slots.len(), MAX_SLOTS)?;
    let slots: Vec<&str> = script.slots.iter().map(|slot| slot.name.as_str()).collect();
    check_names("slot", &slots)?;
    if let Some(name) = slots.iter().find(|name| !name.chars().all(|c| c.is_ascii_lowercase())) {
        return content(&format!("slot \"{name}\""), "the name must be one word of small letters, as callers say it");
    }
    check_task(script, &slots)?;
    for (place, text) in [("greeting", &script.greeting), ("offer", &script.offer), ("farewell", &script.farewell)] {
        check_text(place, text, &[])?;
    }
    check_texts("lost", &script.lost, &[])?;
    check_texts("wordless", &script.wordless, &["seconds"])?;
    for slot in &script.slots {
        check_text(&format!("slot \"{}\", ask", slot.name), &slot.ask, &slots)?;
        check_texts(&format!("slot \"{}\", again", slot.name), &slot.again, &slots)?;
    }
    check_intents(script)
}

fn check_task(script: &DialogueScript, slots: &[&str]) -> Checked {
    let task = &script.task;
    if task.tool.is_empty() {
        return content("task, tool", "it is empty: name the tool that does the task");
    }
    check_texts("task, noted", &task.noted, &["changed"])?;
    check_texts("task, corrected", &task.corrected, &["changed"])?;
    check_text("task, confirm", &task.confirm, slots)?;
    check_text("task, change", &task.change, slots)?;
    check_text("task, calling", &task.calling, slots)?;
    let results = task.results.iter().map(String::as_str);
    let known: Vec<&str> = slots.iter().copied().chain(results).chain(["reason"]).collect();
    check_text("task, done", &task.done, &known)?;
    check_text("task, failed", &task.failed, &known)
}

fn check_intents(script: &DialogueScript) -> Checked {
    if script.intents.len() > MAX_INTENTS {
        return content("the intents", &format!("there are more than {MAX_INTENTS}"));
    }
    let names: Vec<&str> = script.intents.iter().map(|intent| intent.name.as_str()).collect();
    check_names("intent", &names)?;
    for intent in &script.intents {
        let place = format!("intent \"{}\"", intent.name);
        check_count(&format!("{place}, phrases"), intent.phrases.len(), MAX_PHRASES)?;
        if let Some(phrase) = intent.phrases.iter().find(|phrase| !phrase.chars().any(char::is_alphanumeric)) {
            return content(&place, &format!("the phrase \"{phrase}\" has no word"));
        }
        if !(1..=MAX_WEIGHT).contains(&intent.weight) {
            return content(&place, &format!("the weight must be from 1 to {MAX_WEIGHT}"));
        }
        if intent.then != Then::Repeat {
            check_texts(&format!("{place}, replies"), &intent.replies, &[])?;
        }
    }
    Ok(())
}

fn check_names(what: &str, names: &[&str]) -> Checked {
    let mut seen = HashSet::new();
    for name in names {
        if name.is_empty() {
            return content(what, "a name is empty");
        }
        if !seen.insert(name) {
            return content(&format!("{what} \"{name}\""), "the name is there twice");
        }
    }
    Ok(())
}

fn check_count(place: &str, count: usize, most: usize) -> Checked {
    match count {
        0 => content(place, "there are none: give at least one"),
        count if count > most => content(place, &format!("there are {count}: at most {most} are allowed")),
        _ => Ok(()),
    }
}

fn check_texts(place: &str, texts: &[String], known: &[&str]) -> Checked {
    check_count(place, texts.len(), MAX_REPLIES)?;
    texts.iter().try_for_each(|text| check_text(place, text, known))
}

fn check_text(place: &str, text: &str, known: &[&str]) -> Checked {
    if text.trim().is_empty() {
        return content(place, "a text is empty");
    }
    if text.chars().count() > MAX_TEXT_CHARS {
        return content(place, &format!("a text has more than {MAX_TEXT_CHARS} characters"));
    }
    for part in text.split('{').skip(1) {
        let Some((name, _)) = part.split_once('}') else {
            return content(place, "a { has no }");
        };
        if !known.contains(&name) {
            return content(place, &format!("{{{name}}} is not known here; known: {}", known.join(", ")));
        }
    }
    Ok(())
}

fn content(place: &str, reason: &str) -> Checked {
    Err(DialogueError::Content { place: place.into(), reason: reason.into() })
}
