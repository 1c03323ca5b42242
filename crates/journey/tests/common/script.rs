//! Runs a journey that is written in another language: hands it its task, answers its wishes line by
//! line, and fails with what it said when it fails. It knows nothing of what is wished.

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// How much of a failed script's last words is shown.
const LAST_WORDS_CHARS: usize = 4000;

/// Where the scripts are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where `scripts/prepare-clients.sh` puts an environment; an error says how to get it.
pub fn prepared(environment: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    // target/debug/deps/TEST
    let target = own.ancestors().nth(3).context("the test isn't in a target folder")?;
    let found = target.join("clients").join(environment);
    ensure!(
        found.join(".prepared").is_file(),
        "the clients aren't prepared in {}: run scripts/prepare-clients.sh once, with a network",
        found.display()
    );
    Ok(found)
}

/// Runs `command` with `task` as its last argument until it ends well. `fulfil` does what it wishes.
/// It is ended when this is dropped.
pub async fn play<F, Fut>(mut command: Command, task: &Value, log: &Path, fulfil: F) -> anyhow::Result<()>
where
    F: Fn(Value) -> Fut,
    Fut: Future<Output = anyhow::Result<Value>>,
{
    let mut child = command
        .arg(task.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(log)?)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("can't start {command:?}"))?;
    let mut answers = child.stdin.take().context("its input is piped")?;
    let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
    while let Some(line) = lines.next_line().await? {
        let said: Value = serde_json::from_str(&line).with_context(|| format!("not a wish: {line}"))?;
        if said.get("ask").is_none() {
            println!("{}: {}", log.display(), said["say"]);
            continue;
        }
        let answer = match fulfil(said).await {
            Ok(answer) => json!({ "answer": answer }),
            Err(e) => json!({ "error": format!("{e:#}") }),
        };
        // It may have ended meanwhile; its status below says more than a broken pipe.
        let _ = answers.write_all(format!("{answer}\n").as_bytes()).await;
    }
    let status = child.wait().await?;
    if !status.success() {
        let words = std::fs::read_to_string(log).unwrap_or_default();
        let from = words.chars().count().saturating_sub(LAST_WORDS_CHARS);
        bail!("{} {status}:\n{}", log.display(), words.chars().skip(from).collect::<String>());
    }
    Ok(())
}
