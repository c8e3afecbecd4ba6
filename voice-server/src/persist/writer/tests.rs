use super::*;
use crate::persist::stats::get;
use crate::persist::testing::{Meets, ScriptedStore, call_start, header, quick, said};
use crate::store::{RecordingEntry, TurnLogEntry};
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::Instant;

struct Writing {
    store: Arc<ScriptedStore>,
    objects: Arc<InMemory>,
    stats: Arc<Stats>,
    work: mpsc::Sender<Work>,
    folder: TempDir,
}

fn writing(limits: &PersistLimits) -> Writing {
    writing_in(TempDir::new().unwrap(), Arc::default(), limits)
}

/// A further run in the directory of an earlier one.
fn writing_in(folder: TempDir, store: Arc<ScriptedStore>, limits: &PersistLimits) -> Writing {
    let (objects, stats) = (Arc::new(InMemory::new()), Arc::default());
    let (work, received) = mpsc::channel(1);
    let objects_of = Arc::clone(&objects) as Arc<dyn ObjectStore>;
    let of = WriterOf {
        store: Arc::clone(&store) as _,
        objects: objects_of,
        server: Uuid::nil(),
        started_at: OffsetDateTime::UNIX_EPOCH,
        spool: folder.path(),
    };
    let writer = Writer::new(of, limits, Arc::clone(&stats));
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    tokio::spawn(writer.run(received));
    Writing { store, objects, stats, work, folder }
}

impl Writing {
    fn again(self) -> Writing {
        writing_in(self.folder, self.store, &quick())
    }

    /// Gives it the recording of a call, with its object; says whether the object is still there.
    async fn keeps_recording_of(&self, call: u128) -> bool {
        self.keeps(recording(call)).await
    }

    async fn keeps(&self, entry: Entry) -> bool {
        let key = object_store::path::Path::from(object_key(&entry).unwrap());
        self.objects.put(&key, PutPayload::from_static(b"x")).await.unwrap();
        self.write(vec![entry]).await;
        self.objects.head(&key).await.is_ok()
    }

    async fn write(&self, entries: Vec<Entry>) {
        let (done, is_done) = oneshot::channel();
        let batch = Batch { entries, unreadable: Vec::new() };
        self.work.send(Work::Batch(batch, done)).await.unwrap();
        is_done.await.unwrap();
    }

