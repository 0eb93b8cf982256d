//! `weir-web-pack`: turns the compiled WebAssembly modules of the client into the folder that the server embeds.
//!
//! For each module: bindings (wasm-bindgen) → one script (esbuild) and a small module (wasm-opt) → names that carry a
//! hash of the content → its HTML page with those names. What all share is packed once. Then Brotli and gzip beside
//! each file. Nothing is done when no input changed.

mod bindings;
mod dist;
mod fingerprint;
mod module;
mod page;
mod sizes;
mod tools;

use std::{fs::File, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::{
    dist::{Dist, Effort},
    fingerprint::Fingerprint,
    module::{Module, Packed},
    page::Page,
    sizes::Needed,
    tools::Tools,
};

/// What a first visit to a page downloads, in bytes after Brotli. More than this is a defect, not a warning.
const FIRST_LOAD_BUDGET: usize = 700_000;

/// The page from which those of all modules are made.
const TEMPLATE: &str = "index.html";

/// Packs the browser client for embedding.
#[derive(Parser)]
struct Args {
    /// A module that cargo built for wasm32-unknown-unknown, as `viewer=path`. Every module of the client is needed.
    #[arg(long = "module", value_name = "NAME=WASM", required = true)]
    modules: Vec<Module>,
    /// The folder with index.html, style.css and the other hand-written files.
    #[arg(long)]
    assets: PathBuf,
    /// The folder in which `npm ci` ran.
    #[arg(long)]
    npm: PathBuf,
    /// Where the packed files go; its old content is replaced.
    #[arg(long)]
    out: PathBuf,
    /// For development: leaves the modules as they are, compresses little, and checks no budget.
    #[arg(long)]
    quick: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let modules = module::complete(&args.modules)?;
    let lock = args.npm.join("package-lock.json");
    let mut inputs = vec![args.assets.as_path(), lock.as_path()];
    inputs.extend(modules.iter().map(|module| module.wasm.as_path()));
    let inputs = Fingerprint::of(&inputs, if args.quick { "quick" } else { "" })?;
    // Two at once would undo each other: the second waits, and finds the work done.
    if let Some(folder) = args.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let alone = File::create(args.out.with_extension("lock"))?;
    alone.lock().context("cannot lock the output folder")?;
    let stamp = args.out.with_extension("stamp");
    if args.out.join(TEMPLATE).is_file() && inputs.is_written_in(&stamp) {
        say(&format!("web client: unchanged in {}", args.out.display()));
        return Ok(());
    }

    let scratch = args.out.with_extension("scratch");
    dist::fresh_folder(&scratch)?;
    let tools = Tools::new(&args.npm);
    let read = |name: &str| {
        let path = args.assets.join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let boot = read("boot.js")?;
    let packed = Packed::all(modules, &tools, &boot, &scratch, !args.quick)?;

    let mut dist = Dist::new();
    let mut template =
        Page::new(String::from_utf8(read(TEMPLATE)?).context("index.html is not UTF-8")?);
    for (name, content, needed) in [
        (
            "theme.js",
            tools.minify(&args.assets.join("theme.js"))?,
            Needed::Always,
        ),
        (
            "ahead.js",
            tools.minify(&args.assets.join("ahead.js"))?,
            Needed::Always,
        ),
        (
            "style.css",
            tools.bundle_style(&args.assets.join("style.css"))?,
            Needed::Always,
        ),
        ("icon.svg", read("icon.svg")?, Needed::Always),
        ("hls.js", tools.hls_player()?, Needed::Later),
        ("uplot.js", tools.charts()?, Needed::Later),
    ] {
        template.fill(name, &dist.add_hashed(name, content, needed));
    }
    for Packed { which, wasm, js } in packed {
        let mut page = template.clone();
        for (extension, content) in [("wasm", wasm), ("js", js)] {
            let name = format!("{}.{extension}", which.name());
            let address = dist.add_hashed(&name, content, Needed::By(which));
            page.fill(&format!("client.{extension}"), &address);
        }
        dist.add(which.page(), page.finish()?.into_bytes(), Needed::By(which));
    }

    let effort = match args.quick {
        true => Effort::Quick,
        false => Effort::Best,
    };
    let sizes = dist.write(&args.out, effort)?;
    inputs.write_to(&stamp)?;
    std::fs::remove_dir_all(&scratch).context("cannot remove the scratch folder")?;
    say(&sizes.to_string());
    if args.quick {
        return Ok(());
    }
    sizes.check(FIRST_LOAD_BUDGET)
}

/// This tool talks on standard output on purpose.
#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}
