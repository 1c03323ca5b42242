//! Running the system's own tools (`ip`, `nsenter`, `sysctl`, …). Every call has its whole command line in its error.
//! It never keeps a process running: that is `daemons`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::proto::Output;

/// Why a tool didn't do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SysError {
    /// The program can't be started.
    #[error("'{program}' can't be started; is its package installed?")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("'{command}' failed with status {code}: {said}")]
    Failed {
        /// The command line.
        command: String,
        /// Exit status.
        code: i32,
        /// What it said, both streams.
        said: String,
    },
    /// Something awaited didn't come.
    #[error("{what} wasn't ready after {seconds} s; see {log}")]
    NotReady {
        /// What.
        what: String,
        /// How long it was awaited.
        seconds: u64,
        /// Where to look.
        log: String,
    },
}

/// Where the namespaces of the lab have their names; private to its mount namespace.
pub(crate) const NETNS_DIR: &str = "/run/netns";

/// A command that will run in a node's network namespace. The process started is the command itself.
pub(crate) fn in_node(node: &str, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={NETNS_DIR}/{node}")).arg("--").arg(program);
    command
}

/// Runs to the end and gives everything it said, whatever its status.
pub(crate) fn output(mut command: Command, stdin: Option<&str>) -> Result<Output, SysError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let line = command_line(&command);
    let start = |source| SysError::Start { program: line.clone(), source };
    let mut child = command.spawn().map_err(start)?;
    let writer = child.stdin.take().zip(stdin.map(str::to_owned)).map(|(mut pipe, text)| {
        std::thread::spawn(move || {
            // A program that ends without reading its input says so by its status.
            let _ = pipe.write_all(text.as_bytes());
        })
    });
    let output = child.wait_with_output().map_err(start)?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    Ok(Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs to the end; a status other than 0 is an error. Gives standard output.
pub(crate) fn run(command: Command, stdin: Option<&str>) -> Result<String, SysError> {
    let line = command_line(&command);
    let out = output(command, stdin)?;
    if out.code == 0 {
        return Ok(out.stdout);
    }
    let said = [out.stderr.trim(), out.stdout.trim()].join(" ").trim().to_string();
    Err(SysError::Failed { command: line, code: out.code, said })
}

/// `ip` in a namespace, or in the lab's own when `None`, with a batch of commands, one per line.
pub(crate) fn ip_batch(namespace: Option<&str>, lines: &[String]) -> Result<(), SysError> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    command.args(["-batch", "-"]);
    run(command, Some(&(lines.join("\n") + "\n"))).map(drop)
}

/// A command from its words.
pub(crate) fn command<S: AsRef<std::ffi::OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Waits until `ready` says so, asking every 50 ms.
pub(crate) fn wait_until(
    what: &str,
    log: &Path,
    limit: Duration,
    mut ready: impl FnMut() -> bool,
) -> Result<(), SysError> {
    let start = Instant::now();
    while !ready() {
        if start.elapsed() > limit {
            let log = log.display().to_string();
            return Err(SysError::NotReady { what: what.into(), seconds: limit.as_secs(), log });
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_whole_with_what_it_said() {
        let error = run(command("sh", ["-c", "echo why >&2; exit 3"]), None).unwrap_err().to_string();
        assert!(error.contains("sh -c echo why") && error.contains("status 3: why"), "{error}");
    }

    #[test]
    fn a_missing_program_is_told_as_such() {
        let error = run(command("no-such-program", ["x"]), None).unwrap_err().to_string();
        assert!(error.contains("no-such-program") && error.contains("package"), "{error}");
    }

    #[test]
    fn input_larger_than_a_pipe_arrives_whole() {
        let text = "x".repeat(1 << 20);
        assert_eq!(run(command("cat", [""; 0]), Some(&text)).unwrap(), text);
    }
}
