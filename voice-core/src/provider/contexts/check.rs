//! The self-test of an engine that speaks.

use crate::provider::clock::now;
use crate::provider::net::CheckReport;
use crate::stage::{StageError, Tts, TtsEvent};
use crate::units::ReplyId;
use futures::StreamExt;

/// Opens `tts` and speaks one short word up to its first audio.
pub(crate) async fn check_voice(tts: &dyn Tts, voice: &str) -> Result<CheckReport, StageError> {
    let asked = now();
    let mut session = tts.open().await?;
    let opened = now();
    let mut reply = session.begin(ReplyId(1))?;
    reply.feed.speak("Hello. ")?;
    reply.feed.finish();
    while let Some(event) = reply.events.next().await {
        if let TtsEvent::Audio(_) = event? {
            let opening = opened.duration_since(asked).as_millis();
            let speaking = now().duration_since(opened).as_millis();
            let detail = format!("{} spoke as {voice}: open after {opening} ms, audio {speaking} ms later", tts.name());
            return Ok(CheckReport { detail });
        }
    }
    Err(StageError::Ended { engine: "the TTS" })
}
