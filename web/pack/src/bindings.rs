//! wasm-bindgen as a library, so that its version is the one in `Cargo.lock`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

/// Writes `client.js`, `client_bg.wasm` and the snippets of the libraries into `out`. Returns the path of the module.
pub fn generate(wasm: &Path, out: &Path) -> Result<PathBuf> {
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        // The address of the module carries a hash, so the page names it.
        .omit_default_module_path(true)
        .out_name("client")
        .generate(out)
        .with_context(|| format!("wasm-bindgen cannot bind {}", wasm.display()))?;
    Ok(out.join("client_bg.wasm"))
}
