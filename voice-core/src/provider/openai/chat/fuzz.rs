//! What fuzzing asks of the reader of answers.

use super::answer::AnswerDecoder;
use super::fault::AnswerFault;
use crate::stage::LlmEvent;

/// Where the bytes are cut changes nothing, an answer ends once, and no delta and no call's name is empty.
pub(in crate::provider) fn chat(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = heard(std::iter::once(stream));
    assert_eq!(heard(stream.chunks(usize::from(*cut).max(1))), whole);
    assert_eq!(heard(stream.chunks(1)), whole);
    let ends = whole.iter().filter(|event| matches!(event, Err(_) | Ok(LlmEvent::Done(_)))).count();
    assert_eq!(ends, 1, "{whole:?}");
    for event in whole.iter().flatten() {
        match event {
            LlmEvent::Delta(text) => assert!(!text.is_empty()),
            LlmEvent::ToolCall(call) => assert!(!call.name.is_empty() && !call.call.is_empty()),
            LlmEvent::Serving(_) | LlmEvent::Usage(_) | LlmEvent::Done(_) => {}
        }
    }
}

fn heard<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<LlmEvent, AnswerFault>> {
    let mut answer = AnswerDecoder::new("abcdef".to_owned());
    let mut heard = Vec::new();
    for piece in pieces {
        answer.push(piece);
        heard.extend(std::iter::from_fn(|| answer.next()));
    }
    answer.end();
    heard.extend(std::iter::from_fn(|| answer.next()));
    if answer.is_over() {
        heard.extend(answer.farewell().into_iter().map(Ok));
    }
    heard
}
