//! The TTS stage that Pico implements.

use super::super::{LocalError, LocalModels, thread};
use super::config::PicoConfig;
use super::desk::Desk;
use super::engine::PicoEngine;
use super::lane::Crew;
use super::reply::Reply;
use crate::stage::{StageError, Tts, TtsFeed, TtsReply, TtsSession};
use crate::units::{ReplyId, SampleRate};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

pub(super) const ENGINE: &str = "SVOX Pico";

/// The rate of Pico's voices.
const RATE: SampleRate = SampleRate::Hz16000;

/// SVOX Pico; one value and its one thread serve all calls. The thread ends with the value and its sessions.
pub struct PicoTts {
    shared: Arc<Shared>,
}

struct Shared {
    desk: Arc<Desk>,
    ahead_samples: usize,
}

impl PicoTts {
    /// Loads the voice and starts the thread. Blocks for some milliseconds: call it at start-up.
    ///
    /// # Errors
    /// [`LocalError::Missing`] or [`LocalError::Model`] if the voice is not there or is damaged,
    /// [`LocalError::Thread`] if the system gives no thread.
    pub fn start(models: &LocalModels, config: PicoConfig) -> Result<Self, LocalError> {
        let files = models.pico_files(config.language)?;
        let desk = Arc::new(Desk::default());
        let ahead_samples = usize::try_from(RATE.samples_in(config.ahead)).unwrap_or(usize::MAX);
        let crew = Crew { files, config, desk: desk.clone() };
        let (opened, answer) = sync_channel(1);
        thread::start("pico".to_owned(), move || match PicoEngine::open(&crew.files, &crew.config) {
            Ok(engine) => {
                let _ = opened.send(Ok(()));
                crew.run(engine);
            }
            Err(reason) => drop(opened.send(Err(reason))),
        })?;
        let answer = answer.recv().unwrap_or_else(|_| Err("its thread broke off".to_owned()));
        answer.map_err(|reason| LocalError::Model { part: ENGINE, reason })?;
        Ok(Self { shared: Arc::new(Shared { desk, ahead_samples }) })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.desk.close();
    }
}

impl Tts for PicoTts {
    fn name(&self) -> &str {
        "SVOX Pico"
    }

    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        let session = PicoSession { shared: self.shared.clone() };
        Box::pin(std::future::ready(Ok(Box::new(session) as Box<dyn TtsSession>)))
    }
}

struct PicoSession {
    shared: Arc<Shared>,
}

impl TtsSession for PicoSession {
    fn sample_rate(&self) -> SampleRate {
        RATE
    }

    fn begin(&mut self, _reply: ReplyId) -> Result<TtsReply, StageError> {
        let (reply, events) = Reply::open(self.shared.desk.clone(), self.shared.ahead_samples);
        Ok(TtsReply { feed: Box::new(PicoFeed { reply }), events: Box::pin(events) })
    }
}

/// The feed of a reply. Dropped without `finish`, nothing can follow: the stream ends after what was left.
struct PicoFeed {
    reply: Arc<Reply>,
}

impl TtsFeed for PicoFeed {
    fn speak(&mut self, clause: &str) -> Result<(), StageError> {
        self.reply.speak(clause)
    }

    fn finish(&mut self) {
        self.reply.finish();
    }

    fn cancel(&mut self) {
        self.reply.cancel();
    }
}

impl Drop for PicoFeed {
    fn drop(&mut self) {
        self.reply.finish();
    }
}
