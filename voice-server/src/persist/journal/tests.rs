use super::*;
use crate::persist::testing::{quick, said};
use std::fs;
use tempfile::TempDir;

struct Opening {
    journal: Journal,
    work: mpsc::Receiver<Work>,
    held: mpsc::Receiver<()>,
    stats: Arc<Stats>,
}

fn open(folder: &TempDir, limits: &PersistLimits) -> Opening {
    let stats = Arc::new(Stats::default());
    let Opened { journal, work, held } = Journal::open(folder.path(), limits, Arc::clone(&stats)).unwrap();
    Opening { journal, work, held, stats }
}

impl Opening {
    async fn append(&self, seqs: std::ops::Range<i32>) {
        for seq in seqs {
            self.journal.append(&[entry(seq)]).await.unwrap();
        }
    }

    /// Takes work until all that was written has come, and lets go of the directory.
    async fn drain(mut self) -> Vec<Entry> {
        self.journal.close().await;
        let mut entries = Vec::new();
        while let Some(work) = self.work.recv().await {
            match work {
                Work::Batch(batch, done) => {
                    assert_eq!(batch.unreadable, Vec::<String>::new());
                    entries.extend(batch.entries);
                    done.send(()).unwrap();
                }
                Work::LeftoversRead(done) => done.send(()).unwrap(),
            }
        }
        self.held.recv().await;
        entries
    }

    /// As a process that dies: nothing is read any more.
    async fn die(mut self) {
        drop(self.work);
        self.journal.close().await;
        self.held.recv().await;
    }
}

fn entry(seq: i32) -> Entry {
    said(7, seq, &format!("said {seq}"))
}

fn entries(seqs: std::ops::Range<i32>) -> Vec<Entry> {
    seqs.map(entry).collect()
}

fn segments(folder: &TempDir) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<_> = files.filter(|path| path.extension().is_some_and(|name| name == "journal")).collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_goes_in_comes_out_in_order_and_leaves_nothing_on_disk() {
    let folder = TempDir::new().unwrap();
    let limits = PersistLimits { segment_bytes: 2_000, batch_entries: 7, ..quick() };
    let opened = open(&folder, &limits);
    opened.append(0..50).await;
    assert!(segments(&folder).len() > 3);
    let stats = Arc::clone(&opened.stats);
    assert_eq!(opened.drain().await, entries(0..50));
    assert_eq!((get(&stats.journal_bytes), get(&stats.unstored_bytes), get(&stats.journaled)), (0, 0, 50));
    assert_eq!(segments(&folder), Vec::<std::path::PathBuf>::new());
    let opened = open(&folder, &limits);
    opened.append(50..60).await;
    assert_eq!(opened.drain().await, entries(50..60));
}

#[tokio::test]
async fn where_the_checkpoint_cannot_be_written_what_was_read_goes_all_the_same() {
    let folder = TempDir::new().unwrap();
    let limits = PersistLimits { segment_bytes: 2_000, batch_entries: 7, ..quick() };
    let opened = open(&folder, &limits);
    fs::create_dir(folder.path().join("checkpoint.new")).unwrap();
    opened.append(0..50).await;
    assert_eq!(opened.drain().await, entries(0..50));
    assert!(segments(&folder).len() <= 1, "{:?}", segments(&folder));
    let opened = open(&folder, &limits);
    opened.append(50..60).await;
    assert!(opened.drain().await.ends_with(&entries(50..60)));
}

#[tokio::test]
async fn what_was_not_read_comes_at_the_next_start_and_before_what_is_new() {
    let folder = TempDir::new().unwrap();
    let first = open(&folder, &quick());
    first.append(0..20).await;
    first.die().await;
    let mut second = open(&folder, &quick());
    assert!(get(&second.stats.unstored_bytes) > 0);
    second.append(20..25).await;
    let Some(Work::Batch(batch, done)) = second.work.recv().await else { panic!("no batch") };
    assert_eq!(batch.entries, entries(0..20));
    // The process dies before the store has answered.
    drop(done);
    second.die().await;
    let mut third = open(&folder, &quick());
    let Some(Work::Batch(batch, done)) = third.work.recv().await else { panic!("no batch") };
    assert_eq!(batch.entries, entries(0..20));
    done.send(()).unwrap();
    let Some(Work::Batch(batch, done)) = third.work.recv().await else { panic!("no batch") };
    assert_eq!(batch.entries, entries(20..25));
    done.send(()).unwrap();
    let Some(Work::LeftoversRead(done)) = third.work.recv().await else { panic!("not told that it is all") };
    done.send(()).unwrap();
    third.append(25..26).await;
    assert_eq!(third.drain().await, entries(25..26));
}

#[tokio::test]
async fn a_segment_torn_at_any_byte_gives_every_record_that_is_whole() {
    let whole = TempDir::new().unwrap();
    let opened = open(&whole, &quick());
    opened.append(0..3).await;
    opened.die().await;
    let bytes = fs::read(&segments(&whole)[0]).unwrap();
    let mut ends = Vec::new();
    while ends.last().copied().unwrap_or(0) < bytes.len() {
        let from = ends.last().copied().unwrap_or(0);
        ends.push(from + frame::sound(&bytes[from..]).unwrap().1);
    }
    // Every byte is the business of the frames' own test; these are all kinds of places.
    let places = ends.iter().flat_map(|end| [end - 1, *end, end + 1, end + 7, end + 8, end + 9, end + 100]);
    for cut in places.filter(|cut| *cut < bytes.len()) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("000000000001.journal"), &bytes[..cut]).unwrap();
        let opened = open(&folder, &quick());
        opened.append(9..10).await;
        let complete = ends.iter().filter(|end| **end <= cut).count() as i32;
        let stats = Arc::clone(&opened.stats);
        let expected: Vec<_> = entries(0..complete).into_iter().chain(entries(9..10)).collect();
        assert_eq!(opened.drain().await, expected, "cut at {cut}");
        assert_eq!((get(&stats.damaged), get(&stats.unstored_bytes)), (0, 0), "cut at {cut}");
    }
}

