//! `meetme-figures`: prints what `make run` and `make bench` measured last as README's tables, and fails when a bound
//! doesn't hold or a figure is missing. Measures nothing.

use meetme_figures::{Figures, readme, root};
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let measured = root()?.join("target/figures");
    let run = Figures::read(&measured.join("run.jsonl"))?;
    let bench = Figures::read(&measured.join("bench.jsonl"))?;
    let filled = readme::readme(&run, &bench);
    print!("{}", filled.text);
    for wrong in &filled.wrong {
        eprintln!("meetme-figures: {wrong}");
    }
    Ok(if filled.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
