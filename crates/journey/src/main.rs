//! `meetme-journey`: runs the demonstration (`run`), the whole-system benchmarks (`bench`), and
//! takes down what `run` left up (`down`).

use clap::{Parser, Subcommand};
use meetme_journey::run::run;
use meetme_journey::world::Options;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A provider's journey from ASN to optimized routing, on real routers.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where the lab and the product keep their state.
    #[arg(long, global = true, default_value = ".meetme")]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring everything up and show the journey; leaves it up to explore, unless ONCE=1 is set.
    Run,
    /// Print the whole-system figures.
    Bench {
        /// How often a silent link is broken.
        #[arg(long, default_value_t = 20)]
        runs: u32,
    },
    /// End what `run` left up.
    Down,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            match arguments.command {
                Command::Run => {
                    let once = std::env::var("ONCE").is_ok_and(|v| v == "1");
                    let figures = Path::new("target/figures/run.jsonl");
                    run(&arguments.state, Options::default(), once, Some(figures)).await
                }
                Command::Bench { runs } => meetme_journey::bench::bench(&arguments.state, runs).await,
                Command::Down => meetme_journey::world::down(&arguments.state).await,
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("meetme-journey: {e:#}");
            ExitCode::FAILURE
        }
    }
}
