//! Clients that are slow, break off, or only come to sit there: they are told, they are ended, and
//! others don't notice.

mod common;

use common::authority::Authority;
use common::{ASNS, Product, Wire, claim};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

const BRISK: &str = "[http]\nheader_timeout = 'PT0.5S'\nbody_timeout = 'PT0.5S'\nidle_timeout = 'PT1.5S'\n";

#[test]
fn a_header_that_trickles_in_is_ended_with_408() {
    let product = Product::start(BRISK);
    let begun = Instant::now();
    let mut wire = product.connect();
    for byte in product.header("PUT", &format!("{ASNS}/x")).bytes() {
        wire.send([byte]);
        std::thread::sleep(Duration::from_millis(20));
        if begun.elapsed() > Duration::from_secs(1) {
            break;
        }
    }
    assert_eq!(wire.reply().expect("an answer").told(), "408 RequestTimeout");
    assert!(wire.closes_within(Duration::from_secs(3)));
    product.holds_nothing();
}

#[test]
fn a_body_that_trickles_in_is_ended_with_408() {
    let product = Product::start(BRISK);
    for announced in ["content-length: 1000", "transfer-encoding: chunked"] {
        let mut wire = product.connect();
        wire.send(format!("{}{announced}\r\n\r\n", product.header("PUT", &format!("{ASNS}/x"))));
        for _ in 0..8 {
            wire.send(if announced.contains("chunked") { "1\r\n \r\n" } else { " " });
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(wire.reply().expect("an answer").told(), "408 RequestTimeout", "{announced}");
        assert!(wire.closes_within(Duration::from_secs(3)));
    }
    product.holds_nothing();
}

#[test]
fn half_a_request_does_nothing() {
    let product = Product::start(BRISK);
    let body = claim();
    let whole = format!(
        "{}content-length: {}\r\n\r\n{body}",
        product.header("PUT", &format!("{ASNS}/x")),
        body.len()
    );
    for cut in [1, 10, 60, whole.len() - body.len() - 1, whole.len() - body.len() + 1, whole.len() - 1] {
        let mut gone = product.connect();
        gone.send(&whole[..cut]);
        drop(gone);
        let mut listening = product.connect();
        listening.send(&whole[..cut]);
        listening.half_close();
        if cut > whole.len() - body.len() {
            assert_eq!(listening.reply().expect("an answer").told(), "400 IncompleteBody", "{cut}");
        }
        assert!(listening.closes_within(Duration::from_secs(3)), "{cut}");
    }
    let chunked = product.header("PUT", &format!("{ASNS}/x")) + "transfer-encoding: chunked\r\n\r\n";
    for broken in
        [format!("{:x}\r\n{}", body.len() + 5, body), "zz\r\n".into(), "fffffffffffffffff\r\n".into()]
    {
        let mut wire = product.connect();
        wire.send(chunked.clone() + &broken);
        wire.half_close();
        assert_eq!(wire.reply().expect("an answer").told(), "400 IncompleteBody", "{broken}");
    }
    product.holds_nothing();
    assert_eq!(product.ask("PUT", &format!("{ASNS}/x"), &body).status, 201);
}

#[test]
fn a_connection_may_rest_between_requests_but_not_for_ever() {
    let product = Product::start(BRISK);
    let mut wire = product.connect();
    for _ in 0..3 {
        wire.send(product.header("GET", ASNS) + "\r\n");
        assert_eq!(wire.reply().expect("an answer").status, 200);
        // Longer than a header may take.
        std::thread::sleep(Duration::from_millis(800));
    }
    assert!(wire.closes_within(Duration::from_secs(3)));
}

#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    let product = Product::start("[http]\nwrite_timeout = 'PT0.5S'\n");
    let mut wire = product.connect();
    wire.0.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    // Requests until every buffer on the way is full of answers.
    let request = product.header("GET", "/api/v1/nothing") + "\r\n";
    let begun = Instant::now();
    let ended = loop {
        if let Err(e) = wire.0.write_all(request.as_bytes()) {
            break e.kind();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the server takes requests without end");
    };
    assert!(matches!(ended, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{ended:?}");
    assert!(product.peak_memory_kib() < 200 * 1024);
}

/// Over HTTP/2 a client can take all that is sent on the connection, pings too, and nothing of its answer.
#[tokio::test]
async fn an_answer_without_a_window_is_given_up_whatever_else_is_taken() {
    let authority = Authority::new("ours");
    let directory = tempfile::tempdir().unwrap();
    authority.issue(directory.path());
    let config = "[tls]\ncertificate = 'server.pem'\nkey = 'server.key'\n[http]\nwrite_timeout = 'PT1S'\n";
    let product = Product::start_in(directory, config);
    let connect = async |window: u32| {
        let socket = tokio::net::TcpStream::connect(product.address).await.unwrap();
        let connector = TlsConnector::from(authority.client(&[b"h2"]));
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
        hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(window)
            .keep_alive_interval(Duration::from_millis(100))
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap()
    };
    let request = || {
        hyper::Request::builder()
            .uri(format!("https://localhost{ASNS}?api-version=2022-10-01"))
            .header("authorization", format!("Bearer {}", product.token))
            .body(axum::body::Body::empty())
            .unwrap()
    };
    let (mut taking, connection) = connect(1 << 16).await;
    let other = tokio::spawn(connection);
    assert_eq!(taking.send_request(request()).await.unwrap().status(), 200);
    let (mut requests, connection) = connect(0).await;
    let connection = tokio::spawn(connection);
    let begun = Instant::now();
    let answer = requests.send_request(request()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1 << 20);
    let body = tokio::time::timeout(Duration::from_secs(10), body).await.expect("an end");
    assert!(body.is_err(), "nothing of it was taken");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    let _ = tokio::time::timeout(Duration::from_secs(5), connection).await.expect("an end");
    assert_eq!(taking.send_request(request()).await.unwrap().status(), 200, "another one stays");
    assert!(!other.is_finished());
}

#[test]
fn thousands_that_only_sit_there_give_way_to_one_that_asks() {
    let product = Product::start("[http]\nmax_connections = 50\n");
    let before = product.open_files();
    let mut first = product.connect();
    first.send(product.header("GET", ASNS) + "\r\n");
    assert_eq!(first.reply().expect("an answer").status, 200);
    let mut idle: VecDeque<Wire> = VecDeque::new();
    for n in 0..3000 {
        let mut wire = product.connect();
        if n % 2 == 0 {
            wire.send("GET / HTTP/1.1\r\nhost: a\r\nx: ");
        }
        idle.push_back(wire);
        // No more at a time than a shell's usual limit of open files lets this process have.
        if idle.len() > 700 {
            idle.pop_front();
        }
    }
    assert_eq!(product.ask("GET", ASNS, "").status, 200);
    assert!(product.open_files() <= before + 60, "{} files", product.open_files());
    assert!(product.peak_memory_kib() < 200 * 1024, "{} KiB", product.peak_memory_kib());
    assert_eq!(product.ask("PUT", &format!("{ASNS}/x"), &claim()).status, 201);
}

#[test]
fn when_all_are_busy_a_newcomer_is_told_to_come_back() {
    let product = Product::start("[http]\nmax_connections = 4\nbody_timeout = 'PT2S'\n");
    let mut busy: Vec<Wire> = (0..4)
        .map(|_| {
            let mut wire = product.connect();
            wire.send(product.header("PUT", &format!("{ASNS}/x")) + "content-length: 10\r\n\r\n{");
            wire
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let refused = product.ask("GET", ASNS, "");
    assert_eq!((refused.told().as_str(), refused.field("retry-after")), ("503 ServerBusy", Some("1")));
    for wire in &mut busy {
        assert_eq!(wire.reply().expect("an answer").told(), "408 RequestTimeout");
    }
    product.holds_nothing();
}

#[test]
fn a_stop_lets_what_is_being_answered_finish_and_waits_for_nobody_else() {
    let mut product = Product::start("");
    let body = claim();
    let mut idle = product.connect();
    idle.send(product.header("GET", ASNS) + "\r\n");
    assert_eq!(idle.reply().expect("an answer").status, 200);
    let mut writing = product.connect();
    writing.send(format!(
        "{}content-length: {}\r\n\r\n",
        product.header("PUT", &format!("{ASNS}/x")),
        body.len()
    ));
    std::thread::sleep(Duration::from_millis(200));
    let finishing = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        writing.send(&body);
        writing.reply()
    });
    assert!(product.stop() < Duration::from_secs(4));
    assert_eq!(finishing.join().unwrap().expect("an answer").status, 201);
    assert!(idle.closes_within(Duration::from_secs(1)));
}
