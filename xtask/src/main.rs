//! `cargo xtask check`: what people forget and a program can see.
//!
//! Each check returns all its findings; they are printed together and the exit code tells whether there are any.
//! Nothing here changes a file. `--fast` leaves out what has to compile or start another tool.

mod arrows;
mod code;
mod files;
mod tools;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask check [--fast]";

fn main() -> anyhow::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let fast = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["check"] => false,
        ["check", "--fast"] => true,
        _ => {
            eprintln!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's root");

    let mut findings = arrows::check(root)?;
    findings.extend(files::check(root)?);
    if !fast {
        findings.extend(tools::check(root));
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("check: nothing found");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("check: {} found", findings.len());
    Ok(ExitCode::FAILURE)
}
