//! A stage of several engines: which, in which order, and what takes over last.

use super::local::Engines;
use super::part::{Part, VendorCheck};
use super::pick::{self, MOONSHINE, PICO};
use super::{AgentError, scripted, vendors};
use crate::choice::{Choice, LlmEngine, Named, SttEngine, TtsEngine};
use crate::config::Settings;
use crate::environment::Environment;
use std::sync::Arc;
use voice_core::provider::fallback::{FallbackLlm, FallbackStt, FallbackTts};
use voice_core::provider::scripted::{DialogueScript, StandInStt, ToneTts};
use voice_core::stage::{Llm, StageError, Stt, Tts};

/// What a stage is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Order<E> {
    /// One engine of this machine: what the configuration insists on, or the best.
    Here(Option<E>),
    /// Engines in the order in which they are tried.
    Listed(Vec<E>),
    /// As before, all vendors', and after them the best of this machine.
    Vendors(Vec<E>),
}

impl<E: Copy> Order<E> {
    /// The engine of this machine that the configuration insists on.
    fn insisted(&self) -> Option<E> {
        match self {
            Self::Here(insisted) => *insisted,
            Self::Listed(_) | Self::Vendors(_) => None,
        }
    }

    /// The engines of a stage that has several.
    fn listed(&self) -> &[E] {
        match self {
            Self::Here(_) => &[],
            Self::Listed(engines) | Self::Vendors(engines) => engines,
        }
    }

    fn is_vendors(&self) -> bool {
        matches!(self, Self::Vendors(_))
    }
}

fn order<E: Named>(choice: &Choice<E>, environment: &Environment) -> Order<E> {
    match choice {
        Choice::Listed(engines) => match engines[..] {
            [engine] if engine.account().is_none() => Order::Here(Some(engine)),
            _ => Order::Listed(engines.clone()),
        },
        Choice::Auto => {
            let has = |engine: &E| engine.account().is_some_and(|account| environment.has(account));
            let vendors: Vec<E> = E::ALL.iter().copied().filter(has).collect();
            if vendors.is_empty() || !vendors::BUILT_IN { Order::Here(None) } else { Order::Vendors(vendors) }
        }
    }
}

/// Builds the stages of an agent and keeps what is to be told of them.
pub(super) struct Chains<'a> {
    pub(super) settings: &'a Settings,
    pub(super) engines: &'a Engines,
    pub(super) notes: Vec<String>,
    pub(super) checks: Vec<VendorCheck>,
    /// The engines of chains, by the names that bills use.
    pub(super) names: Vec<String>,
}

/// The model, and whether it is the scripted dialogue that greets and asks.
pub(super) struct Thinks {
    pub(super) llm: Arc<dyn Llm>,
    pub(super) is_scripted: bool,
}

