//! The product under measurement: one `meetme serve` on a free port of loopback, with a directory of its own.

use anyhow::{Context, ensure};
use jiff::Timestamp;
use meetme_store::{Store, work_depth};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `meetme serve`; ends when it is dropped.
pub struct Product {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Product {
    /// Starts it on the database `url`, and waits until it listens. Its log is `directory/log`.
    pub fn start(directory: &Path, url: &str) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let seal_key = directory.join("seal.key");
        let config = directory.join("meetme.toml");
        // A caller's share is bounded; here few callers ask for everything that there is.
        let rate = format!("{{ per_s = {0}, burst = {0} }}", 1_000_000);
        std::fs::write(
            &config,
            format!(
                "listen = '{address}'\ndatabase = '{url}'\nseal_key = '{}'\n\
                 [rates]\nreads = {rate}\nwrites = {rate}\n",
                seal_key.display()
            ),
        )?;
        let log = directory.join("log");
        let process = Command::new(meetme_journey::world::binary("meetme")?)
            .arg("--config")
            .arg(config)
            .arg("serve")
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .spawn()?;
        let mut product = Self { process, address };
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

    /// Processor time that it used so far, of all its threads.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        const TICKS_PER_S: u64 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
        // proc_pid_stat(5): utime and stime are fields 14 and 15, and the name is the second.
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
