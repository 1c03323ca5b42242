//! HTTPS with a certificate authority of our own: both versions of HTTP, what is spoken wrongly, and
//! a certificate that is replaced while the product runs.

mod common;

use common::authority::Authority;
use common::{ASNS, Product};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::KeyPair;
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

const CONFIG: &str = "[tls]\ncertificate = 'server.pem'\nkey = 'server.key'\n\n\
                      [http]\nhandshake_timeout = 'PT0.5S'\nidle_timeout = 'PT2S'\n";

fn start(authority: &Authority) -> Product {
    let directory = tempfile::tempdir().unwrap();
    authority.issue(directory.path());
    Product::start_in(directory, CONFIG)
}

#[test]
fn a_client_that_knows_the_authority_reads_and_one_that_does_not_gets_nothing() {
    let authority = Authority::new("ours");
    let product = start(&authority);
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(authority.read(&product, name).unwrap().status, 200, "{name}");
    }
    assert!(authority.read(&product, "elsewhere.example").is_err());
    assert!(Authority::new("other").read(&product, "localhost").is_err());
    assert_eq!(authority.read(&product, "localhost").unwrap().status, 200);
}

#[tokio::test]
async fn http_2_is_spoken_with_those_who_ask_for_it() {
    let authority = Authority::new("ours");
    let product = start(&authority);
    let socket = tokio::net::TcpStream::connect(product.address).await.unwrap();
    let connector = TlsConnector::from(authority.client(&[b"h2", b"http/1.1"]));
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |method: &str, path: String, body: String| {
        hyper::Request::builder()
            .method(method)
            .uri(format!("https://peering.example:8971{path}?api-version=2022-10-01"))
            .header("authorization", format!("Bearer {}", product.token))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body))
            .unwrap()
    };
    let mut ask = async |request| {
        let response = requests.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(axum::body::Body::new(response.into_body()), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    // More than a page, so that there is a link back.
    for n in 0..3 {
        let asn = common::claim_of(&(64_500 + 8 + n).to_string()).replace("Contoso", &format!("Contoso {n}"));
        let (status, body) = ask(request("PUT", format!("{ASNS}/x{n}"), asn)).await;
        assert_eq!(status, 201, "{body}");
    }
    assert_eq!(ask(request("GET", format!("{ASNS}/x2"), String::new())).await.0, 200);
    let (status, body) = ask(request("PUT", format!("{ASNS}/y"), " ".repeat(2 << 20))).await;
    assert_eq!(status, 413, "{body}");
    assert_eq!(ask(request("TRACE", ASNS.into(), String::new())).await.0, 405);
    // One that rests is ended in the proper way.
    let ended = tokio::time::timeout(Duration::from_secs(10), connection).await.expect("an end");
    ended.unwrap().unwrap();
}

#[test]
fn the_command_line_trusts_the_authorities_that_it_is_given() {
    let authority = Authority::new("ours");
    let product = start(&authority);
    let (_, token) = product.command(&["token", "create", "--role", "operator", "--name", "ann"]);
    let file = |name: &str, text: &str| {
        std::fs::write(product.file(name), text).unwrap();
        product.file(name).display().to_string()
    };
    let server = format!("https://127.0.0.1:{}", product.address.port());
    let queue =
        |ca: &str| product.command(&["queue", "--server", &server, "--token", &token, "--ca-file", ca]);
    let (ours, other) = (file("ours.pem", authority.pem()), file("other.pem", Authority::new("other").pem()));
    assert_eq!(queue(&ours), (true, "Nothing waits for a decision.".into()));
    let (done, said) = queue(&other);
    assert!(!done && said.contains("no answer from"), "{said}");
    let (done, said) = queue(&file("none.pem", "nothing"));
    assert!(!done && said.contains("has no certificate"), "{said}");
    let (done, said) = product.command(&["queue", "--server", &server, "--token", &token]);
    assert!(!done && !said.contains("Nothing waits"), "the machine doesn't know it: {said}");
}

#[test]
fn this_machine_may_be_served_in_plain_besides_and_no_other() {
    let authority = Authority::new("ours");
    let directory = tempfile::tempdir().unwrap();
    authority.issue(directory.path());
    let mut product = Product::start_in(directory, &format!("local_listen = '127.0.0.1:0'\n{CONFIG}"));
    assert_eq!(authority.read(&product, "localhost").unwrap().status, 200);
    let line = product.logged("for this machine on http://");
    product.address = line.rsplit_once('/').unwrap().1.trim().parse().unwrap();
    assert_eq!(product.ask("GET", ASNS, "").status, 200);
    let told = refused_at_start(&format!("local_listen = '0.0.0.0:0'\n{CONFIG}"));
    assert!(told.contains("local_listen: 0.0.0.0:0 is reached from other machines"), "{told}");
}

#[test]
fn what_is_no_tls_does_not_hurt() {
    let authority = Authority::new("ours");
    let product = start(&authority);
    let mut plain = product.connect();
    plain.send(product.header("GET", ASNS) + "\r\n");
    assert_eq!(plain.reply().expect("an answer").told(), "400 TlsRequired");
    assert!(plain.closes_within(Duration::from_secs(2)));
    let tls_like = [&[0x16, 3, 1, 2, 0, 1, 0, 1][..], &[0xff; 600]].concat();
    for noise in [&b"\x00\x00\x00\x00"[..], b"\x16\x03\x01\xff\xff", b"\x80\x2e\x01\x00\x02", &tls_like] {
        let mut wire = product.connect();
        wire.send(noise);
        wire.half_close();
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut wire.0, &mut rest);
        assert!(rest.len() < 64, "{noise:?}: {rest:?}");
    }
    // Neither a client that says nothing nor one that begins and stops.
    for begun in [&b""[..], b"\x16\x03\x01"] {
        let mut wire = product.connect();
        wire.send(begun);
        assert!(wire.closes_within(Duration::from_secs(3)), "{begun:?}");
    }
    assert_eq!(authority.read(&product, "localhost").unwrap().status, 200);
}

