//! The product under measurement: one `meetme serve` on a free port of loopback, with a directory and an edge socket
//! of its own.

use anyhow::{Context, ensure};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running `meetme serve`; ends when it is dropped.
pub struct Product {
    process: Child,
    log: PathBuf,
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
        // A caller's share is bounded; here few callers ask for everything that there is.
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
        let mut product = Self { process, log, address, edge_socket };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            let alive = product.process.try_wait()?.is_none();
            ensure!(alive && Instant::now() < until, "the product doesn't listen: {}", product.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(product)
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

    /// The end of its log.
    pub fn said(&self) -> String {
        const LINES: usize = 8;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
