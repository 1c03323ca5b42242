//! `meetme edge`: the edge of one site, linked to its control plane.

use clap::Args;
use meetme_edge::agent::{Agent, AgentConfig};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args)]
pub struct EdgeArguments {
    /// The site, by its name in the inventory.
    #[arg(long)]
    site: String,
    /// Unix socket of the control plane.
    #[arg(long)]
    connect: PathBuf,
    /// Where routers send BMP: the site's `bmp` address in the inventory.
    #[arg(long)]
    bmp_listen: SocketAddr,
    /// Directory where it keeps, sealed, what its routers should be: it guards their gates from the
    /// start, also while the control plane is away. Made when missing.
    #[arg(long, default_value = "meetme-edge")]
    state_dir: PathBuf,
}

/// Runs the edge until a signal ends it; routers stay as they are.
pub async fn edge(arguments: EdgeArguments) -> anyhow::Result<()> {
    let agent = Agent::new(AgentConfig {
        site: arguments.site,
        bmp_listen: arguments.bmp_listen,
        state_dir: Some(arguments.state_dir),
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let connect = || UnixStream::connect(arguments.connect.clone());
    tokio::select! {
        ended = agent.run(connect) => Ok(ended?),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}
