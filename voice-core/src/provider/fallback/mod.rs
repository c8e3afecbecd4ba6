//! Several engines as one: in order, each resting for a while after it failed.
//!
//! Invariant: a failing engine costs the call no word. What was given of an answer stays; only what is missing is asked
//! of the next engine. Each opening, generation and reply asks an engine a bounded number of times, and says whom it
//! asks ([`Serving`](crate::stage::Serving)). There is no task: everything happens while a stream is polled. The vendors
//! know nothing of it.
//!
//! | question | file |
//! |---|---|
//! | who is asked next, who rests? | `health`, `choice` |
//! | STT: who is opened? | `stt` |
//! | LLM: until when may another answer? | `llm` |
//! | TTS: who is opened? | `tts`, `race` |
//! | TTS: what of a reply is still to be spoken, and by whom? | `feed`, `speech`, `script`, `voice` |

mod choice;
mod config;
mod feed;
mod health;
mod llm;
mod race;
mod script;
mod speech;
mod stt;
mod tts;
mod voice;

pub use config::FallbackConfig;
pub use llm::FallbackLlm;
pub use stt::FallbackStt;
pub use tts::FallbackTts;
