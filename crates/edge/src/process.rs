//! Runs the system's own tools (`ovs-vsctl`, `ip`, `vtysh`), each with a deadline and without a
//! shell, so that nothing in a name can be taken for a command.

use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longest run of any tool; `ovs-vsctl` waits for its daemon and gets the same limit itself.
pub const TOOL_TIMEOUT_S: u64 = 5;

/// A tool couldn't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It can't be started.
    #[error("can't start {program}: {source}; install it or put it on the PATH")]
    Start {
        /// The tool.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It took too long and was ended.
    #[error("{program} didn't finish within {TOOL_TIMEOUT_S} s")]
    Timeout {
        /// The tool.
        program: String,
    },
    /// It said no.
    #[error("{program} failed: {said}")]
    Failed {
        /// The tool.
        program: String,
        /// Its complaint.
        said: String,
    },
}

/// Runs a command line and returns what it printed.
pub async fn run(command: &[String]) -> Result<String, ProcessError> {
    run_with_input(command, "").await
}

/// Runs a command line that reads `input`, and returns what it printed.
pub async fn run_with_input(command: &[String], input: &str) -> Result<String, ProcessError> {
    let (program, arguments) = command.split_first().expect("a command line names a program");
    let output = async {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().expect("it was asked for");
        let write = async {
            // A tool that doesn't read its input closes it; its own verdict is what counts.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        output
    };
    let output = tokio::time::timeout(Duration::from_secs(TOOL_TIMEOUT_S), output)
        .await
        .map_err(|_| ProcessError::Timeout { program: program.clone() })?
        .map_err(|source| ProcessError::Start { program: program.clone(), source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = [text(&output.stderr), text(&output.stdout)];
    Err(ProcessError::Failed {
        program: program.clone(),
        said: said.iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join("; "),
    })
}

/// A command line from words.
pub fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tool_that_fails_or_lacks_is_told_with_what_it_said() {
        let said = run(&words(["sh", "-c", "echo gone wrong >&2; exit 3"])).await.unwrap_err();
        assert!(said.to_string().contains("gone wrong"), "{said}");
        let said = run(&words(["no-such-tool-here"])).await.unwrap_err();
        assert!(matches!(said, ProcessError::Start { .. }));
    }
}