    /// Puts bytes at the end of the dead letters, as a process that is killed may leave them.
    fn leave(&self, bytes: &[u8]) {
        let path = self.folder.path().join("dead-letters.jsonl");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, bytes)).unwrap();
    }

    fn dead_letters(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.folder.path().join("dead-letters.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn recording(call: u128) -> Entry {
    Entry::Recording(RecordingEntry {
        header: header(call),
        id: Uuid::from_u128(call),
        object_key: format!("{call}.ogg"),
        media_type: "audio/ogg".into(),
        size_bytes: 1,
        duration_ms: 1,
    })
}

fn turn_log(call: u128) -> Entry {
    Entry::TurnLog(TurnLogEntry { header: header(call), object_key: format!("{call}.turns.jsonl") })
}

fn call(texts: &[&str]) -> Vec<Entry> {
    let said = texts.iter().enumerate().map(|(seq, text)| said(1, seq as i32, text));
    std::iter::once(call_start(1)).chain(said).collect()
}

#[tokio::test(start_paused = true)]
async fn an_outage_delays_and_loses_nothing() {
    let writing = writing(&quick());
    writing.store.will_meet([Meets::Away; 30]);
    writing.write(call(&["one", "two"])).await;
    assert_eq!(writing.store.rows(), call(&["one", "two"]));
    assert_eq!((get(&writing.stats.retries), get(&writing.stats.stored)), (30, 3));
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_is_written_once() {
    let writing = writing(&quick());
    writing.store.will_meet([Meets::LostAnswer, Meets::LostAnswer]);
    writing.write(call(&["one"])).await;
    writing.write(call(&["one"])).await;
    assert_eq!(writing.store.rows(), call(&["one"]));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_hangs_is_given_up_and_asked_again() {
    let writing = writing(&PersistLimits { write_within: Duration::from_secs(5), ..quick() });
    writing.store.will_meet([Meets::Slow(Duration::from_secs(3_600))]);
    #[expect(clippy::disallowed_methods, reason = "simulated time")]
    let begun = Instant::now();
    writing.write(call(&["one"])).await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(writing.store.rows(), call(&["one"]));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_can_never_be_written_goes_to_the_dead_letters_and_the_rest_lands_in_order() {
    let writing = writing(&quick());
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for poison in ["0", "17", "18", "99"] {
        writing.store.poison(poison);
    }
    writing.write(call(&texts.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let expected: Vec<_> = texts.iter().filter(|text| !["0", "17", "18", "99"].contains(&text.as_str())).collect();
    assert_eq!(writing.store.texts().iter().collect::<Vec<_>>(), expected);
    let buried: Vec<_> =
        writing.dead_letters().iter().map(|line| line["entry"]["entry"]["utterance"]["text"].clone()).collect();
    assert_eq!(buried, ["0", "17", "18", "99"]);
    assert_eq!(get(&writing.stats.dead_letters), 4);
    assert!(writing.store.writes().len() < 60, "found by halves: {:?}", writing.store.writes());
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_database_is_tried_a_few_times_before_its_entry_is_blamed() {
    let writing = writing(&quick());
    writing.store.faulty("two");
    writing.write(call(&["one", "two", "three"])).await;
    assert_eq!(writing.store.texts(), ["one", "three"]);
    assert_eq!(writing.dead_letters().len(), 1);
    assert_eq!(get(&writing.stats.retries), u64::from(TRIES_OF_AN_ENTRY));
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_locked_out_is_no_entrys_fault() {
    let writing = writing(&quick());
    writing.store.will_meet([Meets::LockedOut; 40]);
    writing.write(call(&["one", "two"])).await;
    assert_eq!(writing.store.rows(), call(&["one", "two"]));
    assert!(writing.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nothing_can_be_written_over_is_no_entrys_fault() {
    let writing = writing(&quick());
    writing.store.will_meet([Meets::BrokenConnection; 40]);
    writing.write(call(&["one", "two"])).await;
    assert_eq!(writing.store.rows(), call(&["one", "two"]));
    assert!(writing.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_only_entry_is_not_blamed_by_a_database_that_comes_back_between_refusing_and_being_asked() {
    let writing = writing(&quick());
    writing.store.will_meet([Meets::LockedOut; 40]);
    writing.write(vec![call_start(1)]).await;
    assert_eq!(writing.store.rows(), [call_start(1)]);
    assert!(writing.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_comes_after_its_call_was_deleted_is_deleted_as_well() {
    let writing = writing(&quick());
    writing.store.lose(5);
    assert!(!writing.keeps_recording_of(5).await);
    assert!(writing.dead_letters().is_empty());
    assert!(writing.keeps_recording_of(6).await);
    assert_eq!(writing.store.rows(), [recording(6)]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_log_that_comes_after_its_call_was_deleted_is_deleted_as_well() {
    let writing = writing(&quick());
    writing.store.lose(5);
    assert!(!writing.keeps(turn_log(5)).await);
    assert!(writing.dead_letters().is_empty());
    assert!(writing.keeps(turn_log(6)).await);
    assert_eq!(writing.store.rows(), [turn_log(6)]);
}

#[tokio::test(start_paused = true)]
async fn a_recording_whose_call_lies_with_the_dead_letters_stays() {
    let writing = writing(&quick());
    writing.store.lose(5);
    writing.write(vec![call_start(5)]).await;
    assert!(writing.keeps_recording_of(5).await);
    assert_eq!(writing.dead_letters().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_recording_of_a_call_that_is_too_young_to_be_past_its_retention_stays() {
    let writing = writing(&quick());
    writing.store.lose(5);
    let Entry::Recording(mut young) = recording(5) else { panic!("made otherwise") };
    young.header.started_at = OffsetDateTime::now_utc() - time::Duration::hours(23);
    assert!(writing.keeps(Entry::Recording(young)).await);
    assert_eq!(writing.dead_letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recording_stays_while_the_dead_letters_cannot_be_read() {
    let writing = writing(&quick());
    writing.store.lose(5);
    // A folder in their place can be neither read nor written.
    let letters = writing.folder.path().join("dead-letters.jsonl");
    std::fs::create_dir(&letters).unwrap();
    let mut kept = Box::pin(writing.keeps_recording_of(5));
    assert!(timeout(Duration::from_secs(600), &mut kept).await.is_err(), "it waits for somebody to mend that");
    std::fs::remove_dir(&letters).unwrap();
    assert!(kept.await);
    assert_eq!(writing.dead_letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_broke_off_keeps_no_other_and_stays_as_it_is() {
    let writing = writing(&quick());
    writing.store.lose(1);
    let torn = b"{\"entry\":{\"why\":\"\xc3";
    writing.leave(torn);
    writing.write(call(&["one"])).await;
    writing.store.is_mended();
    let again = writing.again();
    again.write(vec![call_start(2)]).await;
    assert_eq!(again.store.texts(), ["one"], "what came after it is read");
    let left = std::fs::read(again.folder.path().join("dead-letters.jsonl")).unwrap();
    assert_eq!(left, [torn.as_slice(), b"\n"].concat());
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_given_again_at_the_next_start_and_those_that_are_taken_go() {
    let writing = writing(&quick());
    writing.store.lose(1);
    writing.store.poison("never");
    writing.write(call(&["one", "never", "two"])).await;
    writing.leave(b"{\"unheard_of\":1}\n");
    assert_eq!(writing.dead_letters().len(), 5);
    writing.store.is_mended();
    writing.store.poison("never");
    let again = writing.again();
    again.write(vec![call_start(2)]).await;
    assert_eq!(again.store.texts(), ["one", "two"]);
    assert_eq!(again.store.rows().first(), Some(&call_start(1)));
    let left = again.dead_letters();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0]["entry"]["entry"]["utterance"]["text"], "never");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_keeps_the_dead_letters() {
    let writing = writing(&quick());
    writing.store.lose(1);
    writing.write(call(&["one"])).await;
    let letters = writing.dead_letters();
    writing.store.is_mended();
    writing.store.will_meet([Meets::Away]);
    let again = writing.again();
    again.write(vec![call_start(2)]).await;
    assert_eq!((letters.len(), again.dead_letters()), (2, letters));
    assert_eq!(again.store.rows(), [call_start(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_version_is_a_dead_letter() {
    let writing = writing(&quick());
    let (done, is_done) = oneshot::channel();
    let batch = Batch { entries: Vec::new(), unreadable: vec!["{}".into()] };
    writing.work.send(Work::Batch(batch, done)).await.unwrap();
    is_done.await.unwrap();
    assert_eq!(writing.dead_letters(), [serde_json::json!({"unreadable": {"record": "{}"}})]);
}

#[tokio::test(start_paused = true)]
async fn where_dead_letters_have_no_room_nothing_is_let_go() {
    let writing = writing(&PersistLimits { dead_letter_bytes: 0, ..quick() });
    writing.store.poison("one");
    let (done, mut is_done) = oneshot::channel();
    let batch = Batch { entries: call(&["one"]), unreadable: Vec::new() };
    writing.work.send(Work::Batch(batch, done)).await.unwrap();
    let waited = timeout(Duration::from_secs(600), &mut is_done).await;
    assert!(waited.is_err(), "it waits for somebody to make room");
    assert_eq!(get(&writing.stats.dead_letters), 0);
}

#[tokio::test(start_paused = true)]
async fn orphans_are_ended_when_what_is_left_is_written() {
    let writing = writing(&quick());
    writing.write(call(&["one"])).await;
    let (done, is_done) = oneshot::channel();
    writing.work.send(Work::LeftoversRead(done)).await.unwrap();
    is_done.await.unwrap();
    assert_eq!(writing.store.orphans_ended_after(), [2]);
}

#[tokio::test(start_paused = true)]
async fn orphans_that_cannot_be_ended_keep_nothing_from_being_written() {
    let writing = writing(&quick());
    writing.store.keeps_orphans();
    let (done, is_done) = oneshot::channel();
    writing.work.send(Work::LeftoversRead(done)).await.unwrap();
    timeout(Duration::from_secs(600), is_done).await.unwrap().unwrap();
    writing.write(call(&["one"])).await;
    assert_eq!(writing.store.rows(), call(&["one"]));
}

#[tokio::test(start_paused = true)]
async fn orphans_are_ended_although_a_connection_broke_meanwhile() {
    let writing = writing(&quick());
    writing.store.breaks_over_orphans(2);
    let (done, is_done) = oneshot::channel();
    writing.work.send(Work::LeftoversRead(done)).await.unwrap();
    timeout(Duration::from_secs(600), is_done).await.unwrap().unwrap();
    assert_eq!(writing.store.orphans_ended_after(), [0]);
}
