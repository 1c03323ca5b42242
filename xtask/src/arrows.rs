//! Which crate may use which: the arrows of `docs/ARCHITECTURE.md`, and what each crate never does, told by the
//! crates it may not depend on.
//!
//! Only what ends up in the product counts (normal and build dependencies): tests may look further. It reads
//! `cargo metadata`, never the sources.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

const HERE: &str = "xtask/src/arrows.rs";

/// Each crate of the workspace with those of the workspace that it may use. Keep in step with
/// `docs/ARCHITECTURE.md`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("meetme-model", &[]),
    ("meetme-seal", &[]),
    ("meetme-store", &["meetme-model", "meetme-seal"]),
    ("meetme-edge", &["meetme-model", "meetme-seal"]),
    ("meetme-control", &["meetme-store", "meetme-model"]),
    ("meetme-api", &["meetme-store", "meetme-model"]),
    ("meetme-portal", &["meetme-store", "meetme-model"]),
    ("meetme-client", &[]),
    (
        "meetme",
        &[
            "meetme-model",
            "meetme-store",
            "meetme-edge",
            "meetme-control",
            "meetme-api",
            "meetme-portal",
            "meetme-client",
        ],
    ),
    ("meetme-lab", &[]),
    ("meetme-figures", &[]),
    ("meetme-journey", &["meetme-client", "meetme-figures", "meetme-lab"]),
    ("xtask", &[]),
];

/// Crates from outside that a crate must not use, and what would be broken if it did.
const NEVER: &[(&str, &[&str], &str)] = &[
    (
        "meetme-model",
        &["tokio", "sqlx", "axum", "reqwest", "lettre", "rand", "tracing"],
        "the model has no I/O, no async, no clock and no randomness",
    ),
    ("meetme-edge", &["sqlx", "axum", "reqwest", "lettre"], "an edge knows no SQL and no HTTP API"),
    ("meetme-control", &["sqlx", "axum"], "SQL is the store's and the HTTP API is the api's"),
    ("meetme-api", &["sqlx"], "SQL is the store's"),
    ("meetme-portal", &["sqlx", "reqwest"], "pages ask the API in their own process, and SQL is the store's"),
    ("meetme-store", &["axum", "reqwest", "lettre"], "the store speaks to the database only"),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
    /// Present where the dependency is a directory, that is one of ours.
    path: Option<String>,
}

/// Every dependency of the workspace at `root` that isn't allowed.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("starting cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let metadata = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    Ok(findings(&metadata))
}

fn findings(metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for package in &metadata.packages {
        let user = package.name.as_str();
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == user) else {
            found.push(format!(
                "{user}: no arrows are written for this crate: add it to ALLOWED in {HERE} and to docs/ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if dependency.kind.as_deref() == Some("dev") {
                continue;
            }
            let used = dependency.name.as_str();
            if dependency.path.is_some() {
                if !allowed.contains(&used) {
                    found.push(format!(
                        "{user} → {used}: this arrow isn't allowed; {user} may use {}. The arrows are written in \
                         {HERE} and docs/ARCHITECTURE.md",
                        if allowed.is_empty() { "no crate of ours".to_owned() } else { allowed.join(", ") }
                    ));
                }
            } else if let Some((_, _, why)) =
                NEVER.iter().find(|(name, banned, _)| *name == user && banned.contains(&used))
            {
                found.push(format!("{user} → {used}: {why} (NEVER in {HERE})"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Vec<String> {
        findings(&serde_json::from_str(json).expect("test metadata"))
    }

    #[test]
    fn an_arrow_that_is_not_written_is_named_with_where_the_written_ones_are() {
        let found = of(r#"{"packages":[{"name":"meetme-edge","dependencies":[
            {"name":"meetme-model","kind":null,"path":"/x"},{"name":"meetme-store","kind":null,"path":"/x"}]}]}"#);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("meetme-edge → meetme-store"));
        assert!(found[0].contains("may use meetme-model") && found[0].contains(HERE));
    }

    #[test]
    fn a_test_dependency_may_go_further_and_a_build_dependency_may_not() {
        let found = of(r#"{"packages":[{"name":"meetme-client","dependencies":[
            {"name":"meetme-lab","kind":"dev","path":"/x"},{"name":"meetme-api","kind":"build","path":"/x"}]}]}"#);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("meetme-client → meetme-api"));
    }

    #[test]
    fn a_crate_from_outside_that_breaks_an_invariant_is_told_with_the_invariant() {
        let found = of(r#"{"packages":[{"name":"meetme-model","dependencies":[
            {"name":"tokio","kind":null,"path":null},{"name":"serde","kind":null,"path":null}]}]}"#);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("no async"));
    }

    #[test]
    fn a_crate_without_written_arrows_is_told() {
        let found = of(r#"{"packages":[{"name":"meetme-new","dependencies":[]}]}"#);
        assert!(found[0].contains("no arrows"), "{found:?}");
    }

    #[test]
    fn the_written_arrows_have_no_cycle() {
        fn depth(name: &str, seen: &mut Vec<String>) {
            assert!(!seen.contains(&name.to_owned()), "cycle: {seen:?} → {name}");
            seen.push(name.to_owned());
            let (_, used) = ALLOWED.iter().find(|(n, _)| *n == name).expect("an arrow's end is a crate");
            used.iter().for_each(|next| depth(next, seen));
            seen.pop();
        }
        ALLOWED.iter().for_each(|(name, _)| depth(name, &mut Vec::new()));
    }
}
