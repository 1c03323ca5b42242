//! The product under measurement: one `meetme serve` on a free port of loopback, with a directory and an edge socket
//! of its own.

use anyhow::ensure;
use jiff::Timestamp;
use meetme_store::{Store, work_depth};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `meetme serve`; ends when it is dropped.
pub struct Product {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where edges link in.
    pub edge_socket: PathBuf,
}

impl Product {
    /// Starts it on the database `url`, and waits until it listens. Its log is `directory/log`.
    pub fn start(directory: &Path, url: &str) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (config, log) = (directory.join("meetme.toml"), directory.join("log"));
        let edge_socket = directory.join("edge.sock");
        // One person looks at more here than anybody does.
        let rate = "{ per_s = 1000000, burst = 1000000 }";
        std::fs::write(
            &config,
            format!(
                "listen = '{address}'\ndatabase = '{url}'\nseal_key = '{}'\nedge_socket = '{}'\n\
                 [rates]\nreads = {rate}\nwrites = {rate}\nlive = {rate}\nroutes = {rate}\n",
                directory.join("seal.key").display(),
                edge_socket.display()
            ),
        )?;
        let process = Command::new(meetme_journey::world::binary("meetme")?)
            .arg("--config")
            .arg(config)
            .arg("serve")
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .spawn()?;
        let mut product = Self { process, address, edge_socket };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            let alive = product.process.try_wait()?.is_none();
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            ensure!(alive && Instant::now() < until, "the product doesn't listen: {}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(product)
    }

    /// Waits until nothing is left of what it does after a start: it looks at everything once, and
    /// counts edges as absent after a while.
    pub async fn wait_settled(&self, store: &Store) -> anyhow::Result<()> {
        const EDGES_ABSENT: Duration = Duration::from_secs(12);
        tokio::time::sleep(EDGES_ABSENT).await;
        let until = Instant::now() + Duration::from_secs(600);
        loop {
            let left = work_depth(&mut store.read().await?, Timestamp::now()).await?;
            if left == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{left} things are still to be looked at");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
