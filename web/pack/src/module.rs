//! The modules: named on the command line, then bound and made small, all at the same time.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    thread,
};

use anyhow::{Context as _, Result, anyhow, bail};
use weir_protocol::ClientModule;

use crate::{bindings, dist::fresh_folder, tools::Tools};

/// A module as cargo built it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    which: ClientModule,
    /// The file.
    pub wasm: PathBuf,
}

impl FromStr for Module {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text
            .split_once('=')
            .ok_or("write it as name=path".to_owned())?;
        let which = ClientModule::by_name(name).ok_or_else(|| {
            let names = ClientModule::ALL.map(ClientModule::name).join(", ");
            format!("the client has no module {name}, only: {names}")
        })?;
        Ok(Self {
            which,
            wasm: path.into(),
        })
    }
}

/// Each module of the client once, in their usual order; an error where one is missing or given twice.
pub fn complete(given: &[Module]) -> Result<Vec<&Module>> {
    ClientModule::ALL
        .into_iter()
        .map(|which| {
            let mut found = given.iter().filter(|module| module.which == which);
            match (found.next(), found.next()) {
                (Some(module), None) => Ok(module),
                (None, _) => bail!("--module {}=… is missing", which.name()),
                (Some(_), Some(_)) => bail!("--module {}=… is there twice", which.name()),
            }
        })
        .collect()
}

/// A module as browsers get it.
pub struct Packed {
    /// Which one.
    pub which: ClientModule,
    /// The module.
    pub wasm: Vec<u8>,
    /// What loads it, with its bindings.
    pub js: Vec<u8>,
}

impl Packed {
    /// Packs all modules, each in a thread and in a folder below `scratch`. `boot` is the script that starts a module;
    /// `shrink` runs wasm-opt, which is what takes most of the time.
    pub fn all(
        modules: Vec<&Module>,
        tools: &Tools,
        boot: &[u8],
        scratch: &Path,
        shrink: bool,
    ) -> Result<Vec<Self>> {
        thread::scope(|scope| {
            let running: Vec<_> = modules
                .into_iter()
                .map(|module| {
                    let folder = scratch.join(module.which.name());
                    scope.spawn(move || Self::one(module, tools, boot, &folder, shrink))
                })
                .collect();
            running
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|_| Err(anyhow!("it panicked"))))
                .collect()
        })
    }

    fn one(
        module: &Module,
        tools: &Tools,
        boot: &[u8],
        folder: &Path,
        shrink: bool,
    ) -> Result<Self> {
        let pack = || -> Result<Self> {
            fresh_folder(folder)?;
            let bound = bindings::generate(&module.wasm, folder)?;
            let wasm = match shrink {
                true => tools.shrink_module(&bound)?,
                false => std::fs::read(&bound).context("wasm-bindgen wrote nothing")?,
            };
            let entry = folder.join("boot.js");
            std::fs::write(&entry, boot)?;
            Ok(Self {
                which: module.which,
                wasm,
                js: tools.bundle_script(&entry)?,
            })
        };
        pack().with_context(|| format!("cannot pack the module {}", module.which.name()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_client() {
        let module: Module = "studio=/a/b=c.wasm".parse().unwrap();
        assert_eq!(module.which, ClientModule::Studio);
        assert_eq!(module.wasm, Path::new("/a/b=c.wasm"));
        assert!("/a/b.wasm".parse::<Module>().is_err());
        let error = "weir=/a.wasm".parse::<Module>().unwrap_err();
        assert!(error.contains("viewer"), "{error}");
    }

    #[test]
    fn each_is_needed_once() {
        let given: Vec<Module> = ["organiser=o", "studio=s", "viewer=v", "account=a"]
            .map(|text| text.parse().unwrap())
            .into();
        let order: Vec<_> = complete(&given)
            .unwrap()
            .iter()
            .map(|it| it.which)
            .collect();
        assert_eq!(order, ClientModule::ALL);
        let missing = complete(&[&given[..2], &given[3..]].concat())
            .unwrap_err()
            .to_string();
        assert!(
            missing.contains("viewer") && missing.contains("missing"),
            "{missing}"
        );
        let twice = [&given[..], &given[..1]].concat();
        let twice = complete(&twice).unwrap_err().to_string();
        assert!(
            twice.contains("organiser") && twice.contains("twice"),
            "{twice}"
        );
    }
}
