//! `weir-web-pack`: turns the compiled WebAssembly client into the folder that the server embeds.
//!
//! Bindings (wasm-bindgen) → one script (esbuild) and a small module (wasm-opt) → names that carry a hash of the
//! content → `index.html` with those names → Brotli and gzip beside each file. Nothing is done when no input changed.

mod bindings;
mod dist;
mod fingerprint;
mod page;
mod tools;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::{dist::Dist, fingerprint::Fingerprint, page::Page, tools::Tools};

/// What a first visit downloads, in bytes after Brotli. More than this is a defect, not a warning.
const FIRST_LOAD_BUDGET: usize = 700_000;

/// Packs the browser client for embedding.
#[derive(Parser)]
struct Args {
    /// The module that cargo built for wasm32-unknown-unknown.
    #[arg(long)]
    wasm: PathBuf,
    /// The folder with index.html, style.css and the other hand-written files.
    #[arg(long)]
    assets: PathBuf,
    /// The folder in which `npm ci` ran.
    #[arg(long)]
    npm: PathBuf,
    /// Where the packed files go; its old content is replaced.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let inputs = Fingerprint::of(&[
        &args.wasm,
        &args.assets,
        &args.npm.join("package-lock.json"),
    ])?;
    let stamp = args.out.with_extension("stamp");
    if args.out.join("index.html").is_file() && inputs.is_written_in(&stamp) {
        say(&format!("web client: unchanged in {}", args.out.display()));
        return Ok(());
    }

    let scratch = args.out.with_extension("scratch");
    dist::fresh_folder(&scratch)?;
    let tools = Tools::new(&args.npm);
    bindings::generate(&args.wasm, &scratch)?;
    let module = tools.shrink_module(&scratch.join("client_bg.wasm"))?;
    let read = |name: &str| {
        let path = args.assets.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    std::fs::write(scratch.join("boot.js"), read("boot.js")?)?;

    let mut dist = Dist::new();
    let mut page =
        Page::new(String::from_utf8(read("index.html")?).context("index.html is not UTF-8")?);
    for (name, content, first_load) in [
        ("client.wasm", module, true),
        (
            "client.js",
            tools.bundle_script(&scratch.join("boot.js"))?,
            true,
        ),
        (
            "theme.js",
            tools.minify(&args.assets.join("theme.js"))?,
            true,
        ),
        (
            "style.css",
            tools.bundle_style(&args.assets.join("style.css"))?,
            true,
        ),
        ("icon.svg", read("icon.svg")?, true),
        ("hls.js", tools.hls_player()?, false),
    ] {
        let address = dist.add_hashed(name, content, first_load);
        page.fill(name, &address);
    }
    dist.add("index.html", page.finish()?.into_bytes(), true);

    let sizes = dist.write(&args.out)?;
    inputs.write_to(&stamp)?;
    std::fs::remove_dir_all(&scratch).context("cannot remove the scratch folder")?;
    say(&sizes.to_string());
    sizes.check(FIRST_LOAD_BUDGET)
}

/// This tool talks on standard output on purpose.
#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}
