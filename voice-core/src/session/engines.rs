//! Who serves each stage of the call now.

use super::{Agent, SessionEvent, Stage};
use crate::stage::Serving;

/// The engines of a call by name.
#[derive(Debug)]
pub(super) struct Engines {
    stt: String,
    llm: String,
    tts: String,
}

impl Engines {
    pub(super) fn of(agent: &Agent) -> Self {
        Self::named(agent.stt.name(), agent.llm.name(), agent.tts.name())
    }

    pub(super) fn named(stt: &str, llm: &str, tts: &str) -> Self {
        Self { stt: stt.to_owned(), llm: llm.to_owned(), tts: tts.to_owned() }
    }

    pub(super) fn name(&self, stage: Stage) -> &str {
        match stage {
            Stage::Stt => &self.stt,
            Stage::Llm => &self.llm,
            Stage::Tts => &self.tts,
        }
    }

    /// An engine is asked from here on. Says so where it is another one than before: instead of one that failed, with
    /// its reason, or of one that only stood in.
    pub(super) fn serving(&mut self, stage: Stage, serving: Serving) -> Option<SessionEvent> {
        let name = match stage {
            Stage::Stt => &mut self.stt,
            Stage::Llm => &mut self.llm,
            Stage::Tts => &mut self.tts,
        };
        if *name == serving.engine {
            return None;
        }
        let from = std::mem::replace(name, serving.engine.clone());
        let why = serving.passed_over.into_iter().find(|passed| passed.engine == from).map(|passed| passed.why);
        Some(SessionEvent::StageSwitched { stage, from, to: serving.engine, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{PassedOver, StageError};

    #[test]
    fn a_switch_has_the_reason_of_the_one_that_was_left() {
        let ended = |engine| StageError::Ended { engine };
        let passed = |engine: &'static str| PassedOver { engine: engine.into(), why: ended(engine) };
        let serving = |engine: &str, passed_over| Serving { engine: engine.into(), passed_over };
        let mut engines = Engines::named("A", "mind", "voice");
        let mut told = |serving| match engines.serving(Stage::Stt, serving) {
            Some(SessionEvent::StageSwitched { from, to, why, .. }) => Some((from, to, why)),
            _ => None,
        };
        assert_eq!(told(serving("A", vec![])), None);
        let to_c = serving("C", vec![passed("A"), passed("B")]);
        assert_eq!(told(to_c), Some(("A".into(), "C".into(), Some(ended("A")))));
        assert_eq!(told(serving("B", vec![passed("A")])), Some(("C".into(), "B".into(), None)));
        assert_eq!(told(serving("A", vec![])), Some(("B".into(), "A".into(), None)));
    }
}
