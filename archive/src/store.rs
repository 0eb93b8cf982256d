//! Where finished recordings and clips are: a folder, or a bucket of an S3-compatible store.
//!
//! All are made on the local disk. With a bucket they are sent there in the background, and are served from
//! it once everything has arrived.

use std::{ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, buffered::BufWriter,
    local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::disk;

/// Bytes of a piece of an upload.
const PIECE: usize = 8 << 20;

/// An S3-compatible store.
#[derive(Clone, Default)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// Where it is, when not at Amazon: `https://…`, or `http://…` on a network of one's own.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// Whose it is.
    pub access_key_id: String,
    /// Never logged.
    pub secret_access_key: String,
    /// In front of all names.
    pub prefix: String,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is not there.
    #[error("there is no such file in the store")]
    NotFound,
    /// A recording is in the bucket, and none is configured any more.
    #[error("this is in a bucket, and no bucket is configured; set recording.s3")]
    NoBucket,
    /// The store's own.
    #[error("the store failed: {0}")]
    Store(object_store::Error),
    /// The local disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// Where recordings and clips are. Clones are the same.
#[derive(Clone)]
pub struct Store {
    folder: PathBuf,
    local: Arc<dyn ObjectStore>,
    remote: Option<Arc<dyn ObjectStore>>,
}

/// A file being read.
pub struct Reading {
    /// Bytes of the whole file.
    pub total: u64,
    /// Which of them come.
    pub range: Range<u64>,
    /// They.
    pub bytes: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Store {
    /// In this folder.
    pub fn open(folder: PathBuf) -> Result<Self, StoreError> {
        disk::make_private(&folder)?;
        let local = Arc::new(LocalFileSystem::new_with_prefix(&folder)?);
        Ok(Self {
            folder,
            local,
            remote: None,
        })
    }

    /// The same, and then in this bucket.
    pub fn and_s3(self, s3: &S3) -> Result<Self, StoreError> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&s3.bucket)
            .with_region(&s3.region)
            .with_access_key_id(&s3.access_key_id)
            .with_secret_access_key(&s3.secret_access_key);
        if let Some(endpoint) = &s3.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        let remote = PrefixStore::new(builder.build()?, Path::from(s3.prefix.as_str()));
        Ok(self.and_remote(Arc::new(remote)))
    }

    /// The same, and then in this store.
    pub fn and_remote(self, remote: Arc<dyn ObjectStore>) -> Self {
        Self {
            remote: Some(remote),
            ..self
        }
    }

    /// Whether what is finished is sent to a bucket.
    pub fn has_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Where a recording or clip of this name is made and kept locally.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads a file, or a range of it: from a byte to before another one or to the end.
    pub async fn read(
        &self,
        in_bucket: bool,
        path: &str,
        range: Option<object_store::GetRange>,
    ) -> Result<Reading, StoreError> {
        let options = GetOptions::new().with_range(range);
        let found = self
            .of(in_bucket)?
            .get_opts(&Path::from(path), options)
            .await?;
        Ok(Reading {
            total: found.meta.size,
            range: found.range.clone(),
            bytes: found.into_stream().map_err(StoreError::from).boxed(),
        })
    }

    /// The whole of a small file, or of a range.
    pub async fn bytes(
        &self,
        in_bucket: bool,
        path: &str,
        range: Option<Range<u64>>,
    ) -> Result<Bytes, StoreError> {
        let options = GetOptions::new().with_range(range);
        let found = self
            .of(in_bucket)?
            .get_opts(&Path::from(path), options)
            .await?;
        Ok(found.bytes().await?)
    }

    /// Sends everything of a name to the bucket. What arrived earlier is not sent again, so that this goes on
    /// after a restart.
    pub async fn upload(&self, name: &str) -> Result<(), StoreError> {
        let remote = self.of(true)?;
        let prefix = Path::from(name);
        let there: Vec<(Path, u64)> = remote
            .list(Some(&prefix))
            .map_ok(|meta| (meta.location, meta.size))
            .try_collect()
            .await?;
        let mut files = tokio::fs::read_dir(self.folder(name)).await?;
        while let Some(file) = files.next_entry().await? {
            let size = file.metadata().await?.len();
            let file_name = file.file_name();
            let path = prefix.clone().join(file_name.to_string_lossy().as_ref());
            // An object is there whole or not at all.
            if there.contains(&(path.clone(), size)) {
                continue;
            }
            send(remote.clone(), path, &file.path()).await?;
        }
        Ok(())
    }

    /// Brings files of a name from the bucket into a folder.
    pub async fn fetch(
        &self,
        name: &str,
        files: &[String],
        to: &std::path::Path,
    ) -> Result<(), StoreError> {
        for file in files {
            let found = self.read(true, &format!("{name}/{file}"), None).await?;
            let mut out = tokio::fs::File::create(to.join(file)).await?;
            let mut bytes = found.bytes;
            while let Some(bytes) = bytes.try_next().await? {
                out.write_all(&bytes).await?;
            }
            out.flush().await?;
        }
        Ok(())
    }

    /// Removes a name from the local disk.
    pub async fn remove_local(&self, name: &str) -> Result<(), StoreError> {
        match tokio::fs::remove_dir_all(self.folder(name)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes a name wherever it is.
    pub async fn remove(&self, in_bucket: bool, name: &str) -> Result<(), StoreError> {
        self.remove_local(name).await?;
        if !in_bucket && self.remote.is_none() {
            return Ok(());
        }
        let remote = self.of(true)?;
        let there = remote.list(Some(&Path::from(name)));
        let mut there = std::pin::pin!(there);
        while let Some(meta) = there.try_next().await? {
            match remote.delete(&meta.location).await {
                Err(object_store::Error::NotFound { .. }) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Names on the local disk that begin like this.
    pub fn local_names(&self, prefix: &str) -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        let folder = self.folder.join(prefix);
        if !folder.is_dir() {
            return Ok(names);
        }
        for entry in std::fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn of(&self, in_bucket: bool) -> Result<Arc<dyn ObjectStore>, StoreError> {
        match in_bucket {
            false => Ok(self.local.clone()),
            true => self.remote.clone().ok_or(StoreError::NoBucket),
        }
    }
}

async fn send(
    remote: Arc<dyn ObjectStore>,
    path: Path,
    from: &std::path::Path,
) -> Result<(), StoreError> {
    let mut file = tokio::fs::File::open(from).await?;
    let mut out = BufWriter::with_capacity(remote, path, PIECE);
    let mut sent = async || -> std::io::Result<()> {
        loop {
            let mut piece = Vec::with_capacity(1 << 20);
            if (&mut file).take(1 << 20).read_to_end(&mut piece).await? == 0 {
                return Ok(());
            }
            out.put(piece.into()).await?;
        }
    };
    if let Err(error) = sent().await {
        // Pieces that were sent are not kept.
        let _ = out.abort().await;
        return Err(error.into());
    }
    out.shutdown().await?;
    Ok(())
}
