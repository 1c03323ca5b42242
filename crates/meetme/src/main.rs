//! `meetme`: the product's one binary. Wires the crates together and parses the command line;
//! every rule and every decision is in a library.

mod approve;
mod config;
mod edge;
mod inventory;
mod serve;
mod server;
mod token;

use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// The self-hosted Internet peering platform.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    /// Configuration file.
    #[arg(long, short, global = true, env = "MEETME_CONFIG", default_value = "meetme.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the control plane: API, reconcilers, and the links of the edges.
    Serve,
    /// Run the edge of one site.
    Edge(edge::EdgeArguments),
    /// Create, list and revoke API tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Apply and show the inventory.
    #[command(subcommand)]
    Inventory(inventory::InventoryCommand),
    /// Decide what waits for a decision.
    #[command(subcommand)]
    Approve(approve::ApproveCommand),
    /// Show what waits for a decision, oldest first.
    Queue(approve::Server),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    log.with_ansi(std::io::stderr().is_terminal()).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("meetme: can't start: {e}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("meetme: {e:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Serve => serve::serve(&config::load(&arguments.config)?).await,
        Command::Edge(edge) => edge::edge(edge).await,
        Command::Token(command) => token::run(&config::load(&arguments.config)?, command).await,
        Command::Inventory(command) => inventory::run(&config::load(&arguments.config)?, command).await,
        Command::Approve(command) => approve::approve(command).await,
        Command::Queue(server) => approve::queue(server).await,
    }
}
