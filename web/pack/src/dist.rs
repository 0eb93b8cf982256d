//! The packed files: named by their content, compressed once here so that the server never does it.

use std::{
    fmt, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::fingerprint::hex;

/// Bytes of the hash that go into a name; 2⁴⁰ leaves no room for two contents of one name.
const HASH_BYTES: usize = 5;
/// Brotli's best; a second or two, once per build.
const BROTLI_QUALITY: i32 = 11;
/// Brotli's largest ordinary window, 2²² bytes.
const BROTLI_WINDOW: i32 = 22;

/// The files to write, with their paths below the dist folder.
#[derive(Default)]
pub struct Dist {
    files: Vec<File>,
}

struct File {
    path: PathBuf,
    content: Vec<u8>,
    first_load: bool,
}

/// How large the client is, for people and for the budget.
pub struct Sizes {
    rows: Vec<(String, usize, usize, usize, bool)>,
}

impl Dist {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file whose name carries its hash, so that browsers may keep it for ever. Returns its address.
    pub fn add_hashed(&mut self, name: &str, content: Vec<u8>, first_load: bool) -> String {
        let hash = hex(&Sha256::digest(&content)[..HASH_BYTES]);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let path = format!("assets/{stem}-{hash}.{extension}");
        let address = format!("/{path}");
        self.add(&path, content, first_load);
        address
    }

    /// Adds a file under a fixed name.
    pub fn add(&mut self, path: &str, content: Vec<u8>, first_load: bool) {
        self.files.push(File {
            path: path.into(),
            content,
            first_load,
        });
    }

    /// Replaces `out` by the files, each with `.br` and `.gz` beside it where that is smaller.
    pub fn write(self, out: &Path) -> Result<Sizes> {
        let staged = out.with_extension("new");
        fresh_folder(&staged)?;
        let mut rows = Vec::new();
        for File {
            path,
            content,
            first_load,
        } in self.files
        {
            let target = staged.join(&path);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            let (br, gz) = (brotli(&content)?, gzip(&content)?);
            fs::write(&target, &content)?;
            for (suffix, packed) in [("br", &br), ("gz", &gz)] {
                if packed.len() < content.len() {
                    let mut name = target.clone().into_os_string();
                    name.push(".");
                    name.push(suffix);
                    fs::write(name, packed)?;
                }
            }
            rows.push((
                path.display().to_string(),
                content.len(),
                gz.len(),
                br.len(),
                first_load,
            ));
        }
        if out.exists() {
            fs::remove_dir_all(out).with_context(|| format!("cannot replace {}", out.display()))?;
        }
        fs::rename(&staged, out).with_context(|| format!("cannot write {}", out.display()))?;
        Ok(Sizes { rows })
    }
}

impl Sizes {
    /// What a first visit downloads, in bytes after Brotli.
    fn first_load(&self) -> usize {
        self.rows.iter().filter(|row| row.4).map(|row| row.3).sum()
    }

    /// An error where a first visit costs more than `budget` bytes.
    pub fn check(&self, budget: usize) -> Result<()> {
        let first = self.first_load();
        if first > budget {
            bail!(
                "a first visit downloads {first} bytes, {} more than the budget",
                first - budget
            );
        }
        Ok(())
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<34}{:>10}{:>10}{:>10}",
            "web client, bytes", "raw", "gzip", "brotli"
        )?;
        for (name, raw, gz, br, first) in &self.rows {
            let later = if *first {
                ""
            } else {
                "  (only when HLS is needed)"
            };
            writeln!(f, "{name:<34}{raw:>10}{gz:>10}{br:>10}{later}")?;
        }
        write!(f, "{:<34}{:>30}", "first visit", self.first_load())
    }
}

/// Makes `path` an empty folder.
pub fn fresh_folder(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("cannot clear {}", path.display()))?;
    }
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut packed, &params).context("Brotli failed")?;
    Ok(packed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
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
        let one = dist.add_hashed("a.css", b"x{}".to_vec(), true);
        let two = dist.add_hashed("a.css", b"y{}".to_vec(), true);
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
        let mut dist = Dist::new();
        dist.add("index.html", content.clone(), true);
        dist.add("tiny", b"a".to_vec(), false);
        let sizes = dist.write(&out).unwrap();

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
