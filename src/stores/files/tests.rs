//! Rules that both kinds hold, and those of a disk.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use trackgate_schemes::SystemClock;
use trackgate_schemes::store::StoreErrorKind;

use super::*;
use crate::ports::{Area, FileName, Files, OpenFile};

fn name(text: &str) -> FileName {
    text.parse().unwrap()
}

fn read(mut file: OpenFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.contents.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, file.len);
    bytes
}

async fn contents(files: &dyn Files, area: Area, name: &FileName) -> Option<Vec<u8>> {
    files.open(area, name).await.unwrap().map(read)
}

async fn names(files: &dyn Files, area: Area) -> Vec<String> {
    let mut names: Vec<_> = files.list(area).await.unwrap().iter().map(|each| each.name.to_string()).collect();
    names.sort();
    names
}

async fn each_kind(rule: impl AsyncFn(&dyn Files)) {
    rule(&MemoryFiles::new(Arc::new(SystemClock))).await;
    let folder = tempfile::tempdir().unwrap();
    rule(&FolderFiles::open(&folder.path().join("files")).unwrap()).await;
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|each| each.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_found_as_it_was_put_and_only_in_its_area() {
    each_kind(async |files| {
        let (one, empty) = (name("7-a.png"), name("7-b.png"));
        files.put(Area::Pictures, &one, "picture".into()).await.unwrap();
        files.put(Area::Pictures, &empty, Bytes::new()).await.unwrap();
        assert_eq!(contents(files, Area::Pictures, &one).await.unwrap(), b"picture");
        assert_eq!(contents(files, Area::Pictures, &empty).await.unwrap(), b"");
        assert_eq!(contents(files, Area::Archives, &one).await, None);
        assert_eq!(names(files, Area::Pictures).await, ["7-a.png", "7-b.png"]);
        assert_eq!(names(files, Area::Archives).await, [""; 0]);
        let listed = files.list(Area::Pictures).await.unwrap();
        assert_eq!(listed.iter().map(|each| each.len).sum::<u64>(), 7);
        assert!(listed.iter().all(|each| each.modified.elapsed().is_ok_and(|age| age.as_secs() < 60)));
    })
    .await;
}

#[tokio::test]
async fn a_file_is_read_from_any_place() {
    each_kind(async |files| {
        files.put(Area::Archives, &name("a.zip"), "0123456789".into()).await.unwrap();
        let mut file = files.open(Area::Archives, &name("a.zip")).await.unwrap().unwrap();
        file.contents.seek(SeekFrom::Start(7)).unwrap();
        let mut rest = String::new();
        file.contents.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "789");
    })
    .await;
}

#[tokio::test]
async fn who_reads_a_file_goes_on_though_it_is_replaced_or_removed() {
    each_kind(async |files| {
        let name = name("a.gpx");
        files.put(Area::Tracks, &name, "first".into()).await.unwrap();
        let first = files.open(Area::Tracks, &name).await.unwrap().unwrap();
        files.put(Area::Tracks, &name, "second".into()).await.unwrap();
        let second = files.open(Area::Tracks, &name).await.unwrap().unwrap();
        files.remove(Area::Tracks, &name).await.unwrap();
        assert_eq!((read(first), read(second)), (b"first".to_vec(), b"second".to_vec()));
        assert_eq!(contents(files, Area::Tracks, &name).await, None);
        files.remove(Area::Tracks, &name).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn upl_06_what_is_not_committed_was_never_there() {
    each_kind(async |files| {
        let name = name("a.zip");
        files.put(Area::Archives, &name, "before".into()).await.unwrap();
        let mut file = files.create(Area::Archives, &name).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(contents(files, Area::Archives, &name).await.unwrap(), b"before");
        drop(file);
        assert_eq!(contents(files, Area::Archives, &name).await.unwrap(), b"before");
        assert_eq!(names(files, Area::Archives).await, ["a.zip"]);
        let mut file = files.create(Area::Archives, &name).unwrap();
        for _ in 0..3 {
            file.write_all(b"whole ").unwrap();
        }
        file.commit().unwrap();
        assert_eq!(contents(files, Area::Archives, &name).await.unwrap(), b"whole whole whole ");
    })
    .await;
}

#[tokio::test]
async fn crs_a_left_file_is_swept_at_start_and_one_that_is_being_written_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = FolderFiles::open(folder.path()).unwrap();
    let area = folder.path().join("archives");
    let mut writing = files.create(Area::Archives, &name("a.zip")).unwrap();
    writing.write_all(b"half").unwrap();
    fs::write(area.join(".new-left"), "left").unwrap();
    assert_eq!(entries(&area).len(), 2);
    let again = FolderFiles::open(folder.path()).unwrap();
    assert_eq!(entries(&area).len(), 1);
    assert_eq!(names(&again, Area::Archives).await, [""; 0]);
    writing.commit().unwrap();
    assert_eq!(entries(&area), ["a.zip"]);
    assert_eq!(contents(&again, Area::Archives, &name("a.zip")).await.unwrap(), b"half");
}

#[tokio::test]
async fn folders_and_files_are_for_their_own_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let files = FolderFiles::open(&folder.path().join("files")).unwrap();
    files.put(Area::Pictures, &name("a.png"), "x".into()).await.unwrap();
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("files"), mode("files/pictures"), mode("files/pictures/a.png")), (0o700, 0o700, 0o600));
}

#[tokio::test]
async fn upl_06_a_folder_that_cannot_be_written_is_unavailable_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let files = FolderFiles::open(folder.path()).unwrap();
    let area = folder.path().join("pictures");
    // A folder of that name: nothing can be renamed to it.
    fs::create_dir(area.join("a.png")).unwrap();
    File::create(area.join("a.png/inside")).unwrap();
    let error = files.put(Area::Pictures, &name("a.png"), "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(files.open(Area::Pictures, &name("a.png")).await.is_err());
    assert_eq!((entries(&area), names(&files, Area::Pictures).await), (vec!["a.png".to_owned()], Vec::new()));
    fs::remove_dir_all(&area).unwrap();
    assert!(files.put(Area::Pictures, &name("b.png"), "x".into()).await.is_err());
    assert!(files.list(Area::Pictures).await.is_err());
    assert!(files.create(Area::Pictures, &name("b.png")).is_err());
}

#[tokio::test]
async fn of_many_that_put_one_name_one_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let files = Arc::new(FolderFiles::open(folder.path()).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16_u8 {
        let files = Arc::clone(&files);
        tasks.spawn(async move { files.put(Area::Pictures, &name("a.png"), vec![n; 4096].into()).await.unwrap() });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let bytes = contents(&*files, Area::Pictures, &name("a.png")).await.unwrap();
    assert_eq!(bytes.len(), 4096);
    assert!(bytes.iter().all(|byte| Some(byte) == bytes.first()));
    assert_eq!(entries(&folder.path().join("pictures")), ["a.png"]);
    assert!(SystemTime::now() >= files.list(Area::Pictures).await.unwrap().first().unwrap().modified);
}
