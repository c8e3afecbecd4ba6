use super::*;
use crate::persist::upload::upload;
use object_store::ObjectStoreExt;

/// More than one part.
const LONG_BYTES: usize = (5 << 20) + 7;

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn long_file(folder: &Path) -> (PathBuf, Vec<u8>) {
    let (path, bytes) = (folder.join("file"), (0..LONG_BYTES).map(|at| (at % 251) as u8).collect::<Vec<_>>());
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[tokio::test]
async fn a_long_file_arrives_as_it_is_also_a_second_time_and_leaves_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let (file, bytes) = long_file(data.path());
    let root = data.path().join("recordings");
    let folder = Folder::open(&root).unwrap();
    for _ in 0..2 {
        assert_eq!(upload(&folder, &"tenant/2026/01/call.ogg".into(), &file).await.unwrap(), LONG_BYTES as u64);
        let kept = folder.get(&"tenant/2026/01/call.ogg".into()).await.unwrap().bytes().await.unwrap();
        assert!(kept == bytes);
        assert_eq!(files(&root.join("tenant/2026/01")), ["call.ogg"]);
    }
}

#[tokio::test]
async fn an_upload_that_fails_at_its_end_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (file, _) = long_file(data.path());
    let folder = Folder::open(&data.path().join("recordings")).unwrap();
    // A folder in the place of the object.
    std::fs::create_dir_all(data.path().join("recordings/tenant/call.ogg/in-it")).unwrap();
    for _ in 0..2 {
        upload(&folder, &"tenant/call.ogg".into(), &file).await.unwrap_err();
        assert_eq!(files(&data.path().join("recordings/tenant")), ["call.ogg"]);
    }
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing_and_is_no_object_before_it_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::open(data.path()).unwrap();
    let mut upload = folder.put_multipart(&"tenant/call.ogg".into()).await.unwrap();
    upload.put_part("half".into()).await.unwrap();
    assert!(folder.list_with_delimiter(Some(&"tenant".into())).await.unwrap().objects.is_empty());
    upload.abort().await.unwrap();
    assert_eq!(files(&data.path().join("tenant")), Vec::<String>::new());
}

#[tokio::test]
async fn what_earlier_runs_left_unfinished_goes_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let (root, started_at) = (data.path().join("recordings"), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000));
    let month = root.join("tenant/2026/01");
    std::fs::create_dir_all(&month).unwrap();
    let make = |name: &str, second: u64| {
        let file = std::fs::File::create(month.join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
    };
    for name in ["a.ogg", "a.ogg#1", "b.ogg#340282366920938463463374607431768211455", "c#", "d#1.ogg", "#e"] {
        make(name, 500);
    }
    make("of-this-run.ogg#1", 1_001);
    sweep(root, started_at).await;
    assert_eq!(files(&month), ["#e", "a.ogg", "c#", "d#1.ogg", "of-this-run.ogg#1"]);
}

#[tokio::test]
async fn where_there_is_no_folder_nothing_is_made() {
    let data = tempfile::tempdir().unwrap();
    sweep(data.path().join("recordings"), SystemTime::UNIX_EPOCH).await;
    assert_eq!(files(data.path()), Vec::<String>::new());
}
