//! Lists the packed browser client, so that `src/assets.rs` can embed it.
//!
//! `script/build-web` makes the client; this only names its files. A build without it gives a server without pages,
//! which says so to whoever opens one.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Names the folder with the packed client. Without it, `web-dist` below the target folder is looked for.
const DIST_VARIABLE: &str = "WEIR_WEB_DIST";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={DIST_VARIABLE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut table = String::from("&[\n");
    if let Some(dist) = dist(&out) {
        let mut files = Vec::new();
        collect(&dist, &dist, &mut files);
        files.sort();
        for path in files {
            list(&dist, &path, &mut table);
        }
    }
    table.push_str("]\n");
    fs::write(out.join("web_dist.rs"), table).expect("OUT_DIR can be written");
}

/// The packed client: the folder that is named, which then must hold it, or the usual one if it holds it.
fn dist(out: &Path) -> Option<PathBuf> {
    let named = env::var_os(DIST_VARIABLE);
    let dist = match &named {
        Some(named) => fs::canonicalize(named)
            .unwrap_or_else(|error| panic!("{DIST_VARIABLE}={}: {error}", named.display())),
        None => usual(out),
    };
    // Below it are only the client's files, so a change of any of them is a change of the binary. The folder is made
    // if need be: cargo takes a path that does not exist for one that always changes.
    if named.is_none() && fs::create_dir_all(&dist).is_err() {
        return None;
    }
    println!("cargo::rerun-if-changed={}", dist.display());
    let packed = dist.join("index.html").is_file();
    assert!(
        packed || named.is_none(),
        "{DIST_VARIABLE}={} holds no index.html; run script/build-web",
        dist.display()
    );
    packed.then_some(dist)
}

/// `web-dist` in the target folder: OUT_DIR is `<target>[/<triple>]/<profile>/build/<package>/out`.
fn usual(out: &Path) -> PathBuf {
    let triple = env::var("TARGET").expect("cargo sets TARGET");
    let base = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR lies in the target folder");
    let target = match base.parent() {
        Some(above) if base.ends_with(&triple) => above,
        _ => base,
    };
    target.join("web-dist")
}

/// Paths of the files below `folder`, relative to `dist`, without the compressed forms.
fn collect(dist: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the packed client can be listed") {
        let path = entry.expect("the packed client can be listed").path();
        if path.is_dir() {
            collect(dist, &path, files);
        } else if !path
            .extension()
            .is_some_and(|end| end == "br" || end == "gz")
        {
            let relative = path.strip_prefix(dist).expect("found below it");
            files.push(
                relative
                    .to_str()
                    .expect("packed names are ASCII")
                    .to_owned(),
            );
        }
    }
}

fn list(dist: &Path, path: &str, table: &mut String) {
    let file = dist.join(path);
    let include = |file: &Path| {
        format!(
            "include_bytes!({:?})",
            file.to_str().expect("a path in UTF-8")
        )
    };
    let packed = |suffix: &str| {
        let mut name = file.clone().into_os_string();
        name.push(suffix);
        let name = PathBuf::from(name);
        if name.is_file() {
            format!("Some({})", include(&name))
        } else {
            "None".to_owned()
        }
    };
    writeln!(
        table,
        "Asset {{ path: {path:?}, content_type: {:?}, raw: {}, brotli: {}, gzip: {}, immutable: {} }},",
        content_type(path),
        include(&file),
        packed(".br"),
        packed(".gz"),
        path.starts_with("assets/"),
    )
    .expect("a string takes text");
}

/// What the packer writes, and nothing else.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        Some("png") => "image/png",
        Some("json" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => panic!("{path}: build.rs knows no media type for this file of the client"),
    }
}
