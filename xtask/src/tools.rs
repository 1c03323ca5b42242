//! The checks that other tools make: formatting, lints, and licences with sources where cargo-deny is installed.
//!
//! A tool's own output goes to the terminal as it comes; here it is only whether the tool was content.

use std::path::Path;
use std::process::{Command, Stdio};

const FMT: &[&str] = &["fmt", "--all", "--check"];
const CLIPPY: &[&str] = &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
const DENY: &[&str] = &["deny", "--log-level", "warn", "check", "bans", "licenses", "sources"];

/// Every tool that wasn't content with the workspace at `root`.
pub fn check(root: &Path) -> Vec<String> {
    let mut tools = vec![FMT, CLIPPY];
    if is_installed("deny") {
        tools.push(DENY);
    } else {
        println!("check: cargo-deny isn't installed: licences and sources weren't checked (deny.toml)");
    }
    tools.into_iter().filter_map(|args| run(root, args)).collect()
}

fn run(root: &Path, args: &[&str]) -> Option<String> {
    let command = format!("cargo {}", args.join(" "));
    match Command::new(env!("CARGO")).args(args).current_dir(root).status() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("`{command}` isn't content ({status}): see its output above")),
        Err(error) => Some(format!("`{command}` could not be started: {error}")),
    }
}

fn is_installed(subcommand: &str) -> bool {
    Command::new(env!("CARGO"))
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
