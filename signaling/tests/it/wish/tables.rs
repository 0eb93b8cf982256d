//! The tables of conformance are true: each test that they name is there.

use std::{fs, path::Path};

/// How the first lines of the tables begin.
const HEADS: [&str; 2] = ["| Section", "| Client"];

/// The sources of all tests, and the names of the files that hold tests in browsers.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "target" | "node_modules" | ".git") {
            sources(&path, text);
        } else if name.ends_with(".rs") {
            *text += &fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn every_test_in_the_tables_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut text = String::new();
    for folder in ["signaling", "sfu", "tests", "turn"] {
        sources(&root.join(folder), &mut text);
    }
    for (document, least) in [
        ("docs/WHIP.md", 40),
        ("docs/WHEP.md", 40),
        ("docs/CLIENTS.md", 12),
    ] {
        let table = fs::read_to_string(root.join(document)).unwrap();
        let rows: Vec<Vec<&str>> = table
            .lines()
            .filter(|line| {
                line.starts_with("| ") && !HEADS.iter().any(|head| line.starts_with(head))
            })
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert!(rows.len() >= least, "{document} has {} rows", rows.len());
        for row in rows {
            assert_eq!(row.len(), 5, "{document}: {row:?}");
            let names: Vec<&str> = row[4].split('`').skip(1).step_by(2).collect();
            // What no test shows is said so in words.
            assert!(!names.is_empty() || row[4] == "—", "{document}: {row:?}");
            for name in names {
                let exists = match name.contains('/') {
                    true => root.join(name).is_file(),
                    false => text.contains(&format!("fn {name}(")),
                };
                assert!(exists, "{document} names {name}, which is not there");
            }
        }
    }
}
