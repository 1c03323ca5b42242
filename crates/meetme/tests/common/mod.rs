//! A `meetme serve` of one's own on a free port, and sockets to speak to it byte by byte. Knows the
//! product from outside only: its command line, its configuration file, and what it answers.
#![allow(dead_code)] // Each test file uses its part.

pub mod authority;

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where the peer's claims are.
pub const ASNS: &str = "/subscriptions/sub-a/providers/Microsoft.Peering/peerAsns";
const VERSION: &str = "api-version=2022-10-01";
const PATIENCE: Duration = Duration::from_secs(20);

/// The product; ended when dropped.
pub struct Product {
    pub address: SocketAddr,
    pub token: String,
    pub directory: TempDir,
    child: Child,
    log: Receiver<String>,
}

impl Product {
    /// Starts it with more lines of configuration. Files it names may be in [`Product::files`].
    pub fn start(configuration: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), configuration)
    }

    /// Starts it in a directory that is there already.
    pub fn start_in(directory: TempDir, configuration: &str) -> Self {
        let here = directory.path().display();
        let whole = format!(
            "listen = '127.0.0.1:0'\ndatabase = 'sqlite:{here}/meetme.db'\nseal_key = '{here}/seal.key'\n{configuration}\n"
        );
        fs::write(directory.path().join("meetme.toml"), whole).unwrap();
        let inventory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs/default/inventory.toml");
        run(meetme(directory.path()).args(["inventory", "apply"]).arg(inventory));
        let token = run(meetme(directory.path()).args([
            "token",
            "create",
            "--role",
            "peer",
            "--subscription",
            "sub-a",
            "--name",
            "contoso",
        ]));
        let mut child = meetme(directory.path()).arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let (tell, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut product = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: token.trim().to_owned(),
            directory,
            child,
            log,
        };
        let line = product.logged("API on http");
        product.address = line.rsplit_once('/').unwrap().1.trim().parse().unwrap();
        product
    }

    /// What its binary says to these arguments, and whether it succeeds.
    pub fn command(&self, arguments: &[&str]) -> (bool, String) {
        let output = meetme(self.directory.path()).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap().trim().to_owned())
    }

    /// A file beside the configuration.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits for a line of the log with this in it.
    pub fn logged(&self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.log.recv_timeout(left) else { panic!("'{part}' wasn't logged: {seen:#?}") };
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
    }

    /// A connection.
    pub fn connect(&self) -> Wire {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Wire(stream)
    }

    /// A request's header with a good token, without the blank line that ends it.
    pub fn header(&self, method: &str, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        format!(
            "{method} {path}{sign}{VERSION} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n",
            self.address, self.token
        )
    }

    /// A whole request and its answer, on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let mut wire = self.connect();
        wire.send(format!("{}content-length: {}\r\n\r\n{body}", self.header(method, path), body.len()));
        wire.reply().expect("an answer")
    }

    /// Nothing of what was sent is there.
    pub fn holds_nothing(&self) {
        for path in [ASNS, "/subscriptions/sub-a/providers/Microsoft.Peering/peerings"] {
            let reply = self.ask("GET", path, "");
            assert_eq!((reply.status, reply.json()["value"].clone()), (200, Value::Array(vec![])), "{path}");
        }
    }

    /// File descriptors that the process has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Most memory that the process ever had, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Tells it to stop, and how long that takes.
    pub fn stop(&mut self) -> Duration {
        let begun = Instant::now();
        run(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()));
        assert!(self.child.wait().unwrap().success());
        begun.elapsed()
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn meetme(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meetme"));
    command.arg("--config").arg(directory.join("meetme.toml")).current_dir(directory);
    command.env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A connection without any HTTP client's manners.
pub struct Wire(pub TcpStream);

impl Wire {
    /// Sends bytes; a server that is gone already doesn't matter here.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// Nothing more will be sent.
    pub fn half_close(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer; `None` when the connection ends instead.
    pub fn reply(&mut self) -> Option<Reply> {
        read_reply(&mut self.0)
    }

    /// True when the server closes it within `patience`, without another byte.
    pub fn closes_within(&mut self, patience: Duration) -> bool {
        self.0.set_read_timeout(Some(patience)).unwrap();
        let mut one = [0];
        match self.0.read(&mut one) {
            Ok(n) => n == 0,
            Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub header: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The error's code; empty when the server's parser refused it without a body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or("").to_owned()
    }

    /// `status code`.
    pub fn told(&self) -> String {
        format!("{} {}", self.status, self.code())
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).is_some();
        self.header.lines().find(|l| of(l)).and_then(|l| l.split_once(':')).map(|(_, v)| v.trim())
    }
}

/// Reads one answer.
pub fn read_reply(stream: &mut impl Read) -> Option<Reply> {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut one = [0];
        match stream.read(&mut one) {
            Ok(1) => header.push(one[0]),
            _ => return None,
        }
    }
    let header = String::from_utf8(header).unwrap();
    let status = header.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, header, body: Vec::new() };
    let length = reply.field("content-length").map_or(0, |l| l.parse().unwrap());
    reply.body = vec![0; length];
    stream.read_exact(&mut reply.body).ok()?;
    Some(reply)
}

/// A claim that would be accepted.
pub fn claim() -> String {
    claim_of("64510")
}

/// A claim to an ASN, as it is written.
pub fn claim_of(asn: &str) -> String {
    format!(
        r#"{{"properties":{{"peerAsn":{asn},"peerName":"Contoso","peerContactDetail":[{{"role":"Noc","email":"noc@contoso.example","phone":"+31 20 555 0100"}}]}}}}"#
    )
}