#[test]
fn a_new_certificate_is_in_force_without_a_restart_and_a_broken_one_is_not() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let product = start(&old);
    assert_eq!(old.read(&product, "localhost").unwrap().status, 200);
    for broken in ["", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        std::fs::write(product.file("server.pem"), broken).unwrap();
        product.logged("the last one stays in force");
        assert_eq!(old.read(&product, "localhost").unwrap().status, 200);
    }
    // A certificate whose key isn't there yet, then both.
    new.issue(product.directory.path());
    let key = std::fs::read(product.file("server.key")).unwrap();
    std::fs::write(product.file("server.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    product.logged("don't belong together");
    assert_eq!(old.read(&product, "localhost").unwrap().status, 200);
    std::fs::write(product.file("server.key"), key).unwrap();
    product.logged("is in force");
    assert_eq!(new.read(&product, "localhost").unwrap().status, 200);
    assert!(old.read(&product, "localhost").is_err());
}

#[test]
fn a_certificate_that_does_not_hold_is_told_at_the_start() {
    let other = "[tls]\ncertificate = 'server.pem'\nkey = 'meetme.toml'\n";
    let told = refused_at_start(other);
    assert!(told.contains("tls.key: there is no private key in meetme.toml"), "{told}");
    let told = refused_at_start("[tls]\ncertificate = 'nothing.pem'\nkey = 'server.key'\n");
    assert!(told.contains("can't read nothing.pem"), "{told}");
}

/// What `meetme serve` says when it doesn't start.
fn refused_at_start(configuration: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    Authority::new("ours").issue(directory.path());
    let config = format!("listen = '127.0.0.1:0'\n{configuration}");
    std::fs::write(directory.path().join("meetme.toml"), config).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_meetme"))
        .arg("serve")
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}
