//! The dialogue script: a TOML file as data.

use super::check::check;
use serde::Deserialize;
use std::io::Read;
use std::path::Path;

/// The largest script, in bytes.
const MAX_SCRIPT_BYTES: usize = 256 * 1024;

/// What is wrong with a dialogue script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialogueError {
    /// The file cannot be read.
    #[error("the dialogue script {path} cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The script is longer than is sensible.
    #[error("the dialogue script is larger than {} KiB: split it", MAX_SCRIPT_BYTES / 1024)]
    TooLarge,
    /// The text is no TOML, or has a key or type that does not belong.
    #[error("the dialogue script is wrong at line {line}, column {column}: {reason}")]
    Toml {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The TOML is sound but does not make a dialogue.
    #[error("the dialogue script is wrong in {place}: {reason}")]
    Content {
        /// Which part, by its name in the file.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// A dialogue: one task with slots to fill, and what may be said around it.
///
/// `appointment.toml` beside this module is a complete example; its comments explain every key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialogueScript {
    pub(super) greeting: String,
    pub(super) offer: String,
    pub(super) farewell: String,
    pub(super) lost: Vec<String>,
    pub(super) wordless: Vec<String>,
    pub(super) task: Task,
    #[serde(rename = "slot")]
    pub(super) slots: Vec<SlotSpec>,
    #[serde(rename = "intent", default)]
    pub(super) intents: Vec<Intent>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    pub(super) noted: Vec<String>,
    pub(super) corrected: Vec<String>,
    pub(super) confirm: String,
    pub(super) change: String,
    pub(super) tool: String,
    pub(super) calling: String,
    pub(super) done: String,
    pub(super) failed: String,
    #[serde(default)]
    pub(super) results: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotSpec {
    pub(super) name: String,
    pub(super) kind: SlotKind,
    pub(super) ask: String,
    pub(super) again: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum SlotKind {
    Day,
    Time,
    Number,
    Name,
    Text,
    YesNo,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intent {
    pub(super) name: String,
    pub(super) phrases: Vec<String>,
    #[serde(default)]
    pub(super) replies: Vec<String>,
    #[serde(default)]
    pub(super) then: Then,
    #[serde(default = "one")]
    pub(super) weight: u32,
}

/// What follows an intent's reply.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Then {
    /// The task's open question, if the task has begun.
    #[default]
    Ask,
    /// The task begins: its first open question.
    Begin,
    /// What the agent said last, once more.
    Repeat,
    /// The task is forgotten.
    Cancel,
    /// Nothing.
    Wait,
}

fn one() -> u32 {
    1
}

impl DialogueScript {
    /// Reads a script from TOML text.
    ///
    /// # Errors
    /// Says the line and column, or the part by its name, and what is wrong there.
    pub fn parse(toml_text: &str) -> Result<Self, DialogueError> {
        if toml_text.len() > MAX_SCRIPT_BYTES {
            return Err(DialogueError::TooLarge);
        }
        let script: Self = toml::from_str(toml_text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = place_of(toml_text, at);
            DialogueError::Toml { line, column, reason: error.message().into() }
        })?;
        check(&script)?;
        Ok(script)
    }

    /// Reads a script from a file, blocking; meant for the start of a program.
    ///
    /// # Errors
    /// As [`Self::parse`], or the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, DialogueError> {
        let unreadable = |error: std::io::Error| {
            let (path, reason) = (path.display().to_string(), error.to_string());
            DialogueError::Unreadable { path, reason }
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        file.take(MAX_SCRIPT_BYTES as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text)
    }

    /// The script that books an appointment, which is part of the library.
    ///
    /// # Errors
    /// None in a released library: a test parses it.
    pub fn appointment() -> Result<Self, DialogueError> {
        Self::parse(include_str!("../appointment.toml"))
    }

    /// What the agent says when the call begins.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// The name of the tool the task calls; its arguments are the slots, each a string.
    pub fn tool(&self) -> &str {
        &self.task.tool
    }
}

fn place_of(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}
