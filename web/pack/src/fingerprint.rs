//! Whether anything that goes into the packed client has changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// A hash over every input and over this program.
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads files, and folders with all that is in them. `settings` says in which way they are packed.
    pub fn of(inputs: &[&Path], settings: &str) -> Result<Self> {
        let mut hash = Sha256::new();
        let program = std::env::current_exe().context("this program has no path")?;
        let built = program
            .metadata()
            .and_then(|about| about.modified())
            .context("this program has no date")?;
        hash.update(format!("{built:?}\0{settings}\0"));
        for input in inputs {
            for file in files_in(input)? {
                let content =
                    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let name = file.strip_prefix(input).unwrap_or(&file);
                hash.update(format!("{}\0{}\0", name.display(), content.len()));
                hash.update(content);
            }
        }
        Ok(Self(hex(&hash.finalize())))
    }

    /// Whether `stamp` was written for the same inputs.
    pub fn is_written_in(&self, stamp: &Path) -> bool {
        fs::read_to_string(stamp).is_ok_and(|old| old == self.0)
    }

    /// Remembers these inputs.
    pub fn write_to(&self, stamp: &Path) -> Result<()> {
        fs::write(stamp, &self.0).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files_in(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        files.extend(files_in(&entry?.path())?);
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn changes_with_content_and_with_names() {
        let folder = tempfile::tempdir().unwrap();
        let of = || Fingerprint::of(&[folder.path()], "").unwrap().0;
        fs::write(folder.path().join("a"), "1").unwrap();
        let first = of();
        assert_eq!(first, of());
        fs::write(folder.path().join("a"), "2").unwrap();
        let second = of();
        assert_ne!(first, second);
        fs::rename(folder.path().join("a"), folder.path().join("b")).unwrap();
        assert_ne!(second, of());
    }

    #[test]
    fn a_stamp_is_only_good_for_its_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let (input, stamp) = (folder.path().join("in"), folder.path().join("stamp"));
        fs::write(&input, "1").unwrap();
        let first = Fingerprint::of(&[&input], "").unwrap();
        assert!(!first.is_written_in(&stamp));
        first.write_to(&stamp).unwrap();
        assert!(first.is_written_in(&stamp));
        let quick = Fingerprint::of(&[&input], "quick").unwrap();
        assert!(!quick.is_written_in(&stamp), "packed in another way");
        fs::write(&input, "2").unwrap();
        assert!(
            !Fingerprint::of(&[&input], "")
                .unwrap()
                .is_written_in(&stamp)
        );
    }
}
