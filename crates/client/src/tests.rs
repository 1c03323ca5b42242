//! The client against a server of raw bytes on loopback.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one canned answer per connection, and gives back the request heads that it saw.
async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut seen = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                let mut buffer = [0; 4096];
                let n = socket.read(&mut buffer).await.unwrap();
                head.extend_from_slice(&buffer[..n]);
            }
            seen.push(String::from_utf8(head).unwrap());
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        seen
    });
    (base, task)
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nx-ms-request-id: r1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn an_arm_error_keeps_every_detail() {
    let body = r#"{"error":{"code":"InvalidRequest","message":"2 rules","details":[
        {"code":"A","message":"a","target":"properties.a"},{"code":"B","message":"b"}]}}"#;
    let (base, task) = server(vec![answer("400 Bad Request", body)]).await;
    let client = Client::new(base, "secret").unwrap();
    let error = client.put("/subscriptions/s/providers/p", &Value::Null).await.unwrap_err();
    let failure = error.api().unwrap();
    assert_eq!((failure.status, failure.request_id.as_deref()), (400, Some("r1")));
    assert!(failure.has_code("A") && failure.has_code("InvalidRequest"));
    assert_eq!(failure.violations().len(), 2);
    assert!(error.to_string().contains("[properties.a]"), "{error}");
    let head = task.await.unwrap().remove(0).to_ascii_lowercase();
    assert!(head.contains("authorization: bearer secret"), "{head}");
    assert!(head.contains("?api-version=2022-10-01"), "{head}");
}

#[tokio::test]
async fn a_list_follows_its_next_links_on_the_same_server_only() {
    let second = answer("200 OK", r#"{"value":[2],"nextLink":"http://127.0.0.1:1/x"}"#);
    let (base, task) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let first =
            answer("200 OK", &format!(r#"{{"value":[1],"nextLink":"{base}/api/v1/mails?$skipToken=a"}}"#));
        let task = tokio::spawn(async move {
            let mut heads = Vec::new();
            for body in [first, second] {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let n = socket.read(&mut buffer).await.unwrap();
                heads.push(String::from_utf8_lossy(&buffer[..n]).into_owned());
                socket.write_all(body.as_bytes()).await.unwrap();
            }
            heads
        });
        (base, task)
    };
    let client = Client::new(base, "t").unwrap();
    let error = client.list("/api/v1/mails").await.unwrap_err();
    assert!(matches!(error, ClientError::OtherServer { .. }), "{error}");
    let heads = task.await.unwrap();
    assert!(heads[1].contains("skipToken=a"), "{}", heads[1]);
}

#[tokio::test]
async fn a_missing_resource_is_none_and_an_answer_that_is_no_json_is_told() {
    let (base, _task) = server(vec![
        answer("404 Not Found", r#"{"error":{"code":"NotFound","message":"m"}}"#),
        answer("502 Bad Gateway", "<html>oops"),
    ])
    .await;
    let client = Client::new(base, "t").unwrap();
    assert!(client.find("/api/v1/x").await.unwrap().is_none());
    let error = client.find("/api/v1/x").await.unwrap_err();
    assert_eq!(error.status(), Some(502));
    assert!(error.to_string().contains("<html>oops"), "{error}");
}

#[test]
fn names_cannot_lead_elsewhere() {
    let resources = Resources::new("s", "rg");
    assert!(resources.peering("../x?y").ends_with("/peerings/..%2Fx%3Fy"));
    assert_eq!(Operator::router_diff("ams1-er1"), "/api/v1/routers/ams1-er1/diff");
}

#[tokio::test]
async fn a_decision_is_sent_with_the_tag_of_what_was_read_just_before() {
    let tagged = answer("200 OK", "{}").replace("x-ms-request-id: r1", "ETag: \"7.0~ASN=64510\"");
    let (base, task) = server(vec![tagged, answer("200 OK", "{}")]).await;
    let paths = Resources::new("s", "");
    let client = Client::new(base, "t").unwrap();
    let body = serde_json::json!({ "reason": "proved" });
    client.decide(&paths.peer_asn_checks("tel"), &paths.decide_peer_asn("tel", true), &body).await.unwrap();
    let heads = task.await.unwrap();
    assert!(heads[0].starts_with("GET /api/v1/subscriptions/s/peerAsns/tel/checks "), "{}", heads[0]);
    assert!(heads[1].starts_with("POST /api/v1/subscriptions/s/peerAsns/tel/approve "), "{}", heads[1]);
    assert!(heads[1].contains("if-match: \"7.0~ASN=64510\""), "{}", heads[1]);
}
