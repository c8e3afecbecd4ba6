//! Your own STT: the three methods that make any engine a stage.
//!
//! This one understands nothing but how long the caller spoke; a real one would send the samples to its engine and turn
//! what comes back into events.

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::BoxFuture;
use std::sync::Arc;
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::session::{Session, SessionEvent};
use voice_core::stage::{LISTEN_RATE, StageError, Stt, SttEvent, SttFeed, SttSession};
use voice_core::transport::MemoryLine;
use voice_core::units::{CallId, Position};
use voice_examples::{LINE, agent, caller};

struct Stopwatch;

impl Stt for Stopwatch {
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        Box::pin(async {
            let (events, stream) = mpsc::channel(16);
            let feed = Box::new(StopwatchFeed { events, onset: None });
            Ok(SttSession { feed, events: stream.map(Ok).boxed() })
        })
    }
}

struct StopwatchFeed {
    events: mpsc::Sender<SttEvent>,
    onset: Option<Position>,
}

impl SttFeed for StopwatchFeed {
    fn push(&mut self, _samples: &[i16], _position: Position) -> Result<(), StageError> {
        Ok(())
    }

    fn speech_started(&mut self, onset: Position) {
        self.onset.get_or_insert(onset);
    }

    fn finalize(&mut self, end: Position) {
        let spoken = self.onset.take().map(|onset| LISTEN_RATE.duration_of(end.since(onset)));
        let text = spoken.map_or_else(String::new, |spoken| format!("I spoke for {} ms.", spoken.as_millis()));
        // A full channel drops the event: feeding a stage never waits.
        let _ = self.events.try_send(SttEvent::Final { text, end });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let llm = ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("That was quick.")]);
    let mut agent = agent(&[], llm);
    agent.stt = Arc::new(Stopwatch);
    let (line, peer) = MemoryLine::pair(LINE, 64);
    let (session, _handle, mut events) = Session::new(CallId::new("example"), agent, Box::new(line));
    let watch = async {
        while let Some(event) = events.next().await {
            match event {
                SessionEvent::CallerTurn(turn) => println!("caller: {}", turn.text),
                SessionEvent::TurnEnded(turn) => println!("agent:  {}", turn.heard_text()),
                _ => {}
            }
        }
    };
    tokio::join!(session.run(), watch, caller(peer, &[500, 1_000, 3_000]));
}
