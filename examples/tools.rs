//! A function of your program that the model calls: with a deadline, and a filler while it runs.

use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use voice_core::provider::scripted::{LlmConfig, LlmReply, ScriptedLlm};
use voice_core::session::{Session, SessionEvent};
use voice_core::stage::{BargeInBehaviour, Role, Tool, ToolError, ToolPolicy, ToolSpec};
use voice_core::transport::MemoryLine;
use voice_core::units::CallId;
use voice_examples::{LINE, agent, caller};

struct FreeTables;

impl Tool for FreeTables {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "free_tables".into(),
            description: "How many tables are free on a day.".into(),
            parameters_json: r#"{"type":"object","properties":{"day":{"type":"string"}},"required":["day"]}"#.into(),
        }
    }

    fn policy(&self) -> ToolPolicy {
        ToolPolicy {
            deadline: Duration::from_secs(3),
            on_barge_in: BargeInBehaviour::Cancel,
            filler: Some("Let me look. ".into()),
            filler_after: Duration::from_millis(300),
        }
    }

    fn call(&self, arguments_json: String) -> BoxFuture<'static, Result<String, ToolError>> {
        Box::pin(async move {
            println!("tool:   free_tables {arguments_json}");
            tokio::time::sleep(Duration::from_millis(800)).await;
            Ok(r#"{"free":3}"#.into())
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A model is asked again with the tool's answer; this one reads it from the last message.
    let llm = ScriptedLlm::with(LlmConfig::default(), |request, _| match request.messages.last() {
        Some(message) if message.role == Role::Tool => LlmReply::text("There are three tables left on Friday."),
        _ => LlmReply::text("").call("call-1", "free_tables", r#"{"day":"Friday"}"#),
    });
    let mut agent = agent(&["Is there a table on Friday?"], llm);
    agent.tools = vec![Arc::new(FreeTables)];
    let (line, peer) = MemoryLine::pair(LINE, 64);
    let (session, _handle, mut events) = Session::new(CallId::new("example"), agent, Box::new(line));
    let watch = async {
        while let Some(event) = events.next().await {
            match event {
                SessionEvent::CallerTurn(turn) => println!("caller: {}", turn.text),
                SessionEvent::Tool { name, state, .. } => println!("tool:   {name} {state:?}"),
                SessionEvent::TurnEnded(turn) => println!("agent:  {}", turn.heard_text()),
                _ => {}
            }
        }
    };
    tokio::join!(session.run(), watch, caller(peer, &[500, 1_000, 6_000]));
}
