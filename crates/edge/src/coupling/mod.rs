//! A trial session of the edge's own with a router: BGP with BFD from an address that only the router's own
//! machine has, silenced on BFD alone, to see BGP fall (decision 021).
//!
//! What the router has to be told of it, and that it is taken away again, is the driver's. Here are
//! the sockets; [`trial`] decides, [`bfd`] and [`bgp`] speak.

mod bfd;
mod bgp;
mod trial;

use crate::place::Place;
use bgp::Message;
use meetme_model::coupling::Found;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use trial::{Close, Trial};

/// The edge's end: an address of the loopback network ("MET" behind 127), which every machine has and none routes.
pub const SPEAKER: Ipv4Addr = Ipv4Addr::new(127, 77, 69, 84);
/// BFD interval of the session, in milliseconds.
pub const INTERVAL_MS: u32 = 100;
/// BFD multiplier of the session.
pub const MULTIPLIER: u8 = 3;
/// After so long without a packet the router is to hold the session for down.
const DETECTION: Duration = Duration::from_millis(INTERVAL_MS as u64 * MULTIPLIER as u64);
/// Between packets: within the interval even when a turn is late.
const SENDS_EVERY: Duration = Duration::from_millis(INTERVAL_MS as u64 * 3 / 4);
/// Between attempts at BGP.
const DIALS_EVERY: Duration = Duration::from_millis(200);
/// Our discriminator: any number does.
const DISCRIMINATOR: u32 = 0x4d45_4554;

/// Has a session with the router at `router`, which is configured for one with [`SPEAKER`] as AS `asn`, and falls
/// silent on its BFD.
///
/// # Errors
/// There are no sockets to be had at that place.
pub async fn try_out(place: &Place, router: Ipv4Addr, asn: u16) -> io::Result<Found> {
    let listening = place.udp_socket(SocketAddr::from((SPEAKER, bfd::PORT))).await?;
    let sending = place.udp_socket(SocketAddr::from((SPEAKER, bfd::SOURCE_PORT))).await?;
    let mut session = bfd::Session::new(DISCRIMINATOR, INTERVAL_MS * 1000, MULTIPLIER);
    let mut trial = Trial::new(Instant::now());
    let mut ticks = tokio::time::interval(SENDS_EVERY);
    let mut speaker = Speaker { place, router, asn, stream: None, received: Vec::new(), dialled: None };
    let mut packet = [0; 128];
    loop {
        let mut closed = None;
        tokio::select! {
            heard = listening.recv(&mut packet) => {
                if let Some(packet) = bfd::Packet::read(&packet[..heard?]) {
                    trial.heard(session.take(&packet));
                    if !trial.is_silent() {
                        send(&sending, router, &session.packet(packet.poll), &mut trial).await;
                    }
                }
            }
            message = speaker.next() => match message {
                Ok(Message::Open) => speaker.say(&bgp::keepalive()).await,
                Ok(Message::Keepalive) => trial.established(),
                Ok(Message::Other) => {}
                Ok(Message::Notification { code, subcode }) => {
                    closed = Some(Close::Notification { code, subcode });
                }
                Err(close) => closed = Some(close),
            },
            _ = ticks.tick() => {
                if let Some(found) = trial.tick(Instant::now()) {
                    return Ok(found);
                }
                if !trial.is_silent() {
                    send(&sending, router, &session.packet(false), &mut trial).await;
                    speaker.dial().await?;
                }
            }
        }
        if let Some(close) = closed {
            speaker.stream = None;
            if let Some(found) = trial.closed(close, Instant::now()) {
                return Ok(found);
            }
        }
    }
}

/// Nobody may listen yet: the next one is on its way.
async fn send(socket: &UdpSocket, router: Ipv4Addr, packet: &[u8], trial: &mut Trial) {
    if socket.send_to(packet, SocketAddrV4::new(router, bfd::PORT)).await.is_ok() {
        trial.sent(Instant::now());
    }
}

/// The BGP end.
struct Speaker<'a> {
    place: &'a Place,
    router: Ipv4Addr,
    asn: u16,
    stream: Option<TcpStream>,
    received: Vec<u8>,
    dialled: Option<Instant>,
}

impl Speaker<'_> {
    /// Tries for a connection, now and then, while there is none.
    async fn dial(&mut self) -> io::Result<()> {
        let rests = self.dialled.is_some_and(|at| at.elapsed() < DIALS_EVERY);
        if self.stream.is_some() || rests {
            return Ok(());
        }
        self.dialled = Some(Instant::now());
        self.received.clear();
        let socket = self.place.tcp_socket_from(SPEAKER).await?;
        // A router that isn't ready for it refuses, or hangs up: it is asked again.
        let to = SocketAddr::from((self.router, bgp::PORT));
        if let Ok(Ok(stream)) = tokio::time::timeout(SENDS_EVERY, socket.connect(to)).await {
            self.stream = Some(stream);
            self.say(&bgp::open(self.asn, SPEAKER)).await;
        }
        Ok(())
    }

    async fn say(&mut self, message: &[u8]) {
        if let Some(stream) = &mut self.stream {
            // One that was closed shows when it is read.
            let _ = stream.write_all(message).await;
        }
    }

    /// The next message of the router's. Waits while there is none; `Err`: there will be none any more.
    async fn next(&mut self) -> Result<Message, Close> {
        let Some(stream) = &mut self.stream else { return pending().await };
        loop {
            match bgp::next(&mut self.received) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(()) => return Err(Close::Garbage),
            }
            if stream.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                return Err(Close::HungUp);
            }
        }
    }
}
