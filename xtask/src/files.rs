//! What every Rust file of the workspace has to keep to: a heading that says what it is for, a length that can be
//! read, no leftovers, and in the model neither clock nor randomness.
//!
//! Reads the files under `crates/` and `xtask/`, and the reviewed list of long ones. Compiles nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;

use crate::code::{code_only, has_word};

const LONG_LINES: usize = 500;
/// Files that may be longer, one per line: path, colon, reason.
const REVIEWED: &str = "xtask/long-files.txt";

const LEFTOVERS: &[&str] = &["dbg!", "todo!", "unimplemented!"];
const CLOCK_OR_CHANCE: &[&str] = &[
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant::now",
    "rand::",
    "getrandom",
    "thread_rng",
    "new_v4",
    "now_v7",
];

/// Every finding in the Rust files of the workspace at `root`.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    for top in ["crates", "xtask"] {
        rust_files(&root.join(top), &mut paths).with_context(|| format!("listing {top}"))?;
    }
    paths.sort();
    let list = fs::read_to_string(root.join(REVIEWED)).unwrap_or_default();
    let (reviewed, mut found) = reviewed_list(&list);
    let mut still_long = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        found.extend(findings(&name, &text));
        let lines = text.lines().count();
        if lines > LONG_LINES {
            if !reviewed.contains_key(name.as_str()) {
                found.push(format!(
                    "{name}: {lines} lines, more than {LONG_LINES}: divide it by what it does, or write its reason \
                     into {REVIEWED}"
                ));
            }
            still_long.push(name);
        }
    }
    for name in reviewed.keys().filter(|name| !still_long.iter().any(|long| long == *name)) {
        found.push(format!("{REVIEWED}: {name} is gone or short again: remove its line"));
    }
    Ok(found)
}

/// The reviewed list by path, and a finding for each line that gives no reason.
fn reviewed_list(text: &str) -> (BTreeMap<&str, &str>, Vec<String>) {
    let mut reviewed = BTreeMap::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(':').map(|(path, reason)| (path.trim(), reason.trim())) {
            Some((path, reason)) if !reason.is_empty() => {
                reviewed.insert(path, reason);
            }
            _ => found.push(format!("{REVIEWED}: `{line}` has no reason: write `path: reason`")),
        }
    }
    (reviewed, found)
}

/// Findings in one file, by what its text says.
fn findings(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if first.strip_prefix("//!").is_none_or(|doc| doc.trim().is_empty()) {
        found.push(format!(
            "{name}:1: opens without `//!`: say what this module is for and what it never does"
        ));
    }
    let in_model = name.starts_with("crates/model/");
    for (index, line) in code_only(text).lines().enumerate() {
        let at = index + 1;
        for word in LEFTOVERS.iter().filter(|word| has_word(line, word)) {
            found.push(format!("{name}:{at}: `{word}` is left over"));
        }
        for word in CLOCK_OR_CHANCE.iter().filter(|word| in_model && has_word(line, word)) {
            found.push(format!(
                "{name}:{at}: `{word}`: the model has neither clock nor randomness: take `now` and ids as arguments"
            ));
        }
    }
    found
}

fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                rust_files(&path, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_module_docs_is_told() {
        assert!(findings("crates/x/src/a.rs", "//! Does a thing.\nfn a() {}\n").is_empty());
        assert!(findings("crates/x/src/a.rs", "\n\n//! After blank lines.\n").is_empty());
        for text in
            ["", "// No.\n", "/// Of an item.\nfn a() {}\n", "//!\nfn a() {}\n", "use b;\n//! Late.\n"]
        {
            assert_eq!(findings("crates/x/src/a.rs", text).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn leftovers_are_told_by_line_and_only_where_they_are_code() {
        let text = "//! Never todo!().\nfn a() {\n    todo!()\n}\nconst B: &str = \"dbg!\";\n";
        assert_eq!(findings("xtask/src/a.rs", text), ["xtask/src/a.rs:3: `todo!` is left over"]);
    }

    #[test]
    fn a_clock_is_refused_in_the_model_only() {
        let text = "//! Has no clock.\nfn a() -> Timestamp { Timestamp::now() }\n";
        assert_eq!(findings("crates/model/src/a.rs", text).len(), 1);
        assert!(findings("crates/control/src/a.rs", text).is_empty());
    }

    #[test]
    fn a_long_file_is_told_unless_reviewed_with_a_reason() {
        let root = std::env::temp_dir().join(format!("meetme-xtask-{}", std::process::id()));
        let source = root.join("crates/a/src");
        fs::create_dir_all(&source).expect("test directory");
        fs::create_dir_all(root.join("xtask")).expect("test directory");
        fs::write(source.join("a.rs"), format!("//! Long.\n{}", "\n".repeat(LONG_LINES))).expect("test file");
        let told = check(&root).expect("check");
        fs::write(root.join(REVIEWED), "# list\ncrates/a/src/a.rs: a table\ncrates/b.rs: was long\nc.rs:\n")
            .expect("test file");
        let reviewed = check(&root).expect("check");
        fs::remove_dir_all(&root).expect("test directory");
        assert!(told.len() == 1 && told[0].contains("501 lines"), "{told:?}");
        assert_eq!(reviewed.len(), 2, "{reviewed:?}");
        assert!(
            reviewed[0].contains("no reason") && reviewed[1].contains("crates/b.rs is gone"),
            "{reviewed:?}"
        );
    }
}
