//! `meetme serve`: API, reconcilers and the links of the edges in one process.

use crate::config::Config;
use anyhow::Context;
use meetme_api::{ApiState, EdgeFuture};
use meetme_control::{Links, Worker};
use meetme_edge::agent::{Agent, AgentConfig};
use meetme_store::Store;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

/// Bytes in flight between the control plane and an edge inside it.
const PIPE_BYTES: usize = 1 << 20;

/// Serves until a signal ends it. Nothing needs to be saved then: what counts is committed.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let store = config.store().await?;
    let links = Links::new(store.clone());
    let worker = Worker::new(store.clone(), links.clone(), config.control())?;
    let api = ApiState {
        store: store.clone(),
        queries: queries(links.clone()),
        settings: meetme_api::Settings { external_url: config.external_url.clone(), ..Default::default() },
    };
    let listener = listen(config.listen).await?;
    info!("API on http://{}", config.listen);
    if let Some(address) = config.metrics_listen {
        let listener = listen(address).await?;
        info!("metrics on http://{address}/metrics");
        let router = meetme_api::metrics_router(store.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    if let Some(path) = &config.edge_socket {
        let listener = edge_listener(path)?;
        tokio::spawn(accept_edges(listener, links.clone()));
    }
    embed_edges(config, &store, &links).await?;
    tokio::spawn(links.mark_absent_at_start());
    let working = tokio::spawn(worker.run());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        served = axum::serve(listener, meetme_api::router(api)) => served.context("the API stopped")?,
        worked = working => worked.context("the reconcilers stopped")?,
        _ = terminate.recv() => info!("told to stop"),
        _ = interrupt.recv() => info!("told to stop"),
    }
    store.close().await;
    Ok(())
}

/// Live questions go through the links.
fn queries(links: Arc<Links>) -> meetme_api::EdgeQueries {
    Arc::new(move |router, query| -> EdgeFuture {
        let links = links.clone();
        Box::pin(async move { links.query(&router, query).await })
    })
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}; is it taken?"))
}

/// A socket that only its owner reaches. One left behind by a killed process is taken over; one
/// that answers is somebody else's.
fn edge_listener(path: &Path) -> anyhow::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    if path.exists() {
        anyhow::ensure!(
            std::os::unix::net::UnixStream::connect(path).is_err(),
            "another control plane already listens on {}",
            path.display()
        );
        std::fs::remove_file(path)
            .with_context(|| format!("can't replace the stale socket {}", path.display()))?;
    }
    let listener = UnixListener::bind(path).with_context(|| format!("can't listen on {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept_edges(listener: UnixListener, links: Arc<Links>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(links.clone().serve(stream));
            }
            Err(e) => {
                warn!("an edge couldn't be accepted: {e}");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

/// Edges inside this process speak over a pipe in memory what others speak over a socket.
async fn embed_edges(config: &Config, store: &Store, links: &Arc<Links>) -> anyhow::Result<()> {
    if config.embedded_edges.is_empty() {
        return Ok(());
    }
    let inventory = meetme_store::inventory_get(&mut store.read().await?).await?;
    let (_, inventory) = inventory.context(
        "embedded_edges is set and there is no inventory; apply one with `meetme inventory apply FILE` first",
    )?;
    for name in &config.embedded_edges {
        let site =
            inventory.site(name).with_context(|| format!("embedded_edges: there is no site '{name}'"))?;
        let bmp_listen =
            site.bmp.with_context(|| format!("site '{name}' has no bmp address in the inventory"))?;
        let links = links.clone();
        let agent = Agent::new(AgentConfig { site: name.clone(), bmp_listen });
        let name = name.clone();
        tokio::spawn(async move {
            let connect = || {
                let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
                tokio::spawn(links.clone().serve(ours));
                async move { Ok(theirs) }
            };
            if let Err(e) = agent.run(connect).await {
                error!(site = name, "the embedded edge stopped: {e}");
            }
        });
    }
    Ok(())
}
