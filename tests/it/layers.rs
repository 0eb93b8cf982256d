//! Keeps the dependency directions of ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// What each crate of the workspace may depend on, of the workspace. The root may use everything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("weir-media", &[]),
    ("weir-protocol", &[]),
    ("weir-turn", &["weir-rtp"]),
    ("weir-edge", &[]),
    ("weir-rtp", &[]),
    ("weir-sfu-core", &["weir-media", "weir-rtp"]),
    ("weir-sfu", &["weir-media", "weir-rtp", "weir-sfu-core"]),
    ("weir-archive", &["weir-media"]),
    ("weir-db", &["weir-protocol"]),
    ("weir-bridge", &["weir-media", "weir-protocol"]),
    (
        "weir-signaling",
        &[
            "weir-archive",
            "weir-db",
            "weir-media",
            "weir-protocol",
            "weir-sfu",
            "weir-turn",
        ],
    ),
    ("weir-web", &["weir-protocol"]),
    ("weir-web-pack", &["weir-protocol"]),
    (
        "weir-bench",
        &[
            "weir-bridge",
            "weir-media",
            "weir-protocol",
            "weir-rtp",
            "weir-sfu",
            "weir-sfu-core",
            "weir-turn",
        ],
    ),
];

/// What a crate knows nothing of, as names of dependencies.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "weir-sfu-core",
        &[
            "tokio",
            "mio",
            "axum",
            "hyper",
            "sqlx",
            "reqwest",
            "socket2",
            "quinn-udp",
            "rustix",
        ],
    ),
    (
        "weir-sfu",
        &["axum", "hyper", "sqlx", "reqwest", "gstreamer"],
    ),
    ("weir-turn", &["axum", "hyper", "sqlx", "reqwest", "str0m"]),
    ("weir-bridge", &["sqlx", "axum", "str0m"]),
    (
        "weir-signaling",
        &["gstreamer", "rml_rtmp", "scuffle-rtmp", "str0m", "sqlx"],
    ),
    (
        "weir-archive",
        &["axum", "hyper", "reqwest", "sqlx", "gstreamer"],
    ),
    ("weir-db", &["axum", "hyper", "reqwest"]),
    ("weir-edge", &["axum", "reqwest", "sqlx", "gstreamer"]),
    (
        "weir-protocol",
        &["tokio", "axum", "reqwest", "web-sys", "sqlx"],
    ),
    ("weir-web", &["tokio", "axum", "sqlx", "str0m", "gstreamer"]),
];

fn dependencies(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.clone())
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let members: BTreeSet<String> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        if name == "weir" {
            continue;
        }
        let Some(allowed) = allowed.get(name) else {
            wrong.push(format!("{name} has no line in ALLOWED"));
            continue;
        };
        for dependency in dependencies(package).intersection(&members) {
            if !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_do_not_know_what_is_not_theirs() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    for (name, forbidden) in FORBIDDEN {
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == *name)
            .unwrap_or_else(|| panic!("{name} is not in the workspace"));
        let found: Vec<_> = dependencies(package)
            .into_iter()
            .filter(|dependency| forbidden.contains(&dependency.as_str()))
            .collect();
        assert!(found.is_empty(), "{name} must not depend on {found:?}");
    }
}
