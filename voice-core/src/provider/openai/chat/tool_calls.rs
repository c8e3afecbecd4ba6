//! Tool calls out of their fragments, whatever the server's way of sending them.
//!
//! Invariant: fragments belong together by `index`, not by their place in an array; every call that comes out has a
//! name, an id that no other of the answer has, and arguments of at most [`MAX_ARGUMENTS_BYTES`]. Whether the arguments are
//! JSON is not judged here, except that nothing at all becomes `{}`: a model can mend what a tool complains of.

use super::chunk::ToolCallDelta;
use crate::stage::ToolCall;
use serde_json::{Map, Value};

/// Calls of one answer: Groq's bound for the functions of a request.
const MAX_CALLS: usize = 128;
/// Arguments of one call. They are spoken about, not files.
const MAX_ARGUMENTS_BYTES: usize = 64 * 1024;
/// The longest name or id. OpenAI allows 64 characters.
const MAX_NAME_BYTES: usize = 256;

/// Why the fragments make no call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallFault {
    TooMany,
    TooLong,
    Nameless,
}

impl CallFault {
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::TooMany => "more than 128 tool calls in one answer",
            Self::TooLong => "a tool call longer than 64 KiB",
            Self::Nameless => "a tool call without a name",
        }
    }
}

/// The calls of one answer so far.
#[derive(Debug)]
pub(super) struct ToolCallAssembler {
    id_stem: String,
    open: Vec<OpenCall>,
    ids: Vec<String>,
}

#[derive(Debug, Default)]
struct OpenCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl ToolCallAssembler {
    /// Ids that the server leaves out begin with `id_stem`.
    pub(super) fn new(id_stem: String) -> Self {
        Self { id_stem, open: Vec::new(), ids: Vec::new() }
    }

