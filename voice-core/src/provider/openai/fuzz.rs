//! What fuzzing asks of the readers of this vendor's answers.

pub(in crate::provider) use super::chat::fuzz::chat;
pub(in crate::provider) use super::speech::fuzz::speech;
