//! How large the client is, for people and for the budget.

use std::fmt;

use anyhow::{Result, bail};
use weir_protocol::ClientModule;

/// When browsers download a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// With the first page, whichever it is.
    Always,
    /// With the first page of a module.
    By(ClientModule),
    /// Only when a page has a use for it: HLS, charts.
    Later,
}

impl Needed {
    fn first_of(self, module: ClientModule) -> bool {
        match self {
            Self::Always => true,
            Self::By(one) => one == module,
            Self::Later => false,
        }
    }
}

/// A packed file, in bytes.
pub struct Row {
    /// Its path below the dist folder.
    pub name: String,
    /// As it is.
    pub raw: usize,
    /// After gzip.
    pub gzip: usize,
    /// After Brotli.
    pub brotli: usize,
    /// When it is downloaded.
    pub needed: Needed,
}

/// The sizes of all files.
pub struct Sizes(pub Vec<Row>);

impl Sizes {
    /// What a first visit to a page of `module` downloads, in bytes after Brotli.
    fn first_load(&self, module: ClientModule) -> usize {
        let rows = self.0.iter().filter(|row| row.needed.first_of(module));
        rows.map(|row| row.brotli).sum()
    }

    /// An error where a first visit to a module costs more than `budget` bytes.
    pub fn check(&self, budget: usize) -> Result<()> {
        for module in ClientModule::ALL {
            let first = self.first_load(module);
            if first > budget {
                bail!(
                    "a first visit to the {} downloads {first} bytes, {} more than the budget",
                    module.name(),
                    first - budget
                );
            }
        }
        Ok(())
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<34}{:>10}{:>10}{:>10}",
            "web client, bytes", "raw", "gzip", "brotli"
        )?;
        for row in &self.0 {
            let later = match row.needed {
                Needed::Later => "  (only when needed)",
                Needed::Always | Needed::By(_) => "",
            };
            let Row {
                name,
                raw,
                gzip,
                brotli,
                ..
            } = row;
            write!(f, "\n{name:<34}{raw:>10}{gzip:>10}{brotli:>10}{later}")?;
        }
        for module in ClientModule::ALL {
            let what = format!("first visit: {}", module.name());
            write!(f, "\n{what:<34}{:>30}", self.first_load(module))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sizes() -> Sizes {
        let row = |name: &str, brotli, needed| Row {
            name: name.to_owned(),
            raw: brotli * 3,
            gzip: brotli * 2,
            brotli,
            needed,
        };
        Sizes(vec![
            row("style.css", 10, Needed::Always),
            row("viewer.wasm", 500, Needed::By(ClientModule::Viewer)),
            row("studio.wasm", 700, Needed::By(ClientModule::Studio)),
            row("hls.js", 9_000, Needed::Later),
        ])
    }

    #[test]
    fn a_first_visit_is_what_all_share_and_the_own_module() {
        assert_eq!(sizes().first_load(ClientModule::Viewer), 510);
        assert_eq!(sizes().first_load(ClientModule::Studio), 710);
        let text = sizes().to_string();
        assert!(text.contains("first visit: studio"), "{text}");
    }

    #[test]
    fn every_module_keeps_to_the_budget() {
        assert!(sizes().check(710).is_ok());
        let error = sizes().check(600).unwrap_err().to_string();
        assert!(error.contains("studio") && error.contains("110"), "{error}");
    }
}
