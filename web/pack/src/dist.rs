//! The packed files: named by their content, compressed once here so that the server never does it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::{
    fingerprint::hex,
    sizes::{Needed, Row, Sizes},
};

/// Bytes of the hash that go into a name; 2⁴⁰ leaves no room for two contents of one name.
const HASH_BYTES: usize = 5;
/// Brotli's largest ordinary window, 2²² bytes.
const BROTLI_WINDOW: i32 = 22;

/// How hard the files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As small as it gets; a few seconds, once per build.
    Best,
    /// For development.
    Quick,
}

impl Effort {
    fn brotli(self) -> i32 {
        match self {
            Self::Best => 11,
            Self::Quick => 2,
        }
    }

    fn gzip(self) -> Compression {
        match self {
            Self::Best => Compression::best(),
            Self::Quick => Compression::fast(),
        }
    }
}

/// The files to write, with their paths below the dist folder.
#[derive(Default)]
pub struct Dist {
    files: Vec<File>,
}

struct File {
    path: PathBuf,
    content: Vec<u8>,
    needed: Needed,
}

impl Dist {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file whose name carries its hash, so that browsers may keep it for ever. Returns its address.
    pub fn add_hashed(&mut self, name: &str, content: Vec<u8>, needed: Needed) -> String {
        let hash = hex(&Sha256::digest(&content)[..HASH_BYTES]);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let path = format!("assets/{stem}-{hash}.{extension}");
        let address = format!("/{path}");
        self.add(&path, content, needed);
        address
    }

    /// Adds a file under a fixed name.
    pub fn add(&mut self, path: &str, content: Vec<u8>, needed: Needed) {
        self.files.push(File {
            path: path.into(),
            content,
            needed,
        });
    }

    /// Replaces `out` by the files, each with `.br` and `.gz` beside it where that is smaller.
    pub fn write(self, out: &Path, effort: Effort) -> Result<Sizes> {
        let staged = out.with_extension("new");
        fresh_folder(&staged)?;
        let mut rows = Vec::new();
        for File {
            path,
            content,
            needed,
        } in self.files
        {
            let target = staged.join(&path);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            let (br, gz) = (brotli(&content, effort)?, gzip(&content, effort)?);
            fs::write(&target, &content)?;
            for (suffix, packed) in [("br", &br), ("gz", &gz)] {
                if packed.len() < content.len() {
                    let mut name = target.clone().into_os_string();
                    name.push(".");
                    name.push(suffix);
                    fs::write(name, packed)?;
                }
            }
            rows.push(Row {
                name: path.display().to_string(),
                raw: content.len(),
                gzip: gz.len(),
                brotli: br.len(),
                needed,
            });
        }
        if out.exists() {
            fs::remove_dir_all(out).with_context(|| format!("cannot replace {}", out.display()))?;
        }
        fs::rename(&staged, out).with_context(|| format!("cannot write {}", out.display()))?;
        Ok(Sizes(rows))
    }
}

/// Makes `path` an empty folder.
pub fn fresh_folder(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot clear {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

fn brotli(content: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: effort.brotli(),
        lgwin: BROTLI_WINDOW,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut packed, &params).context("Brotli failed")?;
    Ok(packed)
}

fn gzip(content: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), effort.gzip());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn names_follow_content() {
        let mut dist = Dist::new();
        let one = dist.add_hashed("a.css", b"x{}".to_vec(), Needed::Always);
        let two = dist.add_hashed("a.css", b"y{}".to_vec(), Needed::Always);
        assert!(
            one.starts_with("/assets/a-") && one.ends_with(".css"),
            "{one}"
        );
        assert_ne!(one, two);
    }

    #[test]
    fn writes_what_unpacks_to_the_same_and_replaces_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("dist");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("old.js"), "old").unwrap();
        let content = b"water over a weir ".repeat(200);
        for effort in [Effort::Quick, Effort::Best] {
            writes(&out, &content, effort);
        }
    }

    fn writes(out: &Path, content: &[u8], effort: Effort) {
        let mut dist = Dist::new();
        dist.add("index.html", content.to_vec(), Needed::Always);
        dist.add("tiny", b"a".to_vec(), Needed::Later);
        let sizes = dist.write(out, effort).unwrap();

        assert!(!out.join("old.js").exists());
        let mut plain = Vec::new();
        brotli::BrotliDecompress(
            &mut fs::File::open(out.join("index.html.br")).unwrap(),
            &mut plain,
        )
        .unwrap();
        assert_eq!(plain, content);
        plain.clear();
        flate2::read::GzDecoder::new(fs::File::open(out.join("index.html.gz")).unwrap())
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, content);
        assert!(
            !out.join("tiny.br").exists(),
            "a file that grows stays as it is"
        );
        assert!(sizes.check(10_000).is_ok());
        assert!(sizes.check(10).is_err());
    }
}
