//! A BGP speaker that says exactly what a test has it say, out of another network namespace.
//!
//! It listens as a peer does, again whenever the session ends: FRR forgets why it refused who dials.
//! Octets go through Python (ExaBGP's), which is what has the socket inside that namespace.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const KEEPALIVE: u8 = 4;

/// IPv4 and IPv6 unicast (RFC 4760).
pub const IPV4: &[u8] = &[1, 4, 0, 1, 0, 1];
pub const IPV6: &[u8] = &[1, 4, 0, 2, 0, 1];
/// Restart time 120 s, forwarding of IPv4 preserved (RFC 4724).
pub const GRACEFUL_RESTART: &[u8] = &[64, 6, 0, 120, 0, 1, 1, 0x80];
/// Sends and receives several paths (RFC 7911).
pub const ADD_PATH: &[u8] = &[69, 4, 0, 1, 1, 3];
/// Provider of the other side (RFC 9234).
pub const PROVIDER: &[u8] = &[9, 1, 0];

/// What it says when a connection begins, first.
#[derive(Clone, Debug)]
pub struct Opening {
    pub asn: u32,
    pub hold_s: u16,
    /// Besides the four-octet ASN.
    pub capabilities: Vec<&'static [u8]>,
}

impl Opening {
    /// As a peer of that ASN should say.
    pub fn of(asn: u32) -> Self {
        Self { asn, hold_s: 90, capabilities: vec![IPV4] }
    }

    fn message(&self) -> Vec<u8> {
        let mut capabilities = vec![65, 4];
        capabilities.extend(self.asn.to_be_bytes());
        capabilities.extend(self.capabilities.concat());
        let length = u8::try_from(capabilities.len()).unwrap();
        let mut body = vec![4];
        body.extend(u16::try_from(self.asn).unwrap().to_be_bytes());
        body.extend(self.hold_s.to_be_bytes());
        body.extend([198, 19, 255, 1, length + 2, 2, length]);
        body.extend(capabilities);
        message(OPEN, &body)
    }
}

/// A route to announce.
#[derive(Clone, Debug)]
pub struct Route {
    pub prefix: [u8; 4],
    pub length: u8,
    pub path: Vec<u32>,
    pub next_hop: [u8; 4],
    pub communities: Vec<(u16, u16)>,
    /// Attributes besides, as they are sent.
    pub extra: Vec<u8>,
}

impl Route {
    fn message(&self) -> Vec<u8> {
        let mut attributes = vec![0x40, 1, 1, 0];
        let path: Vec<u8> = self.path.iter().flat_map(|asn| asn.to_be_bytes()).collect();
        attributes.extend([0x40, 2, u8::try_from(path.len()).unwrap() + 2, 2]);
        attributes.push(u8::try_from(self.path.len()).unwrap());
        attributes.extend(path);
        attributes.extend([0x40, 3, 4]);
        attributes.extend(self.next_hop);
        if !self.communities.is_empty() {
            attributes.extend([0xc0, 8, u8::try_from(self.communities.len() * 4).unwrap()]);
            for (high, low) in &self.communities {
                attributes.extend(high.to_be_bytes());
                attributes.extend(low.to_be_bytes());
            }
        }
        attributes.extend(&self.extra);
        let mut body = vec![0, 0];
        body.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        body.extend(attributes);
        body.push(self.length);
        body.extend(&self.prefix[..usize::from(self.length.div_ceil(8))]);
        message(UPDATE, &body)
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend(u16::try_from(body.len() + 19).unwrap().to_be_bytes());
    out.push(kind);
    out.extend(body);
    out
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Where to write while the session is established.
    line: Mutex<Option<Arc<Mutex<ChildStdin>>>>,
    /// The process group that has the connection.
    group: Mutex<Option<u32>>,
    /// The other side's newest OPEN.
    their_open: Mutex<Vec<u8>>,
}

/// See the module.
pub struct Speaker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Speaker {
    /// Begins to listen at an address of the network namespace of process `pid`.
    pub fn start(pid: u32, at: &'static str, opening: &Opening) -> Self {
        let shared = Arc::new(Shared::default());
        let (own, open) = (shared.clone(), opening.message());
        let thread = std::thread::spawn(move || {
            while !own.stop.load(Ordering::SeqCst) {
                let mut relay = listen(pid, at);
                *own.group.lock().unwrap() = Some(relay.id());
                // Its end is the end of what is read.
                let _ = speak(&mut relay, &open, &own);
                *own.line.lock().unwrap() = None;
                hang_up(&own);
                let _ = relay.wait();
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// Whether its session is established.
    pub fn is_up(&self) -> bool {
        self.shared.line.lock().unwrap().is_some()
    }

    /// Announces a route.
    pub fn announce(&self, route: &Route) {
        let line = self.shared.line.lock().unwrap().clone().expect("the session is established");
        line.lock().unwrap().write_all(&route.message()).unwrap();
    }

    /// A capability's value in the other side's OPEN.
    pub fn their_capability(&self, code: u8) -> Option<Vec<u8>> {
        let open = self.shared.their_open.lock().unwrap();
        let mut parameters = open.get(10..)?;
        while let [2, length, rest @ ..] = parameters {
            let (mut capabilities, after) = rest.split_at(usize::from(*length));
            while let [this, length, rest @ ..] = capabilities {
                let (value, after) = rest.split_at(usize::from(*length));
                if *this == code {
                    return Some(value.to_vec());
                }
                capabilities = after;
            }
            parameters = after;
        }
        None
    }

    /// Dies: the connection is closed without a word.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        hang_up(&self.shared);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const RELAY: &str = "\
import os, socket, sys, threading
listener = socket.create_server((sys.argv[1], 179))
link, _ = listener.accept()
listener.close()
def send():
    while data := os.read(0, 65536):
        link.sendall(data)
threading.Thread(target=send, daemon=True).start()
while data := link.recv(65536):
    os.write(1, data)
";

fn listen(pid: u32, at: &str) -> Child {
    Command::new("nsenter")
        .args(["-n", "-t", &pid.to_string(), "python3", "-c", RELAY, at])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("nsenter (util-linux) is installed")
}

fn hang_up(shared: &Shared) {
    if let Some(group) = shared.group.lock().unwrap().take() {
        let _ = Command::new("kill").args(["-9", "--", &format!("-{group}")]).stderr(Stdio::null()).status();
    }
}

fn speak(relay: &mut Child, open: &[u8], shared: &Shared) -> std::io::Result<()> {
    let (Some(mut input), Some(line)) = (relay.stdout.take(), relay.stdin.take()) else { return Ok(()) };
    let line = Arc::new(Mutex::new(line));
    line.lock().unwrap().write_all(open)?;
    loop {
        let mut header = [0; 19];
        input.read_exact(&mut header)?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        let mut body = vec![0; length.saturating_sub(19)];
        input.read_exact(&mut body)?;
        match header[18] {
            OPEN => *shared.their_open.lock().unwrap() = body,
            KEEPALIVE => *shared.line.lock().unwrap() = Some(line.clone()),
            _ => continue,
        }
        // One for each of theirs is often enough.
        line.lock().unwrap().write_all(&message(KEEPALIVE, &[]))?;
    }
}
