//! The sender of a probe: numbered UDP packets with DSCP EF at a fixed pace, and which of them came back. It prints
//! one JSON line for each line on its input, and the final one when told to stop.

use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::echo::{self, Header, Record, TOS_EF};
use crate::faults::now_ms;
use crate::proto::{FlowResult, GAPS_MAX, Gap, Losses, ProbeResult};

/// A packet that hasn't come back after this long is lost.
const LOST_AFTER: Duration = Duration::from_millis(400);
/// Packets of one flow after which a probe stops by itself.
const PACKETS_MAX: usize = 2_000_000;
/// Round trip of a packet that hasn't come back.
const NEVER: u32 = u32::MAX;

/// What to send where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The responder's address.
    pub to: SocketAddr,
    /// Time between two packets of a flow.
    pub interval: Duration,
    /// One flow for each source port.
    pub source_ports: Vec<u16>,
    /// The responder's record.
    pub record: PathBuf,
}

/// Times of one flow's packets, in microseconds: sent since the start, and round trip.
#[derive(Debug, Default)]
struct Flow {
    sent_us: Vec<u64>,
    rtt_us: Vec<u32>,
}

#[derive(Debug)]
struct Shared {
    flows: Vec<Mutex<Flow>>,
    start: Instant,
    start_ms: u64,
    stop: AtomicBool,
}

impl Shared {
    fn flow(&self, index: usize) -> MutexGuard<'_, Flow> {
        self.flows[index].lock().unwrap_or_else(|e| e.into_inner())
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

/// Sends until its input ends or says `stop`; each other line is answered with the figures so far.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let probe = now_ms() << 20 | u64::from(std::process::id() & 0xf_ffff);
    let shared = Arc::new(Shared {
        flows: options.source_ports.iter().map(|_| Mutex::default()).collect(),
        start: Instant::now(),
        start_ms: now_ms(),
        stop: AtomicBool::new(false),
    });
    let mut sockets = Vec::new();
    for (index, port) in options.source_ports.iter().enumerate() {
        let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, *port))?;
        socket2::SockRef::from(&socket).set_tos_v4(TOS_EF)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let (receiver, shared) = (socket.try_clone()?, shared.clone());
        std::thread::spawn(move || receive(&receiver, probe, index, &shared));
        sockets.push(socket);
    }
    let (sender, to, interval) = (shared.clone(), options.to, options.interval);
    let sending = std::thread::spawn(move || send(&sockets, to, interval, probe, &sender));
    for line in std::io::stdin().lock().lines() {
        if line?.trim() == "stop" {
            break;
        }
        print(&result(options, &shared, LOST_AFTER, None))?;
    }
    shared.stop.store(true, Ordering::Relaxed);
    let _ = sending.join();
    std::thread::sleep(LOST_AFTER);
    let record = echo::ask(&options.record, probe).ok();
    print(&result(options, &shared, Duration::ZERO, record.as_ref()))
}

fn print(result: &ProbeResult) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(result)?)?;
    Ok(out.flush()?)
}

fn send(sockets: &[UdpSocket], to: SocketAddr, interval: Duration, probe: u64, shared: &Shared) {
    for sequence in 0..PACKETS_MAX {
        let due = shared.start + interval * sequence as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        for (index, socket) in sockets.iter().enumerate() {
            {
                let mut flow = shared.flow(index);
                flow.sent_us.push(shared.now_us());
                flow.rtt_us.push(NEVER);
            }
            // No route, or an ICMP error of an earlier packet: lost like any other.
            let _ =
                socket.send_to(&Header { probe, flow: index as u32, sequence: sequence as u64 }.packet(), to);
        }
    }
}

fn receive(socket: &UdpSocket, probe: u64, index: usize, shared: &Shared) {
    let mut buffer = [0; 2048];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let Some(header) = Header::parse(&buffer[..length]).filter(|header| header.probe == probe) else {
            continue;
        };
        let now = shared.now_us();
        let mut flow = shared.flow(index);
        let at = header.sequence as usize;
        if let Some(sent) = flow.sent_us.get(at).copied()
            && flow.rtt_us[at] == NEVER
        {
            flow.rtt_us[at] = (now - sent).min(u64::from(NEVER - 1)) as u32;
        }
    }
}

fn result(options: &Options, shared: &Shared, under_way: Duration, record: Option<&Record>) -> ProbeResult {
    let horizon = shared.now_us().saturating_sub(under_way.as_micros() as u64);
    let mut rtts = Vec::new();
    let mut flows = Vec::new();
    for (index, port) in options.source_ports.iter().enumerate() {
        let flow = shared.flow(index);
        let counted = flow.sent_us.partition_point(|sent| *sent <= horizon);
        let sent_us = &flow.sent_us[..counted];
        let came: Vec<u32> = flow.rtt_us[..counted].iter().copied().filter(|rtt| *rtt != NEVER).collect();
        let forward = record.map_or_else(Losses::default, |record| {
            let arrived = arrivals(counted, record.get(&(index as u32)).map_or(&[], Vec::as_slice));
            losses(sent_us, |at| arrived[at], shared.start_ms)
        });
        flows.push(FlowResult {
            source_port: *port,
            sent: counted as u64,
            received: came.len() as u64,
            round_trip: losses(sent_us, |at| flow.rtt_us[at] != NEVER, shared.start_ms),
            forward,
        });
        rtts.extend(came);
    }
    rtts.sort_unstable();
    ProbeResult {
        sent: flows.iter().map(|flow| flow.sent).sum(),
        received: flows.iter().map(|flow| flow.received).sum(),
        rtt_p50_us: percentile(&rtts, 50),
        rtt_p99_us: percentile(&rtts, 99),
        round_trip: together(flows.iter().map(|flow| &flow.round_trip)),
        forward: if record.is_some() {
            together(flows.iter().map(|flow| &flow.forward))
        } else {
            Losses::default()
        },
        flows,
    }
}

