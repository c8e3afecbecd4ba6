//! The caller talks over the agent: the pause, the decision, and the signal with what was heard and what was not.

use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::session::{Session, SessionEvent};
use voice_core::transport::MemoryLine;
use voice_core::units::CallId;
use voice_examples::{LINE, agent, caller};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let replies = vec![
        LlmReply::text("Very well, I am going to book a table for Monday evening at eight, and send you a message."),
        LlmReply::text("Tuesday then."),
    ];
    let agent = agent(
        &["A table for Monday please.", "No wait, I meant Tuesday."],
        ScriptedLlm::new(LlmConfig::default(), replies),
    );
    let (line, peer) = MemoryLine::pair(LINE, 64);
    let (session, _handle, mut events) = Session::new(CallId::new("example"), agent, Box::new(line));
    let watch = async {
        while let Some(event) = events.next().await {
            match event {
                SessionEvent::Paused { reply, .. } => println!("paused {reply:?}: the caller makes a sound"),
                SessionEvent::Resumed(_) => println!("resumed: it was not a bid for the turn"),
                SessionEvent::BargeIn { signal, timeline } => {
                    println!("barge-in, cause {:?}", signal.cause);
                    println!("  onset to paused  {:?}", timeline.paused - timeline.onset);
                    println!("  onset to decided {:?}", timeline.decided - timeline.onset);
                    println!("  heard            {:?}", signal.heard_text());
                    println!("  never heard      {:?}", signal.discarded_text());
                }
                SessionEvent::TurnEnded(turn) => println!("agent: {} ({:?})", turn.heard_text(), turn.outcome),
                _ => {}
            }
        }
    };
    tokio::join!(session.run(), watch, caller(peer, &[300, 1_000, 2_500, 1_500, 4_000]));
}