    pub(super) fn push(&mut self, delta: &ToolCallDelta) -> Result<(), CallFault> {
        let (id, name) = (delta.id.as_deref().unwrap_or_default(), delta.name());
        if id.len() > MAX_NAME_BYTES || name.len() > MAX_NAME_BYTES {
            return Err(CallFault::TooLong);
        }
        let call = self.call_of(delta.index, id, name)?;
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        let arguments = delta.arguments();
        if call.arguments.len() + arguments.len() > MAX_ARGUMENTS_BYTES {
            return Err(CallFault::TooLong);
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }

    /// All calls so far, in the order they began.
    pub(super) fn take(&mut self) -> Result<Vec<ToolCall>, CallFault> {
        std::mem::take(&mut self.open).into_iter().map(|call| self.closed(call)).collect()
    }

    fn call_of(&mut self, index: Option<u64>, id: &str, name: &str) -> Result<&mut OpenCall, CallFault> {
        let at = match index {
            Some(_) => self.open.iter().rposition(|call| call.index == index),
            None if id.is_empty() => self.open.len().checked_sub(1),
            None => self.open.iter().rposition(|call| call.id == id).or(self.open.len().checked_sub(1)),
        };
        let goes_on = at.filter(|at| self.open.get(*at).is_some_and(|call| !call.is_followed_by(id, name)));
        let at = match goes_on {
            Some(at) => at,
            None if self.ids.len() + self.open.len() >= MAX_CALLS => return Err(CallFault::TooMany),
            None => {
                self.open.push(OpenCall { index, ..OpenCall::default() });
                self.open.len() - 1
            }
        };
        self.open.get_mut(at).ok_or(CallFault::TooMany)
    }

    fn closed(&mut self, call: OpenCall) -> Result<ToolCall, CallFault> {
        if call.name.is_empty() {
            return Err(CallFault::Nameless);
        }
        let id = self.unused_id(call.id);
        self.ids.push(id.clone());
        Ok(ToolCall { call: id, name: call.name, arguments_json: object_or_given(call.arguments) })
    }

    /// Nine letters and digits where the server gave none or one twice: the form that the strictest template takes
    /// (Mistral's).
    fn unused_id(&self, given: String) -> String {
        if !given.is_empty() && !self.ids.contains(&given) {
            return given;
        }
        format!("{}{:03}", self.id_stem, self.ids.len())
    }
}

impl OpenCall {
    /// Whether a fragment with the same index begins another call: servers exist that number all their calls 0.
    fn is_followed_by(&self, id: &str, name: &str) -> bool {
        if name.is_empty() || self.name.is_empty() {
            return false;
        }
        let other_id = !id.is_empty() && !self.id.is_empty() && id != self.id;
        let same_again = id.is_empty() && is_object(&self.arguments);
        other_id || name != self.name || same_again
    }
}

/// Nothing, and JSON's nothing, mean that there are no arguments.
fn object_or_given(arguments: String) -> String {
    match arguments.trim() {
        "" | "null" => "{}".to_owned(),
        _ => arguments,
    }
}

/// Whether these are arguments as a tool may be given them.
pub(super) fn is_object(arguments: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(arguments).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn assembled(deltas: &[Value]) -> Result<Vec<(String, String, String)>, CallFault> {
        let mut assembler = ToolCallAssembler::new("abcdef".to_owned());
        for delta in deltas {
            assembler.push(&serde_json::from_value(delta.clone()).unwrap())?;
        }
        let calls = assembler.take()?;
        Ok(calls.into_iter().map(|call| (call.call, call.name, call.arguments_json)).collect())
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    }

    fn part(index: u64, arguments: &str) -> Value {
        json!({"index": index, "function": {"arguments": arguments}})
    }

    fn start(index: u64, id: &str, name: &str, arguments: &str) -> Value {
        json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
    }

    #[test]
    fn interleaved_fragments_belong_to_their_index() {
        let deltas = [
            start(0, "call_a1", "book_table", ""),
            part(0, "{\"people\":"),
            start(1, "call_b2", "get_weather", ""),
            part(0, "4}"),
            part(1, "{\"city\":"),
            part(0, ""),
            part(1, "\"Bonn\"}"),
        ];
        let expected = vec![
            call("call_a1", "book_table", r#"{"people":4}"#),
            call("call_b2", "get_weather", r#"{"city":"Bonn"}"#),
        ];
        assert_eq!(assembled(&deltas), Ok(expected));
    }

    #[test]
    fn one_number_for_all_calls_keeps_them_apart() {
        let by_id = [start(0, "x", "f", r#"{"a":1}"#), start(0, "y", "f", r#"{"a":2}"#)];
        assert_eq!(assembled(&by_id), Ok(vec![call("x", "f", r#"{"a":1}"#), call("y", "f", r#"{"a":2}"#)]));
        let by_name = [start(0, "", "f", "{}"), start(0, "", "g", ""), part(0, r#"{"b":1}"#)];
        assert_eq!(assembled(&by_name), Ok(vec![call("abcdef000", "f", "{}"), call("abcdef001", "g", r#"{"b":1}"#)]));
        let same_name = [start(0, "", "f", "{\"a\":1}"), start(0, "", "f", "{\"a\":2}")];
        assert_eq!(assembled(&same_name).unwrap().len(), 2);
    }

    #[test]
    fn a_repeated_id_or_name_goes_on_with_the_call() {
        let deltas = [start(0, "x", "f", "{\"a\""), start(0, "x", "f", ":1"), start(0, "", "f", "}")];
        assert_eq!(assembled(&deltas), Ok(vec![call("x", "f", r#"{"a":1}"#)]));
    }

    #[test]
    fn an_id_without_a_name_that_changes_goes_on_with_the_call() {
        let deltas = [start(0, "x", "f", "{"), json!({"index": 0, "id": "z", "function": {"arguments": "}"}})];
        assert_eq!(assembled(&deltas), Ok(vec![call("x", "f", "{}")]));
    }

    #[test]
    fn without_an_index_fragments_follow_their_id_or_the_last_call() {
        let deltas = [
            json!({"id": "x", "function": {"name": "f", "arguments": "{\"a\""}}),
            json!({"function": {"arguments": ":1}"}}),
            json!({"id": "y", "function": {"name": "f"}}),
        ];
        assert_eq!(assembled(&deltas), Ok(vec![call("x", "f", r#"{"a":1}"#), call("y", "f", "{}")]));
    }

    #[test]
    fn no_arguments_are_an_empty_object_and_bad_ones_stay_as_they_are() {
        let deltas = [
            start(0, "a", "f", ""),
            start(1, "b", "f", "null"),
            start(2, "c", "f", "{oops"),
            json!({"index": 3, "id": "d", "function": {"name": "f"}}),
        ];
        let arguments: Vec<String> =
            assembled(&deltas).unwrap().into_iter().map(|(_, _, arguments)| arguments).collect();
        assert_eq!(arguments, ["{}", "{}", "{oops", "{}"]);
    }

    #[test]
    fn an_id_given_twice_is_replaced() {
        let calls = assembled(&[start(0, "x", "f", "{}"), start(1, "x", "g", "{}")]).unwrap();
        assert_eq!(calls[1].0, "abcdef001");
    }

    #[test]
    fn what_makes_no_call_is_told() {
        assert_eq!(assembled(&[part(0, "{}")]), Err(CallFault::Nameless));
        assert_eq!(assembled(&[start(0, "a", "f", &"x".repeat(MAX_ARGUMENTS_BYTES + 1))]), Err(CallFault::TooLong));
        let many: Vec<Value> = (0..=MAX_CALLS as u64).map(|index| start(index, "", "f", "{}")).collect();
        assert_eq!(assembled(&many), Err(CallFault::TooMany));
    }
}
