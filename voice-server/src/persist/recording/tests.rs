use super::*;
use crate::persist::PersistLimits;
use crate::persist::journal::{Journal, Opened, Work};
use crate::persist::testing::{header, quick};
use crate::store::{Entry, RecordingEntry};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;
use voice_core::audio::Frame;
use voice_core::transport::{LineControl, LineInfo, LineInput, MemoryLine, PlayedReports, Rebuffer};
use voice_core::units::{Position, ReplyId, SampleRate};

const INFO: LineInfo =
    LineInfo { rate: SampleRate::Hz8000, rebuffer: Rebuffer::PauseAndClear, played: PlayedReports::PacingClock };

/// Only a hang gets there.
const PATIENTLY: Duration = Duration::from_secs(60);

struct World {
    data: TempDir,
    journal: Journal,
    work: mpsc::Receiver<Work>,
}

impl World {
    fn new() -> Self {
        Self::of(quick())
    }

    fn of(limits: PersistLimits) -> Self {
        let data = TempDir::new().unwrap();
        let Opened { journal, work, .. } = Journal::open(&data.path().join("spool"), &limits, Arc::default()).unwrap();
        Self { data, journal, work }
    }

    fn recordings(&self, objects: &Arc<impl ObjectStore>) -> (Recordings, RecordingTasks) {
        let objects = Arc::clone(objects) as Arc<dyn ObjectStore>;
        start(self.data.path(), objects, self.journal.clone()).unwrap()
    }

    /// Every recording the journal has now.
    async fn entries(mut self) -> Vec<RecordingEntry> {
        self.journal.close().await;
        let mut found = Vec::new();
        while let Some(work) = self.work.recv().await {
            match work {
                Work::Batch(batch, done) => {
                    found.extend(batch.entries);
                    done.send(()).unwrap();
                }
                Work::LeftoversRead(done) => done.send(()).unwrap(),
            }
        }
        let recording = |entry| match entry {
            Entry::Recording(entry) => entry,
            other => panic!("{other:?}"),
        };
        found.into_iter().map(recording).collect()
    }

    fn files(&self, folder: &str) -> usize {
        std::fs::read_dir(self.data.path().join("recording").join(folder)).unwrap().count()
    }
}

/// A call of a second, in simulated time, on a recorded line.
async fn call(recordings: &Recordings, call: u128) {
    tokio::time::pause();
    let (line, peer) = MemoryLine::pair(INFO, 200);
    let (mut source, mut sink) = recordings.record(Box::new(line), header(call)).split();
    for frame in 0..50 {
        peer.send(LineInput::Audio(Frame::new(Position(frame * 160), &[1_000; 160]))).unwrap();
        assert!(matches!(source.next().await, Some(Ok(LineInput::Audio(_)))));
        sink.send_audio(ReplyId(1), &Frame::new(Position(frame * 160), &[500; 160])).unwrap();
        tokio::time::advance(Duration::from_millis(20)).await;
    }
    sink.send_control(LineControl::End { reply: ReplyId(1), total_samples: 8_000 }).unwrap();
    tokio::time::resume();
}

#[tokio::test]
async fn a_call_becomes_an_object_and_an_entry() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let (recordings, tasks) = world.recordings(&objects);
    call(&recordings, 5).await;
    tasks.stop(PATIENTLY).await;
    assert_eq!((world.files("running"), world.files("ready")), (0, 0));
    let entry = world.entries().await.remove(0);
    assert_eq!(entry.object_key, format!("{}/1970/01/{}.ogg", header(5).tenant, header(5).call));
    assert_eq!((entry.header, entry.id), (header(5), header(5).call.0));
    assert_eq!((entry.media_type.as_str(), entry.duration_ms), ("audio/ogg; codecs=opus", 1_000));
    let object = objects.get(&entry.object_key.as_str().into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(object.len() as i64, entry.size_bytes);
    assert!(object.starts_with(b"OggS"));
}

#[tokio::test]
async fn what_a_dead_run_left_is_kept_by_the_next() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let running = Folders::open(&world.data.path().join("recording"), ".ogg").unwrap().running(&header(6));
    let mut file = ogg_opus::OggOpusFile::create(&running, SampleRate::Hz8000, 1).unwrap();
    for _ in 0..70 {
        file.push(&[100; 320]).unwrap();
    }
    // A process that dies does not unwind.
    std::mem::forget(file);
    world.recordings(&objects).1.stop(PATIENTLY).await;
    let entry = world.entries().await.remove(0);
    assert_eq!((entry.header, entry.duration_ms), (header(6), 1_000));
    assert!(objects.head(&entry.object_key.as_str().into()).await.is_ok());
}

#[tokio::test]
async fn of_files_without_a_whole_page_those_go_that_have_no_room_for_a_sound() {
    let (world, objects) = (World::new(), Arc::new(InMemory::new()));
    let folders = Folders::open(&world.data.path().join("recording"), ".ogg").unwrap();
    for (call, bytes) in [(9, 0), (10, 110), (11, 1_000)] {
        std::fs::write(folders.running(&header(call)), vec![0; bytes]).unwrap();
    }
    world.recordings(&objects).1.stop(PATIENTLY).await;
    assert_eq!(objects.list(None).count().await, 0);
    let ready = std::fs::read_dir(world.data.path().join("recording").join("ready")).unwrap();
    let left: Vec<_> = ready.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(matches!(&left[..], [name] if name.ends_with("_0.ogg.damaged")), "{left:?}");
    // The next start does not ask again.
    world.recordings(&objects).1.stop(PATIENTLY).await;
    assert_eq!(world.files("ready"), 1);
}

#[tokio::test]
async fn where_the_object_store_is_away_a_recording_waits() {
    let (world, folder) = (World::new(), TempDir::new().unwrap());
    let objects = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    // In the way of the tenant's folder.
    let in_the_way = folder.path().join(header(7).tenant.to_string());
    std::fs::write(&in_the_way, b"").unwrap();
    let (recordings, tasks) = world.recordings(&objects);
    call(&recordings, 7).await;
    tasks.stop(PATIENTLY).await;
    assert_eq!(world.files("ready"), 1);
    std::fs::remove_file(&in_the_way).unwrap();
    world.recordings(&objects).1.stop(PATIENTLY).await;
    assert_eq!(world.files("ready"), 0);
    assert_eq!(world.entries().await.len(), 1);
}

#[tokio::test]
async fn while_the_journal_is_full_the_object_store_is_given_nothing() {
    let (world, objects) = (World::of(PersistLimits { journal_bytes: 0, ..quick() }), Arc::new(InMemory::new()));
    let (recordings, tasks) = world.recordings(&objects);
    call(&recordings, 8).await;
    tasks.stop(PATIENTLY).await;
    assert_eq!((objects.list(None).count().await, world.files("ready")), (0, 1));
}

#[tokio::test]
async fn a_line_that_nobody_listens_to_fast_enough_goes_on_and_what_was_missed_is_counted() {
    let (line, peer) = MemoryLine::pair(INFO, 2_000);
    let (line, listening) = tap::tap(Box::new(line));
    let (mut source, _sink) = line.split();
    for frame in 0..1_000 {
        peer.send(LineInput::Audio(Frame::new(Position(frame * 160), &[1; 160]))).unwrap();
        assert!(source.next().await.is_some());
    }
    assert_eq!(listening.missed.load(Ordering::Relaxed), 1_000 - 256);
    assert_eq!(listening.heard.try_iter().count(), 256);
}