#[tokio::test]
async fn damage_costs_its_own_record_and_is_kept_aside() {
    let folder = TempDir::new().unwrap();
    let opened = open(&folder, &quick());
    opened.append(0..9).await;
    opened.die().await;
    let segment = segments(&folder).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(6).position(|window| window == b"said 4").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let opened = open(&folder, &quick());
    let stats = Arc::clone(&opened.stats);
    let expected: Vec<_> = entries(0..4).into_iter().chain(entries(5..9)).collect();
    assert_eq!(opened.drain().await, expected);
    assert_eq!(get(&stats.damaged), 1);
    let kept = fs::read_dir(folder.path().join("damaged")).unwrap().next().unwrap().unwrap();
    assert!(fs::read(kept.path()).unwrap().windows(5).any(|window| window == b"aid 4"));
}

#[tokio::test]
async fn a_record_of_another_version_is_handed_on_as_it_is() {
    let folder = TempDir::new().unwrap();
    let mut bytes = Vec::new();
    frame::write(br#"{"kind":"unheard_of"}"#, &mut bytes);
    fs::write(folder.path().join("000000000001.journal"), &bytes).unwrap();
    let mut opened = open(&folder, &quick());
    let Some(Work::Batch(batch, _)) = opened.work.recv().await else { panic!("no batch") };
    assert_eq!((batch.entries, batch.unreadable), (Vec::new(), vec![r#"{"kind":"unheard_of"}"#.to_owned()]));
}

#[tokio::test]
async fn a_full_journal_refuses_and_takes_again_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let limits = PersistLimits { journal_bytes: 8_000, segment_bytes: 1_000, ..quick() };
    let opened = open(&folder, &limits);
    let mut taken = 0;
    while opened.journal.append(&[entry(taken)]).await.is_ok() {
        taken += 1;
    }
    assert_eq!(opened.journal.append(&[entry(taken)]).await, Err(JournalError::Full));
    assert_eq!(opened.journal.check(), Err(JournalError::Full));
    assert_eq!(get(&opened.stats.refused), 2);
    assert!(get(&opened.stats.journal_bytes) <= limits.journal_bytes);
    let Opening { journal, mut work, .. } = opened;
    let mut read = Vec::new();
    while read.len() < taken as usize {
        match work.recv().await.unwrap() {
            Work::Batch(batch, done) => {
                read.extend(batch.entries);
                done.send(()).unwrap();
            }
            Work::LeftoversRead(done) => done.send(()).unwrap(),
        }
    }
    assert_eq!(read, entries(0..taken));
    // The thread deletes what was read after it was told; an entry that waits its turn meets it done.
    let mut taker = tokio::task::JoinSet::new();
    taker.spawn(async move { while work.recv().await.is_some() {} });
    while journal.check().is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.append(&[entry(taken)]).await, Ok(()));
}

#[tokio::test]
async fn a_disk_that_fails_refuses_and_is_found_well_again_by_asking() {
    let folder = TempDir::new().unwrap();
    let limits = PersistLimits { segment_bytes: 1, ..quick() };
    let opened = open(&folder, &limits);
    opened.append(0..1).await;
    let (here, away) = (folder.path().to_owned(), folder.path().with_extension("away"));
    fs::rename(&here, &away).unwrap();
    let refused = opened.journal.append(&[entry(1)]).await;
    assert!(matches!(refused, Err(JournalError::Disk(_))), "{refused:?}");
    assert!(matches!(opened.journal.check(), Err(JournalError::Disk(_))));
    fs::rename(&away, &here).unwrap();
    while opened.journal.check().is_err() {
        tokio::task::yield_now().await;
    }
    opened.append(1..2).await;
    assert_eq!(opened.drain().await, entries(0..2));
}

#[tokio::test]
async fn a_closed_journal_takes_nothing() {
    let folder = TempDir::new().unwrap();
    let opened = open(&folder, &quick());
    let journal = opened.journal.clone();
    opened.drain().await;
    assert_eq!(journal.append(&[entry(0)]).await, Err(JournalError::Closed));
    assert_eq!(journal.check(), Err(JournalError::Closed));
}

#[tokio::test]
async fn an_entry_that_is_too_long_is_refused_alone() {
    let folder = TempDir::new().unwrap();
    let opened = open(&folder, &quick());
    let long = said(7, 0, &"x".repeat(MAX_PAYLOAD_BYTES));
    assert!(matches!(opened.journal.append(&[long]).await, Err(JournalError::TooLong(_))));
    opened.append(1..2).await;
    assert_eq!(opened.drain().await, entries(1..2));
}

#[tokio::test]
async fn a_damaged_checkpoint_has_all_read_that_is_there_and_no_number_is_used_again() {
    let folder = TempDir::new().unwrap();
    let opened = open(&folder, &quick());
    opened.append(0..3).await;
    opened.die().await;
    let old = segments(&folder);
    fs::write(folder.path().join("checkpoint"), "9 0 00000000\n").unwrap();
    let opened = open(&folder, &quick());
    opened.append(3..5).await;
    let new = segments(&folder);
    assert!(new.len() > old.len() && new.starts_with(&old), "{new:?}");
    assert_eq!(opened.drain().await, entries(0..5));
}
