//! Finished recordings in a bucket.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use object_store::{ObjectStoreExt as _, memory::InMemory, path::Path};
use weir_archive::{GetRange, S3, Store, StoreError};

async fn all(store: &Store, in_bucket: bool, range: Option<GetRange>) -> (u64, Vec<u8>) {
    let found = store.read(in_bucket, "recordings/7/movie-0.mp4", range);
    let found = found.await.unwrap();
    let bytes: Vec<bytes::Bytes> = found.bytes.try_collect().await.unwrap();
    (found.total, bytes.concat())
}

fn made(store: &Store) -> Vec<u8> {
    let folder = store.folder("recordings/7");
    std::fs::create_dir_all(&folder).unwrap();
    // Longer than a piece of an upload.
    let movie: Vec<u8> = (0..9_000_000u32).map(|it| (it % 251) as u8).collect();
    std::fs::write(folder.join("movie-0.mp4"), &movie).unwrap();
    std::fs::write(folder.join("index.json"), b"{}").unwrap();
    movie
}

async fn goes_through(store: Store, movie: Vec<u8>) {
    let range = || Some(GetRange::Bounded(100..200));
    assert_eq!(
        all(&store, false, range()).await,
        (9_000_000, movie[100..200].to_vec())
    );
    store.upload("recordings/7").await.unwrap();
    store.remove_local("recordings/7").await.unwrap();
    let refused = store.read(false, "recordings/7/movie-0.mp4", None).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    assert_eq!(
        all(&store, true, range()).await,
        (9_000_000, movie[100..200].to_vec())
    );
    let suffix = Some(GetRange::Suffix(5));
    assert_eq!(all(&store, true, suffix).await.1, movie[movie.len() - 5..]);
    assert_eq!(all(&store, true, None).await, (9_000_000, movie.clone()));
    let to = tempfile::tempdir().unwrap();
    let files = ["movie-0.mp4".to_owned()];
    store
        .fetch("recordings/7", &files, to.path())
        .await
        .unwrap();
    assert_eq!(std::fs::read(to.path().join("movie-0.mp4")).unwrap(), movie);
    store.remove(true, "recordings/7").await.unwrap();
    let gone = store.read(true, "recordings/7/movie-0.mp4", None).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_recording_moves_to_the_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().to_owned()).unwrap();
    let refused = store.upload("recordings/7").await;
    assert!(matches!(refused, Err(StoreError::NoBucket)));
    let store = store.and_remote(Arc::new(InMemory::new()));
    let movie = made(&store);
    goes_through(store, movie).await;
}

#[tokio::test]
async fn an_upload_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let remote = Arc::new(InMemory::new());
    let store = Store::open(folder.path().to_owned()).unwrap();
    let store = store.and_remote(remote.clone());
    made(&store);
    // One of them arrived before the server stopped, with other bytes, to be told apart.
    let arrived = Path::from("recordings/7/index.json");
    remote.put(&arrived, b"[]".to_vec().into()).await.unwrap();
    store.upload("recordings/7").await.unwrap();
    let index = store.bytes(true, "recordings/7/index.json", None).await;
    assert_eq!(index.unwrap(), b"[]".as_slice());
    assert_eq!(all(&store, true, None).await.0, 9_000_000);
    // One that is not whole is sent again.
    remote.put(&arrived, b"[".to_vec().into()).await.unwrap();
    store.upload("recordings/7").await.unwrap();
    let index = store.bytes(true, "recordings/7/index.json", None).await;
    assert_eq!(index.unwrap(), b"{}".as_slice());
}

/// With a server that speaks S3: `WEIR_TEST_S3=http://127.0.0.1:5000 cargo test -p weir-archive -- --ignored`.
/// It has a bucket `weir` that anybody may write to with the key `test` and the secret `test`.
#[tokio::test]
#[ignore = "needs a server that speaks S3"]
async fn a_recording_moves_to_a_real_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().to_owned()).unwrap();
    let s3 = S3 {
        bucket: "weir".into(),
        endpoint: Some(std::env::var("WEIR_TEST_S3").unwrap()),
        region: "us-east-1".into(),
        access_key_id: "test".into(),
        secret_access_key: "test".into(),
        prefix: "of-tests".into(),
    };
    let store = store.and_s3(&s3).unwrap();
    let movie = made(&store);
    goes_through(store, movie).await;
}
