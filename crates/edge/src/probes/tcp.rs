//! A TCP connection, opened and closed.

use super::Answer;
use crate::place::Place;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Longest wait for the answer: long enough for one lost SYN (RFC 6298 §2).
const WAIT: Duration = Duration::from_secs(3);

/// Connects once. Whoever asks for mere reachability counts a refusal as an answer.
pub async fn once(place: &Place, destination: SocketAddr, refusal_answers: bool) -> Answer {
    let socket = match place.tcp_socket(destination.ip()).await {
        Ok(socket) => socket,
        Err(error) => return Answer::Untried(format!("no connection can be made on the router: {error}")),
    };
    let start = Instant::now();
    let connected = tokio::time::timeout(WAIT, socket.connect(destination)).await;
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    let Ok(connected) = connected else {
        return Answer::Missing(format!("no answer within {} s", WAIT.as_secs()));
    };
    match connected {
        Ok(_) => Answer::After(ms),
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused if refusal_answers => Answer::After(ms),
            ErrorKind::ConnectionRefused => Answer::Missing("connection refused".into()),
            ErrorKind::NetworkUnreachable => Answer::Missing("the router has no route to it".into()),
            ErrorKind::HostUnreachable => Answer::Missing("host unreachable".into()),
            _ => Answer::Missing(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meetme_model::inventory::{LagBackend, Management, RouterAccess};
    use std::net::Ipv4Addr;

    fn here() -> Place {
        let loopback = Ipv4Addr::LOCALHOST;
        let lag = LagBackend::Bonding { netns: None };
        let management = Management::Frr { vty_dir: "/x".into(), lag, bmp_source: loopback.into() };
        Place::of(&RouterAccess { router: "er1".into(), loopback, management })
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer_only_to_who_asks_for_reachability() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(matches!(once(&here(), address, false).await, Answer::After(ms) if ms < 1000.0));
        let (_, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);
        drop(listener);
        assert_eq!(once(&here(), address, false).await, Answer::Missing("connection refused".into()));
        assert!(matches!(once(&here(), address, true).await, Answer::After(_)));
    }
}
