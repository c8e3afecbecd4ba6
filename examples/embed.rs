//! A call in forty lines: an agent, a line, a session; what is said is printed.

use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::session::{Session, SessionEvent};
use voice_core::transport::MemoryLine;
use voice_core::units::CallId;
use voice_examples::{LINE, agent, caller};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let replies =
        vec![LlmReply::text("Of course. For how many people, and when?"), LlmReply::text("See you on Friday.")];
    let llm = ScriptedLlm::new(LlmConfig { first_token_ms: 150, token_ms: 20, ..LlmConfig::default() }, replies);
    let mut agent = agent(&["I would like to book a table.", "Two people on Friday."], llm);
    agent.config.greeting = Some("Good evening, how can I help?".into());

    let (line, peer) = MemoryLine::pair(LINE, 64);
    let (session, _handle, mut events) = Session::new(CallId::new("example"), agent, Box::new(line));

    let watch = async {
        while let Some(event) = events.next().await {
            match event {
                SessionEvent::CallerTurn(turn) => println!("caller: {}", turn.text),
                SessionEvent::TurnEnded(turn) => println!("agent:  {} ({:?})", turn.heard_text(), turn.outcome),
                SessionEvent::Ended { reason, .. } => println!("the call is over: {reason:?}"),
                _ => {}
            }
        }
    };
    let (record, (), ()) = tokio::join!(session.run(), watch, caller(peer, &[2_500, 1_200, 5_000, 1_000, 3_500]));
    for turn in record.turns.iter().filter(|turn| turn.caller.is_some()) {
        println!("turn {}: voice to voice {:?}", turn.turn.0, turn.timeline.voice_to_voice());
    }
}