fn percentile(sorted: &[u32], percent: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().map_or(0, u64::from)
}

fn arrivals(count: usize, ranges: &[(u64, u64)]) -> Vec<bool> {
    let mut arrived = vec![false; count];
    for (first, last) in ranges {
        for at in *first..=(*last).min(count.saturating_sub(1) as u64) {
            if let Some(slot) = arrived.get_mut(at as usize) {
                *slot = true;
            }
        }
    }
    arrived
}

/// Gaps between packets that arrived, by the times when they were sent.
fn losses(sent_us: &[u64], arrived: impl Fn(usize) -> bool, start_ms: u64) -> Losses {
    let mut losses = Losses { recovered: true, ..Losses::default() };
    let Some(first) = sent_us.first() else {
        return losses;
    };
    let mut last_good = *first;
    let mut run = 0;
    let close = |losses: &mut Losses, from: u64, to: u64, run: u64| {
        let gap = Gap { began_ms: start_ms + from / 1000, length_ms: (to - from) as f64 / 1000.0, lost: run };
        losses.lost += run;
        if gap.length_ms > losses.longest_gap_ms {
            losses.longest_gap_ms = gap.length_ms;
            losses.longest_gap_began_ms = gap.began_ms;
        }
        if losses.gaps.len() < GAPS_MAX {
            losses.gaps.push(gap);
        }
    };
    for (at, sent) in sent_us.iter().enumerate() {
        if !arrived(at) {
            run += 1;
            continue;
        }
        if run > 0 {
            close(&mut losses, last_good, *sent, run);
        }
        (last_good, run) = (*sent, 0);
    }
    if run > 0 {
        close(&mut losses, last_good, sent_us.last().copied().unwrap_or(last_good), run);
        losses.recovered = false;
    }
    losses
}

/// Losses of several flows as one: the longest gap of any, all gaps by time.
fn together<'a>(flows: impl Iterator<Item = &'a Losses>) -> Losses {
    let mut all = Losses { recovered: true, ..Losses::default() };
    for losses in flows {
        all.lost += losses.lost;
        all.recovered &= losses.recovered;
        if losses.longest_gap_ms > all.longest_gap_ms {
            all.longest_gap_ms = losses.longest_gap_ms;
            all.longest_gap_began_ms = losses.longest_gap_began_ms;
        }
        all.gaps.extend(losses.gaps.iter().cloned());
    }
    all.gaps.sort_by_key(|gap| gap.began_ms);
    all.gaps.truncate(GAPS_MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_5_ms(count: u64) -> Vec<u64> {
        (0..count).map(|n| n * 5000).collect()
    }

    #[test]
    fn without_loss_there_is_no_gap() {
        let seen = losses(&every_5_ms(100), |_| true, 1000);
        assert_eq!(seen, Losses { recovered: true, ..Losses::default() });
    }

    #[test]
    fn a_gap_lasts_from_the_last_good_packet_to_the_next_good_one() {
        let seen = losses(&every_5_ms(100), |at| !(10..20).contains(&at) && at != 50, 1000);
        assert_eq!(seen.lost, 11);
        assert_eq!(seen.longest_gap_ms, 55.0);
        assert_eq!(seen.longest_gap_began_ms, 1045);
        assert_eq!(seen.gaps.iter().map(|gap| gap.lost).collect::<Vec<_>>(), [10, 1]);
        assert!(seen.recovered);
    }

    #[test]
    fn a_gap_at_the_end_never_recovered() {
        let seen = losses(&every_5_ms(100), |at| at < 60, 0);
        assert!(!seen.recovered);
        assert_eq!(seen.longest_gap_ms, 200.0);
    }

    #[test]
    fn nothing_arriving_at_all_is_one_gap() {
        let seen = losses(&every_5_ms(3), |_| false, 0);
        assert_eq!((seen.lost, seen.longest_gap_ms, seen.recovered), (3, 10.0, false));
    }

    #[test]
    fn ranges_beyond_what_was_sent_are_ignored() {
        assert_eq!(arrivals(3, &[(1, 9)]), [false, true, true]);
        assert!(arrivals(0, &[(0, 5)]).is_empty());
    }

    #[test]
    fn flows_together_have_the_longest_gap_of_any() {
        let a = losses(&every_5_ms(10), |at| at != 3, 0);
        let b = losses(&every_5_ms(10), |at| !(5..7).contains(&at), 0);
        let all = together([&a, &b].into_iter());
        assert_eq!((all.lost, all.longest_gap_ms, all.gaps.len()), (3, 15.0, 2));
    }
}
