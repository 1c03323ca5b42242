//! The checkout that is measured: where it is, and which commit. Changes nothing in it.

use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of the checkout, from the working directory upwards.
///
/// # Errors
/// Outside a checkout.
pub fn root() -> anyhow::Result<PathBuf> {
    let start = std::env::current_dir()?;
    let found = start.ancestors().find(|d| d.join("Cargo.lock").is_file());
    found.map(Path::to_path_buf).context("there is no Cargo.lock here or above; run this inside the checkout")
}

/// The commit that is checked out at `root`, with `+changes` when files differ from it; `unknown` where
/// git can't tell, as in an unpacked archive.
pub fn commit(root: &Path) -> String {
    let describe = ["describe", "--always", "--exclude=*", "--abbrev=10", "--dirty=+changes"];
    let said = Command::new("git").arg("-C").arg(root).args(describe).output();
    let told = said.ok().filter(|o| o.status.success());
    told.map_or_else(|| "unknown".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(root: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=n", "-c", "user.email=n@example.invalid"];
        let output = Command::new("git").arg("-C").arg(root).args(identity).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn a_change_that_isnt_committed_is_told_beside_the_commit() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::write(root.join("file"), "as committed").unwrap();
        git(root, &["init", "-q"]);
        git(root, &["add", "file"]);
        git(root, &["commit", "-q", "-m", "one"]);
        let clean = commit(root);
        assert!(clean.len() >= 10 && clean.chars().all(|c| c.is_ascii_hexdigit()), "{clean}");
        std::fs::write(root.join("file"), "changed").unwrap();
        assert_eq!(commit(root), format!("{clean}+changes"));
    }

    #[test]
    fn what_is_no_repository_has_no_known_commit() {
        assert_eq!(commit(tempfile::tempdir().unwrap().path()), "unknown");
    }
}
