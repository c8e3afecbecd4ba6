//! Speech and its words, block by block: what the turns of a fake are made from.

use super::loud::{Blocks, Stretch};
use super::words::{Pauses, Words};
use super::{Ear, FakeTurn, LOUD_RMS};
use crate::stage::SttEvent;

/// The length of a block.
pub(crate) const BLOCK_MS: u64 = 20;
/// Quiet after which an engine is asked for its final.
const FINALIZE_AFTER_MS: u64 = 160;
/// Quiet after which one who asks is told all words.
const STOPPED_MS: u64 = 40;

/// What an engine should be told. Positions are ms of stream audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Started { onset_ms: u64 },
    Finalize { end_ms: u64 },
}

/// An ear at work on one stream.
#[derive(Clone, Debug)]
pub(crate) struct Hearing {
    blocks: Blocks,
    stretch: Stretch,
    words: Words,
    asks: Vec<Ask>,
    was_speech: bool,
    is_asked: bool,
}

impl Hearing {
    /// For audio of `hz` samples a second.
    pub(crate) fn new(ear: &Ear, hz: u32) -> Self {
        let (blocks, words) = (Blocks::new(hz, LOUD_RMS), Words::new(ear));
        let (stretch, asks) = (Stretch::default(), Vec::new());
        Self { blocks, stretch, words, asks, was_speech: false, is_asked: false }
    }

    /// The blocks that `samples` complete, to be given to [`Self::block`] one by one.
    pub(crate) fn blocks(&mut self, samples: &[i16]) -> Vec<bool> {
        self.blocks.push(samples)
    }

    /// One block has passed.
    pub(crate) fn block(&mut self, is_loud: bool) {
        self.stretch.block(is_loud);
        if is_loud {
            self.words.unsettle();
            self.is_asked = false;
        }
        let is_speech = self.stretch.is_speech();
        if is_speech && !self.was_speech {
            self.words.begin();
            let onset_ms = self.stretch.onset_ms.unwrap_or(self.stretch.now_ms);
            self.asks.push(Ask::Started { onset_ms });
        }
        self.was_speech = is_speech;
        if is_speech && !self.is_asked && self.stretch.quiet_ms() >= FINALIZE_AFTER_MS {
            self.ask_final();
        }
    }

    /// An engine should give its final now, whatever the sound.
    pub(crate) fn ask_final(&mut self) {
        self.is_asked = true;
        self.asks.push(Ask::Finalize { end_ms: self.stretch.now_ms });
    }

    /// What an engine should be told since this was last asked.
    pub(crate) fn asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.asks)
    }

    /// What an engine says.
    pub(crate) fn note(&mut self, event: SttEvent) {
        self.words.note(event);
    }

    /// The sound.
    pub(crate) fn sound(&self) -> &Stretch {
        &self.stretch
    }

    /// How the silences of this speech are taken.
    pub(crate) fn turn(&self) -> &FakeTurn {
        self.words.turn()
    }

    /// Whether nothing better is to be expected before the sound goes on.
    pub(crate) fn is_settled(&self) -> bool {
        self.words.is_settled()
    }

    /// The words so far: all there are once it has been quiet for a moment. None before it is certain to be speech.
    pub(crate) fn words(&mut self) -> Vec<String> {
        let pauses = if self.stretch.quiet_ms() >= FINALIZE_AFTER_MS { Pauses::Yes } else { Pauses::No };
        if self.stretch.is_speech() { self.words.after(self.stretch.loud_ms, pauses) } else { Vec::new() }
    }

    /// The words if the speaker has stopped by now; `None` while the sound goes on.
    pub(crate) fn words_if_stopped(&mut self) -> Option<Vec<String>> {
        let has_stopped = self.stretch.quiet_ms() >= STOPPED_MS && self.stretch.is_speech();
        has_stopped.then(|| self.words.after(self.stretch.loud_ms, Pauses::Yes))
    }

    /// What follows is other speech.
    pub(crate) fn forget(&mut self) {
        self.stretch.forget();
        self.words.forget(self.stretch.now_ms);
        (self.was_speech, self.is_asked) = (false, false);
    }
}
