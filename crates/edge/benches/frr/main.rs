//! What real FRRs make of our configuration: a router loaded with 1,000 sessions and one more on it; a
//! session whose peer brings 20,000 routes. On each FRR version that is driven. Runs itself in
//! namespaces of its own and needs root. Prints a table and adds the figures to
//! `target/figures/bench.jsonl`.
//!
//! Names of parts (`load`, `gate`) and versions as arguments measure those only.

#[path = "../../tests/common/mod.rs"]
#[allow(unused_macros)]
mod common;
mod gate;
mod load;

use anyhow::Context;
use common::net::{Node, sh};
use meetme_figures::Figures;
use std::path::Path;
use std::process::Command;

/// Set inside: what is measured there, and on which version.
const INSIDE: &str = "MEETME_EDGE_BENCH_INSIDE";
const PARTS: [&str; 2] = ["load", "gate"];
/// The versions, each with the name that its figures begin with.
const VERSIONS: [(&str, &str); 2] = [("8.4", "frr"), ("10.3", "frr_10_3")];

fn main() -> anyhow::Result<()> {
    if let Ok(inside) = std::env::var(INSIDE) {
        let (part, version) = inside.split_once(' ').unwrap_or_default();
        return measure(part, version);
    }
    let only: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |word: &str, words: &[&str]| {
        let mut named = only.iter().filter(|o| words.contains(&o.as_str())).peekable();
        named.peek().is_none() || named.any(|o| o == word)
    };
    for (version, _) in VERSIONS.iter().filter(|(v, _)| wanted(v, &VERSIONS.map(|(v, _)| v))) {
        for part in PARTS.iter().filter(|p| wanted(p, &PARTS)) {
            let status = Command::new("unshare")
                .args(["-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc"])
                .arg(std::env::current_exe()?)
                .env(INSIDE, format!("{part} {version}"))
                .status()?;
            anyhow::ensure!(status.success(), "{part} of FRR {version} failed; its output is above");
        }
    }
    Ok(())
}

fn measure(part: &str, version: &str) -> anyhow::Result<()> {
    sh("ip link set lo up");
    // Where mgmtd has its sockets, whatever it is told.
    sh("mkdir -p /run/frr && mount -t tmpfs -o mode=755 bench-frr /run/frr && chown frr:frr /run/frr");
    let prefix = VERSIONS.iter().find(|(v, _)| *v == version).map_or("frr", |(_, prefix)| *prefix);
    let mut figures = Figures::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match part {
            "load" => load::measure(version, prefix, &mut figures).await,
            _ => gate::measure(version, prefix, &mut figures).await,
        }
    })?;
    print!("{}", figures.table());
    figures.record()
}

/// Processor time that a daemon has taken, in seconds: user and system, in ticks of a hundredth.
pub fn cpu_s(node: &Node, daemon: &str) -> anyhow::Result<f64> {
    let pid = std::fs::read_to_string(node.path(&format!("{daemon}.pid")))?;
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"))?;
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("stat names its program")?.1.split_whitespace().collect();
    let ticks = |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("stat is short")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
