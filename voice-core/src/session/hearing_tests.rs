use super::*;
use crate::stage::{Fault, SttFeed};
use crate::units::CallId;
use futures::stream;
use std::sync::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

type Events = mpsc::UnboundedSender<Result<SttEvent, StageError>>;

/// An STT driven by hand, which notes when it was opened and where finals were asked for.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    opened: Vec<Instant>,
    asked: Vec<Position>,
    refuse_next: Option<StageError>,
    events: Option<Events>,
}

impl Ear {
    fn say(&self, item: Result<SttEvent, StageError>) {
        self.0.lock().unwrap().events.as_ref().unwrap().send(item).unwrap();
    }

    fn asked(&self) -> Vec<Position> {
        self.0.lock().unwrap().asked.clone()
    }

    /// How long after the last but one opening the last was.
    fn last_wait(&self) -> Duration {
        let opened = &self.0.lock().unwrap().opened;
        opened[opened.len() - 1] - opened[opened.len() - 2]
    }
}

impl Stt for Ear {
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>> {
        let ear = self.clone();
        async move {
            let mut noted = ear.0.lock().unwrap();
            #[expect(clippy::disallowed_methods, reason = "the test owns its clock")]
            noted.opened.push(Instant::now());
            if let Some(refusal) = noted.refuse_next.take() {
                return Err(refusal);
            }
            let (events, mut said) = mpsc::unbounded_channel();
            noted.events = Some(events);
            let events = stream::poll_fn(move |cx| said.poll_recv(cx)).boxed();
            Ok(SttSession { feed: Box::new(Feed(ear.clone())), events })
        }
        .boxed()
    }
}

struct Feed(Ear);

impl SttFeed for Feed {
    fn push(&mut self, _: &[i16], _: Position) -> Result<(), StageError> {
        Ok(())
    }

    fn finalize(&mut self, end: Position) {
        self.0.0.lock().unwrap().asked.push(end);
    }
}

fn link() -> (SttLink, Ear) {
    let ear = Ear::default();
    (SttLink::new(Arc::new(ear.clone()), Retry::of(&CallId::new("test"))), ear)
}

/// Does what the link can do without any news.
async fn settle(link: &mut SttLink) {
    while !matches!(link.link, Link::Open(_) | Link::Failed) {
        let polled = std::future::poll_fn(|cx| Poll::Ready(link.poll_news(cx))).await;
        assert!(!matches!(polled, Poll::Ready(SttNews::Failed(_))));
        if polled.is_pending() {
            tokio::time::advance(Duration::from_millis(1)).await;
        }
    }
}

async fn news(link: &mut SttLink) -> SttNews {
    std::future::poll_fn(|cx| link.poll_news(cx)).await
}

fn listen(link: &mut SttLink, ms: u64) {
    for _ in 0..ms / 20 {
        let position = link.backlog.end();
        assert!(link.push(&[0; 320], position).is_none());
    }
}

fn ms(ms: u64) -> Position {
    Position(LISTEN_RATE.samples_in_ms(ms))
}

fn reset() -> Result<SttEvent, StageError> {
    Err(StageError::Stream { engine: "x", reason: "reset".into(), fault: Fault::Engine })
}

#[tokio::test(start_paused = true)]
async fn a_final_that_answers_only_a_part_leaves_the_request_open_for_the_next_stream() {
    for (end_ms, asked_again) in [(2_000, true), (7_900, false)] {
        let (mut link, ear) = link();
        settle(&mut link).await;
        link.speech_started(ms(0));
        listen(&mut link, 8_000);
        link.speech_ended(ms(8_000));
        link.finalize(ms(8_000));
        ear.say(Ok(SttEvent::Final { text: "Yes.".into(), end: ms(end_ms) }));
        assert!(matches!(news(&mut link).await, SttNews::Event(_)));
        ear.say(reset());
        assert!(matches!(news(&mut link).await, SttNews::Broken(_)));
        settle(&mut link).await;
        let expected: Vec<_> = std::iter::repeat_n(ms(8_000), if asked_again { 2 } else { 1 }).collect();
        assert_eq!(ear.asked(), expected, "a final of {end_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_names_a_time_is_not_asked_before_it() {
    let (mut link, ear) = link();
    settle(&mut link).await;
    let (reason, retry_after) = ("too many calls".to_owned(), Duration::from_secs(7));
    let busy = StageError::Busy { engine: "x", reason, fault: Fault::Overload, retry_after };
    ear.0.lock().unwrap().refuse_next = Some(busy);
    ear.say(reset());
    assert!(matches!(news(&mut link).await, SttNews::Broken(_)));
    settle(&mut link).await;
    let wait = ear.last_wait();
    assert!((Duration::from_secs(7)..Duration::from_secs(9)).contains(&wait), "{wait:?}");
}
