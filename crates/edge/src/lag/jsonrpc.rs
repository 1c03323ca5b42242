//! One question to an Open vSwitch daemon: JSON-RPC 1.0 over its Unix socket (RFC 7047 §4), which
//! costs a reader nothing, unlike a process per look.

use super::LagError;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: usize = 64 << 20;

/// Calls a method and returns its result.
pub async fn call(path: &Path, method: &str, params: Value) -> Result<Value, LagError> {
    let unreachable = |source| LagError::Unreachable { path: path.to_owned(), source };
    let answer = tokio::time::timeout(TIMEOUT, exchange(path, method, params))
        .await
        .map_err(|_| unreachable(std::io::ErrorKind::TimedOut.into()))?
        .map_err(unreachable)?;
    match (&answer["error"], &answer["result"]) {
        (Value::Null, result) => Ok(result.clone()),
        (error, _) => Err(LagError::Answer { path: path.to_owned(), said: error.to_string() }),
    }
}

async fn exchange(path: &Path, method: &str, params: Value) -> std::io::Result<Value> {
    let mut stream = UnixStream::connect(path).await?;
    let request = json!({"id": 0, "method": method, "params": params});
    stream.write_all(request.to_string().as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let values = serde_json::Deserializer::from_slice(&answer).into_iter::<Value>();
        // A daemon may ask "echo" in between; whoever asks one question needn't answer that.
        if let Some(found) = values.flatten().find(|v| v.get("result").is_some()) {
            return Ok(found);
        }
        if answer.len() > ANSWER_LIMIT {
            return Err(std::io::Error::other("the answer doesn't end"));
        }
    }
}
