//! `meetme serve`: API, reconcilers and the links of the edges in one process.

use crate::config::Config;
use crate::server::{self, Tls};
use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use meetme_api::{ApiState, EdgeFuture};
use meetme_control::{Links, Worker};
use meetme_edge::agent::{Agent, AgentConfig};
use meetme_portal::PortalState;
use meetme_store::Store;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower::ServiceExt;
use tracing::{error, info, warn};

/// Bytes in flight between the control plane and an edge inside it.
const PIPE_BYTES: usize = 1 << 20;

/// Serves until a signal ends it. Nothing needs to be saved then: what counts is committed.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let store = config.store().await?;
    let links = Links::new(store.clone());
    let worker = Worker::new(store.clone(), links.clone(), config.control())?;
    let api = ApiState { store: store.clone(), queries: queries(links.clone()), settings: config.api() };
    let app = pages_and_api(config, store.clone(), meetme_api::router(api));
    let (tell_stop, stop) = watch::channel(false);
    let mut others = Vec::new();
    let listener = listen(config.listen).await?;
    let tls = tls(config, listener.local_addr()?)?;
    if let Some(address) = config.local_listen {
        ensure!(
            address.ip().is_loopback(),
            "local_listen: {address} is reached from other machines, and HTTP isn't encrypted; use 127.0.0.1"
        );
        let listener = listen(address).await?;
        info!("for this machine on http://{}", listener.local_addr()?);
        others.push(tokio::spawn(server::serve(listener, app.clone(), None, config.http, stop.clone())));
    }
    greet(&store, config, listener.local_addr()?).await?;
    if let Some(address) = config.metrics_listen {
        let listener = listen(address).await?;
        info!("metrics on http://{}/metrics", listener.local_addr()?);
        let router = meetme_api::metrics_router(store.clone());
        others.push(tokio::spawn(server::serve(listener, router, None, config.http, stop.clone())));
    }
    if let Some(path) = &config.edge_socket {
        let listener = edge_listener(path)?;
        tokio::spawn(accept_edges(listener, links.clone()));
    }
    embed_edges(config, &store, &links).await?;
    tokio::spawn(links.mark_absent_at_start());
    let working = tokio::spawn(worker.run());
    let mut serving = tokio::spawn(server::serve(listener, app, tls, config.http, stop));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        served = &mut serving => served.context("the API stopped")?,
        worked = working => worked.context("the reconcilers stopped")?,
        _ = terminate.recv() => info!("told to stop"),
        _ = interrupt.recv() => info!("told to stop"),
    }
    tell_stop.send_replace(true);
    if !serving.is_finished() {
        serving.await.context("the API stopped")?;
    }
    for other in others {
        other.await.context("a listener failed")?;
    }
    store.close().await;
    Ok(())
}

/// True for a request that the API answers: by its path, or because a program sends it, with a token.
fn is_for_api(path: &str, headers: &HeaderMap) -> bool {
    meetme_api::is_api_path(path)
        || meetme_api::sends_token(headers) && !meetme_portal::is_from_browser(headers)
}

/// The portal's pages for every request that isn't the API's.
fn pages_and_api(config: &Config, store: Store, api: Router) -> Router {
    let portal = meetme_portal::router(PortalState {
        store,
        api: api.clone(),
        external_url: config.external_url.clone(),
        sends_mail: config.mail.is_some(),
    });
    Router::new().fallback(move |request: Request| {
        let for_api = is_for_api(request.uri().path(), request.headers());
        let app = if for_api { api.clone() } else { portal.clone() };
        app.oneshot(request)
    })
}

/// While nobody can sign in, the first operator's invitation is told at every start.
async fn greet(store: &Store, config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    if let Some(path) = meetme_portal::invite_first_operator(store).await? {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let base = config.external_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        info!("nobody can sign in yet; the first operator opens {}{path}", base.trim_end_matches('/'));
    }
    Ok(())
}

/// The certificate, watched for changes; `None` for plain HTTP, which is fine on this machine only.
fn tls(config: &Config, address: SocketAddr) -> anyhow::Result<Option<Arc<Tls>>> {
    let Some(files) = &config.tls else {
        info!("API on http://{address}");
        if !address.ip().is_loopback() {
            warn!(
                "the API listens beyond this machine without encryption: set tls, or put a TLS proxy in front"
            );
        }
        return Ok(None);
    };
    let tls = Arc::new(Tls::load(files.clone())?);
    info!("API on https://{address}");
    let watched = tls.clone();
    tokio::spawn(async move { watched.watch().await });
    Ok(Some(tls))
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
        let state_dir = Some(config.edge_state.join(name));
        let agent = Agent::new(AgentConfig { site: name.clone(), bmp_listen, state_dir });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_a_token_go_to_the_api_and_browsers_to_pages_whatever_a_proxy_adds() {
        let headers = |all: &[(&'static str, &'static str)]| -> HeaderMap {
            all.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
        };
        let token = ("authorization", "bearer x");
        for (path, sent, is_apis) in [
            ("/", &[][..], false),
            ("/peerings", &[("authorization", "Basic x")], false),
            ("/nothing/here", &[token], true),
            ("/peerings", &[token, ("cookie", "a=b; meetme_session=ms_1")], false),
            ("/sign-in", &[token, ("sec-fetch-mode", "navigate")], false),
            ("/peerings", &[token, ("cookie", "a=b")], true),
            ("/Subscriptions", &[("sec-fetch-mode", "navigate")], true),
            ("/t/oauth2/v2.0/token", &[], true),
        ] {
            assert_eq!(is_for_api(path, &headers(sent)), is_apis, "{path} {sent:?}");
        }
    }
}