impl Chains<'_> {
    pub(super) fn stt(&mut self) -> Result<Arc<dyn Stt>, AgentError> {
        let (settings, engines) = (self.settings, self.engines);
        let here = |engine| match engine {
            SttEngine::Moonshine => Some(insist("stt", MOONSHINE, engines.moonshine())),
            SttEngine::StandIn => Some(Ok(Arc::new(StandInStt::default()) as Arc<dyn Stt>)),
            _ => None,
        };
        let order = order(&settings.agent.stt, &settings.environment);
        let mut chain = self.chain(&order, here, vendors::stt)?;
        if chain.is_empty() {
            return pick::pick_stt(order.insisted(), engines, &mut self.notes);
        }
        if order.is_vendors() {
            chain.extend(self.last_resort("stt", MOONSHINE, engines.moonshine()));
        }
        self.note("stt", chain.iter().map(|engine| engine.name()));
        Ok(Arc::new(FallbackStt::new(chain, settings.fallback.clone()).map_err(no_engine)?))
    }

    pub(super) fn llm(&mut self, script: &DialogueScript) -> Result<Thinks, AgentError> {
        let settings = self.settings;
        let dialogue = || -> Arc<dyn Llm> { Arc::new(scripted(script.clone())) };
        let here = |engine| (engine == LlmEngine::Dialogue).then(|| Ok(dialogue()));
        // A script that was written for this agent is what shall be followed.
        let order = match (&settings.agent.llm, &settings.agent.dialogue) {
            (Choice::Auto, Some(_)) => Order::Here(None),
            (choice, _) => order(choice, &settings.environment),
        };
        let mut chain = self.chain(&order, here, vendors::llm)?;
        if chain.is_empty() {
            return Ok(self.dialogue(dialogue()));
        }
        // The script books appointments, whatever the instructions of an agent say.
        if order.is_vendors() && !super::has_own_instructions(settings) {
            chain.push(dialogue());
        }
        self.note("llm", chain.iter().map(|engine| engine.name()));
        let is_scripted = order.listed().first() == Some(&LlmEngine::Dialogue);
        let llm = FallbackLlm::new(chain, settings.fallback.clone()).map_err(no_engine)?;
        Ok(Thinks { llm: Arc::new(llm), is_scripted })
    }

    pub(super) fn tts(&mut self) -> Result<Arc<dyn Tts>, AgentError> {
        let (settings, engines) = (self.settings, self.engines);
        let here = |engine| match engine {
            TtsEngine::Pico => Some(insist("tts", PICO, engines.pico())),
            TtsEngine::Tones => Some(Ok(Arc::new(ToneTts::new()) as Arc<dyn Tts>)),
            _ => None,
        };
        let order = order(&settings.agent.tts, &settings.environment);
        let mut chain = self.chain(&order, here, vendors::tts)?;
        if chain.is_empty() {
            return pick::pick_tts(order.insisted(), engines, &mut self.notes);
        }
        if order.is_vendors() {
            chain.extend(self.last_resort("tts", PICO, engines.pico()));
        }
        self.note("tts", chain.iter().map(|engine| engine.name()));
        Ok(Arc::new(FallbackTts::new(chain, settings.fallback.clone()).map_err(no_engine)?))
    }

    /// The engines of a stage that has several, in their order: those of this machine as `here` makes them, the others as
    /// vendors'. A vendor that nobody insists on and that needs to know more is left out.
    fn chain<E: Named, T: ?Sized>(
        &mut self,
        order: &Order<E>,
        here: impl Fn(E) -> Option<Result<Arc<T>, AgentError>>,
        vendor: impl Fn(E, &Settings) -> Result<Part<T>, AgentError>,
    ) -> Result<Vec<Arc<T>>, AgentError> {
        let mut chain = Vec::new();
        for engine in order.listed().iter().copied() {
            match here(engine).unwrap_or_else(|| self.vendor(engine, &vendor)) {
                Err(AgentError::Unset { engine, what, .. }) if order.is_vendors() => {
                    self.leave_out(E::KEY, engine, &what);
                }
                built => chain.push(built?),
            }
        }
        Ok(chain)
    }

    fn dialogue(&mut self, llm: Arc<dyn Llm>) -> Thinks {
        self.notes.push("llm: scripted dialogue; a language model would understand more".into());
        Thinks { llm, is_scripted: true }
    }

    /// A vendor's engine, once its key is there.
    fn vendor<E: Named, T: ?Sized>(
        &mut self,
        engine: E,
        build: impl FnOnce(E, &Settings) -> Result<Part<T>, AgentError>,
    ) -> Result<Arc<T>, AgentError> {
        if let Some(account) = engine.account().filter(|account| !self.settings.environment.has(*account)) {
            let variable = account.needed_variable();
            return Err(AgentError::NoAccount { key: E::KEY, engine: engine.name(), variable });
        }
        let Part { engine, check } = build(engine, self.settings)?;
        self.checks.push(check);
        Ok(engine)
    }

    fn leave_out(&mut self, key: &str, engine: &str, what: &str) {
        self.notes.push(format!("{key}: {engine} has a key and is left out; to use it, {what}"));
    }

    fn last_resort<T: ?Sized>(&mut self, key: &str, engine: &str, found: Result<Arc<T>, String>) -> Option<Arc<T>> {
        let missing = |reason| {
            self.notes.push(format!("{key}: nothing of this machine takes over last; {engine} could: {reason}"))
        };
        found.map_err(missing).ok()
    }

    fn note<'n>(&mut self, key: &str, engines: impl Iterator<Item = &'n str>) {
        let engines: Vec<_> = engines.map(str::to_owned).collect();
        self.notes.push(format!("{key}: {}", engines.join(", then ")));
        self.names.extend(engines);
    }
}

/// A chain is never empty.
fn no_engine(error: StageError) -> AgentError {
    AgentError::Vendor { section: "agent", error }
}

fn insist<T: ?Sized>(
    key: &'static str,
    engine: &'static str,
    found: Result<Arc<T>, String>,
) -> Result<Arc<T>, AgentError> {
    found.map_err(|reason| AgentError::Insisted { key, engine, reason })
}
