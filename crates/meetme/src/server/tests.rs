//! Bounds as they are written, and the server with something else than the API behind it.

use super::*;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::post;
use meetme_api::Scheme;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn read(text: &str) -> Result<Bounds, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn what_is_left_out_keeps_its_default_and_nothing_is_zero() {
    assert_eq!(read("").unwrap(), Bounds::default());
    let set = read("max_connections = 7\nidle_timeout = 'PT0.5S'").unwrap();
    assert_eq!((set.max_connections, set.idle_timeout), (7, Duration::from_millis(500)));
    for (text, told) in [
        ("max_connections = 0", "max_connections"),
        ("header_timeout = 'PT0S'", "header_timeout"),
        ("write_timeout = '-PT1S'", "write_timeout"),
        ("idle_timout = 'PT1S'", "idle_timout"),
    ] {
        assert!(read(text).unwrap_err().to_string().contains(told), "{text}");
    }
}

/// A server of something that reads whatever it gets, without a limit of its own.
async fn server(bounds: Bounds) -> (std::net::SocketAddr, watch::Sender<bool>) {
    let read = post(async |request: Request| {
        let scheme = request.extensions().get::<Scheme>().map_or("none", |s| s.name());
        match axum::body::to_bytes(request.into_body(), usize::MAX).await {
            Ok(bytes) => format!("{scheme} {}", bytes.len()).into_response(),
            Err(e) => (hyper::StatusCode::BAD_REQUEST, e.to_string()).into_response(),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, stop) = watch::channel(false);
    tokio::spawn(serve(listener, Router::new().route("/", read), None, bounds, stop));
    (address, tell)
}

async fn ask(address: std::net::SocketAddr, rest: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{rest}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_handler_learns_how_it_was_reached_and_never_waits_for_ever_for_a_body() {
    let (address, _tell) =
        server(Bounds { body_timeout: Duration::from_millis(100), ..Bounds::default() }).await;
    assert!(ask(address, "content-length: 3\r\n\r\nabc").await.ends_with("\r\n\r\nhttp 3"));
    let begun = Instant::now();
    let answer = ask(address, "content-length: 4\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("took too long"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_takes_nobody_any_more() {
    let (address, tell) = server(Bounds::default()).await;
    assert!(ask(address, "content-length: 0\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    tell.send_replace(true);
    let until = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < until, "it still listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
