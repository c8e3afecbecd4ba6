//! Live spoken conversation as a library: caller audio in, agent audio out.
//!
//! Speech-to-text, a language model and text-to-speech run as async streams joined by one turn-taking state machine. It
//! decides when the caller has finished, starts the reply, and when the caller talks over the agent it silences the
//! agent, cancels the model and the voice, and says so with a [`BargeInSignal`](turn::BargeInSignal).
//!
//! # The contract
//!
//! The embedding program brings an [`Agent`](session::Agent), the stages and the policy, and a [`Line`](transport::Line),
//! the two directions of audio. [`Session::new`](session::Session::new) joins them into a call; the program polls
//! [`Session::run`](session::Session::run) on a tokio runtime with its timer enabled. The crate then promises:
//!
//! * One task owns the call. Dropping its future ends the call at once and cancels every stage.
//! * After a `BargeInSignal` not one sample of that reply reaches the line.
//! * A word that was not played is in no transcript, no history and no signal.
//! * No stage, no event reader and no far end can make the call wait: every queue is bounded and says what happens at
//!   its bound.
//! * Each reply ends exactly once, and [`CallRecord`](session::CallRecord) has all of which anything could be heard.
//!
//! It reads no environment variable and opens no socket by itself; a provider reads the files its configuration names.
//! It logs with `tracing`.
//!
//! # A call
//!
#![cfg_attr(feature = "scripted", doc = "```")]
#![cfg_attr(not(feature = "scripted"), doc = "```text")]
//! use std::sync::Arc;
//! use voice_core::audio::EarshotVad;
//! use voice_core::provider::scripted::{LlmConfig, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig};
//! use voice_core::session::{Agent, AgentConfig, Session, SessionEvent};
//! use voice_core::transport::{LineInfo, MemoryLine, PlayedReports, Rebuffer};
//! use voice_core::turn::EndReason;
//! use voice_core::units::{CallId, SampleRate};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let agent = Agent {
//!     stt: Arc::new(ScriptedStt::new(SttConfig::default())),
//!     llm: Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![])),
//!     tts: Arc::new(ScriptedTts::new(TtsConfig::default())),
//!     vad: Arc::new(EarshotVad),
//!     tools: vec![],
//!     config: AgentConfig { greeting: Some("Good evening.".into()), ..AgentConfig::default() },
//! };
//! let info = LineInfo {
//!     rate: SampleRate::Hz16000,
//!     rebuffer: Rebuffer::PauseAndClear,
//!     played: PlayedReports::PacingClock,
//! };
//! let (line, mut far_end) = MemoryLine::pair(info, 64);
//! let (session, handle, mut events) = Session::new(CallId::new("call-1"), agent, Box::new(line));
//!
//! let watch = async {
//!     while let Some(event) = events.next().await {
//!         if let SessionEvent::TurnEnded(turn) = event {
//!             println!("heard {:?} of {:?}", turn.heard_text(), turn.reply_text);
//!             let _ = handle.hang_up(EndReason::AgentHungUp);
//!         }
//!     }
//! };
//! let play = async { while far_end.recv().await.is_some() {} };
//! let (record, (), ()) = tokio::join!(session.run(), watch, play);
//! assert_eq!(record.turns[0].heard_text(), "Good evening.");
//! # }
//! ```
//!
//! # Where to look
//!
//! | question | module |
//! |---|---|
//! | How do I hold a call, command it and watch it? | [`session`] |
//! | How do I bring my own STT, model, TTS or tool? | [`stage`] |
//! | How do I bring my own line? | [`transport`]; its wire format: [`transport::native`] |
//! | When does the agent answer, pause, fall silent? | [`turn`]; all thresholds: [`turn::TurnConfig`] |
//! | What is speech, what is noise? | [`audio`]: frames, codecs, resampler and voice activity |
//! | What of a reply was heard, what makes a clause? | [`text`] |
//! | What does the model get to see? | [`history`] |
//! | Where did the time go? | [`metrics`] |
//! | Why did the agent do that? | [`turn_log`]: a call's turn-taking, recorded and run again |
//! | Which engines are there? | [`provider`] |
//! | What is a position, a rate, a reply's id? | [`units`] |
//!
//! # Features
//!
//! Take the vendors you talk to, `local` to need none, `scripted` and `fakes` for your tests.
//!
//! | feature | brings | needs |
//! |---|---|---|
//! | `opus` (default) | Opus on the line | `cmake` and a C compiler, for libopus |
//! | `deepgram` | `provider::deepgram`: Flux, which finds turns itself, and Nova-3 | a key |
//! | `openai` | `provider::openai`: models and voices behind any OpenAI-compatible endpoint: Groq, OpenAI, vLLM, Ollama, llama.cpp | a key, or a server of your own |
//! | `cartesia` | `provider::cartesia`: a voice | a key |
//! | `elevenlabs` | `provider::elevenlabs`: a voice | a key |
//! | `local` | `provider::local`: Silero, Moonshine and SVOX Pico on this machine | a C compiler; ONNX Runtime and the models at run time |
//! | `scripted` | `provider::scripted`: engines that follow a script, for tests, and stand-ins that need no model | |
//! | `fakes` | `provider::fakes`: local servers that speak the vendors' protocols and misbehave on demand, for tests | |
//! | `local-models` | nothing but the tests of `local` | every model file |
//!
//! [`provider::fallback`], which joins several engines to one stage, is always there. A vendor needs `cmake` and a C
//! compiler for its TLS. `net`, `net-socket`, `net-http` and `fuzzing` are turned on by others and are no part of the API.

pub mod audio;
pub mod history;
pub mod metrics;
mod pace;
pub mod provider;
pub mod session;
pub mod stage;
pub mod text;
pub mod transport;
pub mod turn;
pub mod turn_log;
pub mod units;
