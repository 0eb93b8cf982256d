//! The programs from npm: binaryen makes the module small, esbuild the scripts and styles.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// What rustc 1.95 and newer use in a wasm32 module; wasm-opt refuses instructions of features it was not told of.
const MODULE_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Browsers that have WebRTC statistics, MSE and `requestVideoFrameCallback` understand this.
const SCRIPT_TARGET: &str = "--target=es2022";

/// An npm folder whose tools are used.
pub struct Tools {
    npm: PathBuf,
}

impl Tools {
    /// `npm` holds `node_modules`.
    pub fn new(npm: &Path) -> Self {
        Self {
            npm: npm.to_owned(),
        }
    }

    /// The module after `wasm-opt -Oz`. Not with `--converge`, which takes three times as long for a third of a percent.
    pub fn shrink_module(&self, wasm: &Path) -> Result<Vec<u8>> {
        let small = wasm.with_extension("small.wasm");
        let mut args: Vec<&OsStr> = vec!["-Oz".as_ref()];
        args.extend(MODULE_FEATURES.map(OsStr::new));
        args.extend([wasm.as_os_str(), "-o".as_ref(), small.as_os_str()]);
        self.run("binaryen/bin/wasm-opt", &args)?;
        std::fs::read(&small).context("wasm-opt wrote nothing")
    }

    /// One script out of `entry` and everything it imports.
    pub fn bundle_script(&self, entry: &Path) -> Result<Vec<u8>> {
        self.run(
            "esbuild/bin/esbuild",
            &[
                "--bundle".as_ref(),
                "--format=esm".as_ref(),
                "--minify".as_ref(),
                "--legal-comments=none".as_ref(),
                "--log-level=warning".as_ref(),
                SCRIPT_TARGET.as_ref(),
                entry.as_os_str(),
            ],
        )
    }

    /// A script or style sheet that imports nothing.
    pub fn minify(&self, file: &Path) -> Result<Vec<u8>> {
        self.run(
            "esbuild/bin/esbuild",
            &[
                "--minify".as_ref(),
                "--log-level=warning".as_ref(),
                SCRIPT_TARGET.as_ref(),
                file.as_os_str(),
            ],
        )
    }

    /// A style sheet with what it imports, without blanks.
    pub fn bundle_style(&self, entry: &Path) -> Result<Vec<u8>> {
        self.run(
            "esbuild/bin/esbuild",
            &[
                "--bundle".as_ref(),
                "--minify".as_ref(),
                "--log-level=warning".as_ref(),
                SCRIPT_TARGET.as_ref(),
                entry.as_os_str(),
            ],
        )
    }

    /// The HLS player for browsers, complete: the light build has no separate audio renditions, which our HLS uses.
    pub fn hls_player(&self) -> Result<Vec<u8>> {
        let path = self.npm.join("node_modules/hls.js/dist/hls.min.mjs");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        // The map stays at home: a line that names it makes developer tools ask for a file that is not served.
        let kept = text
            .lines()
            .filter(|line| !line.starts_with("//# sourceMappingURL"));
        Ok(kept.collect::<Vec<_>>().join("\n").into_bytes())
    }

    /// The library that draws charts. What it has of styles stands in `assets/style/chart.css`.
    pub fn charts(&self) -> Result<Vec<u8>> {
        self.minify(&self.npm.join("node_modules/uplot/dist/uPlot.esm.js"))
    }

    fn run(&self, program: &str, args: &[&OsStr]) -> Result<Vec<u8>> {
        let path = self.npm.join("node_modules").join(program);
        let output = Command::new("node")
            .arg(&path)
            .args(args)
            .output()
            .with_context(|| format!("cannot start node for {}", path.display()))?;
        if !output.status.success() {
            bail!(
                "{program} failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(output.stdout)
    }
}
