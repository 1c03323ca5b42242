//! The whole station over loopback TCP.

use super::super::{Station, StationEvent, StationRouter};
use super::wire::Update;
use super::{OTHER, PEER, PEER_ASN, ip, p, session, wire};
use meetme_model::link::{RouteFilter, SessionRoutes};
use meetme_model::prefix::Prefix;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

struct Running {
    station: Arc<Station>,
    address: std::net::SocketAddr,
    events: mpsc::Receiver<StationEvent>,
}

async fn running(source: &str) -> Running {
    let (sender, events) = mpsc::channel(16);
    let station = Station::new(sender);
    station.configure_routers(vec![StationRouter { name: "er1".to_owned(), bmp_source: ip(source) }]);
    station.configure_sessions("er1", vec![session("a", PEER, &[]), session("b", OTHER, &[])]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Arc::clone(&station).listen(listener));
    Running { station, address, events }
}

impl Running {
    async fn summary(&mut self, wanted: impl Fn(&SessionRoutes) -> bool) -> SessionRoutes {
        self.event(|event| match event {
            StationEvent::Routes(routes) if wanted(&routes) => Some(routes),
            _ => None,
        })
        .await
    }

    async fn event<T>(&mut self, wanted: impl Fn(StationEvent) -> Option<T>) -> T {
        loop {
            let event = self.events.recv().await.expect("the station runs");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    async fn page(&self, filter: &RouteFilter, after: Option<(Prefix, String)>, limit: u32) -> Page {
        let sessions = ["a", "b"].map(|s| ("er1".to_owned(), s.to_owned()));
        let (rows, next) = self.station.received_routes(&sessions, filter, after, limit).await;
        let rows = rows.into_iter().map(|r| (r.route.prefix, r.session)).collect();
        Page { rows, next }
    }
}

struct Page {
    rows: Vec<(Prefix, String)>,
    next: Option<(Prefix, String)>,
}

async fn dump(stream: &mut TcpStream) {
    let mut bytes = wire::initiation("test");
    for peer in [PEER, OTHER] {
        bytes.extend(wire::peer_up(peer));
        for i in 0..20 {
            let update = Update::new(peer).path(&[PEER_ASN, 64496 + i % 2]);
            bytes.extend(update.announce(&format!("198.19.{i}.0/24")).bmp());
        }
        bytes.extend(wire::end_of_rib(peer));
    }
    stream.write_all(&bytes).await.unwrap();
}

#[tokio::test]
async fn routes_arrive_and_are_told() {
    let mut running = running("127.0.0.1").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    dump(&mut stream).await;
    let a = running.summary(|s| s.session == "a" && s.synced).await;
    assert_eq!(a.received, 20);
    running.summary(|s| s.session == "b" && s.synced).await;
    drop(stream);
    running.event(|e| matches!(e, StationEvent::Disconnected { .. }).then_some(())).await;
    for session in ["a", "b"] {
        let marked = running.summary(|s| s.session == session && s.error.is_some()).await;
        assert!(!marked.synced && marked.received == 20);
    }
    running.station.tell_again();
    running.summary(|s| s.session == "a").await;
    running.summary(|s| s.session == "b").await;
}

#[tokio::test]
async fn a_broken_header_closes_the_connection_and_a_new_one_heals() {
    let mut running = running("127.0.0.1").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    dump(&mut stream).await;
    running.summary(|s| s.session == "b" && s.synced).await;
    stream.write_all(&[3, 0xff, 0xff, 0xff, 0xff, 0]).await.unwrap();
    let marked = running.summary(|s| s.error.is_some()).await;
    assert!(marked.error.unwrap().contains("stream is broken"));
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "closed");

    let mut stream = TcpStream::connect(running.address).await.unwrap();
    dump(&mut stream).await;
    let healed = running.summary(|s| s.session == "b" && s.synced).await;
    assert_eq!((healed.received, healed.error), (20, None));
}

#[tokio::test]
async fn an_unknown_source_is_refused() {
    let running = running("127.0.0.99").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_half_message_does_not_hold_up_another_connection() {
    let mut running = running("127.0.0.1").await;
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(&[3, 0]).await.unwrap();
    running.event(|e| matches!(e, StationEvent::Connected { .. }).then_some(())).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    dump(&mut stream).await;
    running.summary(|s| s.session == "b" && s.synced).await;
}

#[tokio::test]
async fn pages_follow_one_another_in_order_while_routes_change() {
    let mut running = running("127.0.0.1").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    dump(&mut stream).await;
    running.summary(|s| s.session == "b" && s.synced).await;
    let filter = RouteFilter::default();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = running.page(&filter, after, 7).await;
        assert!(page.rows.len() <= 7);
        seen.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 40);
    assert!(seen.windows(2).all(|w| w[0] < w[1]), "{seen:?}");

    let first = running.page(&filter, None, 7).await;
    let cursor = first.next.clone().unwrap();
    assert_eq!(cursor, (p("198.19.3.0/24"), "a".to_owned()));
    let gone = Update::new(PEER).withdraw("198.19.3.0/24").withdraw("198.19.0.0/24");
    let new = Update::new(PEER).path(&[PEER_ASN]).announce("198.19.3.128/25");
    stream.write_all(&[gone.bmp(), new.bmp()].concat()).await.unwrap();
    running.summary(|s| s.session == "a" && s.received == 19).await;
    let second = running.page(&filter, Some(cursor), 3).await.rows;
    let names =
        |rows: &[(Prefix, String)]| -> Vec<String> { rows.iter().map(|(p, s)| format!("{p} {s}")).collect() };
    assert_eq!(names(&second), ["198.19.3.0/24 b", "198.19.3.128/25 a", "198.19.4.0/24 a"]);
}

#[tokio::test]
async fn filters_choose_rows() {
    let mut running = running("127.0.0.1").await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    dump(&mut stream).await;
    running.summary(|s| s.session == "b" && s.synced).await;
    let count = async |filter: RouteFilter| running.page(&filter, None, 100).await.rows.len();
    let path = |text: &str| RouteFilter { as_path: Some(text.to_owned()), ..RouteFilter::default() };
    assert_eq!(count(path("64510 64497")).await, 20);
    assert_eq!(count(path("64497")).await, 20);
    assert_eq!(count(path("64497 64510")).await, 0);
    assert_eq!(count(path("449")).await, 0, "an ASN, not digits of one");
    assert_eq!(count(path("no path")).await, 0);
    let used = |used| RouteFilter { used: Some(used), ..RouteFilter::default() };
    assert_eq!((count(used(true)).await, count(used(false)).await), (0, 40));
    let prefix = RouteFilter { prefix: Some(p("198.19.7.0/24")), ..RouteFilter::default() };
    assert_eq!(count(prefix.clone()).await, 2);
    let page = running.page(&prefix, None, 1).await;
    assert_eq!(page.rows.len(), 1);
    let page = running.page(&prefix, page.next, 1).await;
    assert_eq!((page.rows[0].1.as_str(), page.next), ("b", None));
}
