//! Runs the system's own tools (`ovs-vsctl`, `ip`, `vtysh`), each with a deadline and without a
//! shell, so that nothing in a name can be taken for a command.

use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Longest run of a tool that configures or reads; `ovs-vsctl` waits for its daemon and gets the
/// same limit itself.
pub const TOOL_TIMEOUT_S: u64 = 5;
/// Most that is taken of what a tool prints with [`output`].
const OUTPUT_LIMIT: usize = 64 << 10;

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
    #[error("{program} didn't finish within {seconds} s")]
    Timeout {
        /// The tool.
        program: String,
        /// How long was waited.
        seconds: u64,
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
            .env("LC_ALL", "C")
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
        .map_err(|_| ProcessError::Timeout { program: program.clone(), seconds: TOOL_TIMEOUT_S })?
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

/// What a tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// On its standard output, as far as it is taken.
    pub text: String,
    /// Its complaints, as far as they are taken.
    pub complaint: String,
    /// Whether more was printed than is taken.
    pub is_cut: bool,
}

/// Runs a tool whose failure is a finding, such as a ping that isn't answered: whatever it
/// printed, up to 64 KiB. A tool that prints more, or isn't done by the deadline, is ended.
///
/// # Errors
/// It can't be started, or wasn't done in time.
pub async fn output(command: &[String], deadline: Duration) -> Result<Output, ProcessError> {
    let (program, arguments) = command.split_first().expect("a command line names a program");
    let run = async {
        let mut child = Command::new(program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (mut text, mut complaint) = (Vec::new(), Vec::new());
        let stdout = child.stdout.take().expect("it was asked for");
        let stderr = child.stderr.take().expect("it was asked for");
        let one_more = OUTPUT_LIMIT as u64 + 1;
        let (mut stdout, mut stderr) = (stdout.take(one_more), stderr.take(one_more));
        let read = async {
            if stdout.read_to_end(&mut text).await? > OUTPUT_LIMIT {
                child.start_kill()?;
            }
            Ok(())
        };
        tokio::try_join!(read, stderr.read_to_end(&mut complaint))?;
        child.wait().await?;
        let is_cut = text.len() > OUTPUT_LIMIT;
        text.truncate(OUTPUT_LIMIT);
        let [text, complaint] = [text, complaint].map(|b| String::from_utf8_lossy(&b).trim().to_owned());
        Ok(Output { text, complaint, is_cut })
    };
    tokio::time::timeout(deadline, run)
        .await
        .map_err(|_| ProcessError::Timeout { program: program.clone(), seconds: deadline.as_secs() })?
        .map_err(|source| ProcessError::Start { program: program.clone(), source })
}

/// A command line as it is run in a network namespace, where one is named.
pub fn within(netns: Option<&str>, command: Vec<String>) -> Vec<String> {
    match netns {
        Some(netns) => [words(["ip", "netns", "exec", netns]), command].concat(),
        None => command,
    }
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

    #[tokio::test]
    async fn a_tool_that_finds_nothing_is_heard_and_one_that_never_ends_is_ended() {
        let long = Duration::from_secs(20);
        let said = output(&words(["sh", "-c", "echo none; echo why >&2; exit 1"]), long).await.unwrap();
        assert_eq!((said.text.as_str(), said.complaint.as_str(), said.is_cut), ("none", "why", false));
        let said = output(&words(["yes"]), long).await.unwrap();
        assert!(said.is_cut && said.text.len() <= OUTPUT_LIMIT, "{}", said.text.len());
        let slow = output(&words(["sleep", "20"]), Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(slow, ProcessError::Timeout { .. }));
    }
}
