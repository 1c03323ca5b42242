//! The responder on every host: sends each probe packet back and records which ones came, so that losses on the way
//! there and on the way back can be told apart. It answers nothing but the lab's own packets.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// UDP port of the responder.
pub const PORT: u16 = 5004;
/// DSCP EF (RFC 3246) as a type-of-service byte: the class of voice media.
pub const TOS_EF: u32 = 0xb8;
/// Probes that are remembered; the oldest is forgotten first.
const PROBES_MAX: usize = 64;
/// Ranges that are kept of one flow; one more is made by each lost or reordered packet.
const RANGES_MAX: usize = 100_000;
/// What a probe's packet starts with; the last byte is 'P' for probes and 'T' for traces, which aren't recorded.
const MAGIC: &[u8; 7] = b"MEETME1";
/// Size of a probe's packet: magic, probe, flow, sequence number, filled up to a G.711 packet of 20 ms.
pub(crate) const PACKET_BYTES: usize = 172;

/// Sequence numbers that came, as inclusive ranges in order of arrival, for each flow.
pub type Record = BTreeMap<u32, Vec<(u64, u64)>>;

/// What identifies a probe packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The probe.
    pub probe: u64,
    /// The flow within it.
    pub flow: u32,
    /// Sequence number within the flow.
    pub sequence: u64,
}

impl Header {
    /// A whole packet.
    pub(crate) fn packet(&self) -> [u8; PACKET_BYTES] {
        let mut packet = [0; PACKET_BYTES];
        packet[..7].copy_from_slice(MAGIC);
        packet[7] = b'P';
        packet[8..16].copy_from_slice(&self.probe.to_be_bytes());
        packet[16..20].copy_from_slice(&self.flow.to_be_bytes());
        packet[20..28].copy_from_slice(&self.sequence.to_be_bytes());
        packet
    }

    /// Reads a packet; `None` when it isn't a probe's.
    pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
        if packet.get(..7)? != MAGIC || *packet.get(7)? != b'P' {
            return None;
        }
        Some(Header {
            probe: u64::from_be_bytes(packet.get(8..16)?.try_into().ok()?),
            flow: u32::from_be_bytes(packet.get(16..20)?.try_into().ok()?),
            sequence: u64::from_be_bytes(packet.get(20..28)?.try_into().ok()?),
        })
    }
}

/// The start of a trace's packet, which the responder returns and doesn't record.
pub(crate) fn trace_payload(bytes: usize) -> Vec<u8> {
    let mut payload = vec![0; bytes.max(8)];
    payload[..7].copy_from_slice(MAGIC);
    payload[7] = b'T';
    payload
}

#[derive(Debug, Default)]
struct Records {
    by_probe: BTreeMap<u64, Record>,
    order: VecDeque<u64>,
}

impl Records {
    fn note(&mut self, header: Header) {
        if !self.by_probe.contains_key(&header.probe) {
            self.order.push_back(header.probe);
            if self.order.len() > PROBES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_probe.remove(&oldest);
            }
        }
        let ranges = self.by_probe.entry(header.probe).or_default().entry(header.flow).or_default();
        let count = ranges.len();
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == header.sequence => *end = header.sequence,
            _ if count < RANGES_MAX => ranges.push((header.sequence, header.sequence)),
            _ => {}
        }
    }
}

/// Answers for ever; records are asked for on the unix socket.
pub fn serve(port: u16, record_socket: &Path) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
    socket2::SockRef::from(&socket).set_tos_v4(TOS_EF)?;
    let records = Arc::new(Mutex::new(Records::default()));
    let _ = std::fs::remove_file(record_socket);
    let listener = UnixListener::bind(record_socket)?;
    let shared = records.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // An asker that goes away has nothing to be told.
            let _ = tell(stream, &shared);
        }
    });
    let mut buffer = [0; 2048];
    loop {
        // An ICMP error of an earlier answer is reported by the next call; it concerns that answer only.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let packet = &buffer[..length];
        if !packet.starts_with(MAGIC) {
            continue;
        }
        if let Some(header) = Header::parse(packet) {
            records.lock().unwrap_or_else(|e| e.into_inner()).note(header);
        }
        let _ = socket.send_to(packet, from);
    }
}

fn tell(mut stream: UnixStream, records: &Mutex<Records>) -> anyhow::Result<()> {
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    let probe: u64 = line.trim().parse()?;
    let record =
        records.lock().unwrap_or_else(|e| e.into_inner()).by_probe.get(&probe).cloned().unwrap_or_default();
    Ok(stream.write_all(serde_json::to_string(&record)?.as_bytes())?)
}

/// Asks a responder for its record of a probe.
pub(crate) fn ask(record_socket: &Path, probe: u64) -> anyhow::Result<Record> {
    let mut stream = UnixStream::connect(record_socket)?;
    stream.write_all(format!("{probe}\n").as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    Ok(serde_json::from_reader(stream)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_as_it_was_written_and_others_are_not_ours() {
        let header = Header { probe: 7, flow: 1, sequence: 1 << 40 };
        assert_eq!(Header::parse(&header.packet()), Some(header));
        assert_eq!(Header::parse(&trace_payload(64)), None);
        assert_eq!(Header::parse(b"MEETME1P"), None);
        assert_eq!(Header::parse(b""), None);
    }

    #[test]
    fn packets_that_came_are_kept_as_ranges_and_old_probes_are_forgotten() {
        let mut records = Records::default();
        for sequence in [0, 1, 2, 5, 6, 4] {
            records.note(Header { probe: 1, flow: 0, sequence });
        }
        assert_eq!(records.by_probe[&1][&0], [(0, 2), (5, 6), (4, 4)]);
        for probe in 2..=(PROBES_MAX as u64 + 1) {
            records.note(Header { probe, flow: 0, sequence: 0 });
        }
        assert!(!records.by_probe.contains_key(&1));
        assert_eq!(records.by_probe.len(), PROBES_MAX);
    }

    #[test]
    fn a_responder_returns_packets_and_tells_which_came() {
        let dir = tempfile::tempdir().unwrap();
        let record = dir.path().join("echo.sock");
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = record.clone();
        std::thread::spawn(move || serve(port, &path));
        while !record.exists() {
            std::thread::yield_now();
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let packet = Header { probe: 9, flow: 2, sequence: 3 }.packet();
        let mut buffer = [0; 2048];
        socket.send_to(&packet, ("127.0.0.1", port)).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..length], packet);
        assert_eq!(ask(&record, 9).unwrap()[&2], [(3, 3)]);
        assert!(ask(&record, 10).unwrap().is_empty());
    }
}
