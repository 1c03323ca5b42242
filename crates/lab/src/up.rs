//! Starting and ending a lab from outside: its namespaces, its state directory, what a dead lab left behind. It ends
//! nothing but the process that it finds recorded as this lab's.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::client::{ClientError, LabClient};
use crate::sys;
use crate::topology::Topology;

/// A file that marks a directory as a lab's, whose content may be removed.
const MARK: &str = "lab.toml";
/// Paths of unix sockets end at 107 bytes; the longest below the state directory is a bridge's control socket.
const STATE_PATH_MAX: usize = 60;

/// How to start a lab.
#[derive(Debug, Clone)]
pub struct Options {
    /// The `meetme-lab` program.
    pub program: PathBuf,
    /// The topology file.
    pub topology: PathBuf,
    /// The state directory; made, or emptied when an earlier lab left it.
    pub state: PathBuf,
    /// Whether the lab ends when the process that started it ends.
    pub bound_to_caller: bool,
}

/// A lab that was started. Dropping it leaves the lab running, unless it is bound to its caller.
#[derive(Debug)]
pub struct Started {
    /// How to talk to it.
    pub client: LabClient,
    process: Child,
}

impl Started {
    /// Waits until the lab has ended.
    pub fn wait(mut self) -> std::io::Result<()> {
        // With its input open, the supervisor of a bound lab goes on.
        let input = self.process.stdin.take();
        self.process.wait()?;
        drop(input);
        Ok(())
    }
}

/// The `meetme-lab` beside the running program, as cargo puts binaries of a workspace in one directory.
pub fn program_beside() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let dirs = here.ancestors().skip(1).take(2);
    let found = dirs.map(|dir| dir.join("meetme-lab")).find(|path| path.is_file());
    found.with_context(|| {
        format!("no meetme-lab beside {}; build it with 'cargo build -p meetme-lab'", here.display())
    })
}

/// Starts a lab and returns when all its daemons answer.
pub fn up(options: &Options, progress: impl Fn(&str)) -> anyhow::Result<Started> {
    // All that can be wrong with the file is said before anything is touched.
    Topology::load(&options.topology)?;
    let state = prepare(&options.state)?;
    std::fs::copy(&options.topology, state.join(MARK))?;
    std::fs::create_dir_all(state.join("log"))?;
    let mut process = start(options, &state)?;
    std::fs::write(state.join("lab.pid"), process.id().to_string())?;
    let lines = BufReader::new(process.stdout.take().context("no output")?).lines();
    for line in lines {
        let line = line?;
        if line == READY {
            return Ok(Started { client: LabClient::new(state), process });
        }
        progress(&line);
    }
    process.wait()?;
    let log = std::fs::read_to_string(state.join("log/supervisor.log")).unwrap_or_default();
    let last: Vec<_> = log.lines().rev().take(5).collect();
    bail!("the lab didn't start: {}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
}

/// What the supervisor prints when all answers.
pub const READY: &str = "ready";

fn start(options: &Options, state: &Path) -> anyhow::Result<Child> {
    let log = std::fs::File::create(state.join("log/supervisor.log"))?;
    let mut command = Command::new("unshare");
    if !is_root()? {
        ensure!(
            tun_is_writable(),
            "without root, the lab needs user namespaces and a writable /dev/net/tun; use sudo"
        );
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    // The shell is the first process of the process namespace: it buries orphans, and when the supervisor ends it
    // ends too, and the kernel ends all others.
    command.args(["sh", "-c", "ulimit -c 0; \"$@\"; exit $?", "meetme-lab-init"]);
    command
        .arg(&options.program)
        .arg("supervise")
        .arg("--topology")
        .arg(state.join(MARK))
        .arg("--state")
        .arg(state);
    command.stdout(Stdio::piped()).stderr(log);
    if options.bound_to_caller {
        command.arg("--until-input-ends").stdin(Stdio::piped());
    } else {
        // Out of the terminal's foreground group, so that an interrupt meant for the caller doesn't end the lab.
        use std::os::unix::process::CommandExt;
        command.stdin(Stdio::null()).process_group(0);
    }
    command.spawn().context("'unshare' can't be started; is util-linux installed?")
}

fn is_root() -> anyhow::Result<bool> {
    Ok(sys::run(sys::command("id", ["-u"]), None)?.trim() == "0")
}

fn tun_is_writable() -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_ok()
}

/// An empty state directory, whatever was there: a running lab is an error, a dead one is cleared away.
fn prepare(state: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(state).with_context(|| format!("{} can't be made", state.display()))?;
    let state = state.canonicalize()?;
    let length = state.as_os_str().len();
    ensure!(
        length <= STATE_PATH_MAX,
        "the path {} is too long for unix sockets: {length} of at most {STATE_PATH_MAX} bytes",
        state.display()
    );
    if std::os::unix::net::UnixStream::connect(state.join("lab.sock")).is_ok() {
        bail!("a lab is up in {}; end it with 'meetme-lab down --state {0}'", state.display());
    }
    let is_empty = std::fs::read_dir(&state)?.next().is_none();
    ensure!(
        is_empty || state.join(MARK).exists(),
        "{} isn't empty and isn't a lab's; name another directory",
        state.display()
    );
    end_leftover(&state)?;
    for entry in std::fs::read_dir(&state)? {
        let path = entry?.path();
        if path.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
    }
    Ok(state)
}

/// Ends a lab that doesn't answer any more but whose process is still there, if it is surely that one.
pub fn end_leftover(state: &Path) -> anyhow::Result<()> {
    let Ok(pid) = std::fs::read_to_string(state.join("lab.pid")) else {
        return Ok(());
    };
    if !is_lab(&pid, state) {
        return Ok(());
    }
    // All in its namespaces goes with it (unshare --kill-child).
    sys::run(sys::command("kill", ["-KILL", pid.trim()]), None)?;
    sys::wait_until("the end of the earlier lab", state, Duration::from_secs(10), || !is_lab(&pid, state))?;
    // The kernel frees the namespace's last processes a moment after their parent.
    std::thread::sleep(Duration::from_millis(200));
    Ok(())
}

/// Whether a process is the outermost of the lab of a state directory.
fn is_lab(pid: &str, state: &Path) -> bool {
    let Ok(pid) = pid.trim().parse::<u32>() else {
        return false;
    };
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = command.split(|byte| *byte == 0).collect();
    words.contains(&b"meetme-lab-init".as_slice()) && words.contains(&state.as_os_str().as_encoded_bytes())
}

/// Ends the lab of a state directory and returns when all of it is gone.
pub async fn down(state: &Path) -> anyhow::Result<()> {
    let state = state.canonicalize().with_context(|| format!("there is no lab in {}", state.display()))?;
    let client = LabClient::new(&state);
    // A supervisor that hangs doesn't answer; it is ended below.
    let answer = tokio::time::timeout(Duration::from_secs(5), client.down()).await;
    if let Ok(Err(refused @ ClientError::Refused(_))) = answer {
        return Err(refused.into());
    }
    let pid = std::fs::read_to_string(state.join("lab.pid")).unwrap_or_default();
    let gone =
        sys::wait_until("the end of the lab", &state, Duration::from_secs(5), || !is_lab(&pid, &state));
    if gone.is_err() {
        end_leftover(&state)?;
    }
    for file in ["lab.sock", "lab.pid"] {
        let _ = std::fs::remove_file(state.join(file));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_a_labs_is_never_emptied() {
        let dir = tempfile::Builder::new().prefix("l").tempdir_in("/tmp").unwrap();
        std::fs::write(dir.path().join("precious"), "x").unwrap();
        let error = prepare(dir.path()).unwrap_err().to_string();
        assert!(error.contains("isn't a lab's"), "{error}");
        assert!(dir.path().join("precious").exists());
    }

    #[test]
    fn what_a_dead_lab_left_is_cleared_away() {
        let dir = tempfile::Builder::new().prefix("l").tempdir_in("/tmp").unwrap();
        std::fs::create_dir_all(dir.path().join("r1/vty")).unwrap();
        // This very process is no lab: it must not be ended.
        for (name, text) in [(MARK, ""), ("lab.pid", &std::process::id().to_string()), ("lab.sock", "")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let state = prepare(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(state).unwrap().count(), 0);
    }

    #[test]
    fn a_path_too_long_for_sockets_is_refused_before_anything_starts() {
        let dir = tempfile::Builder::new().prefix("l").tempdir_in("/tmp").unwrap();
        let error = prepare(&dir.path().join("x".repeat(STATE_PATH_MAX))).unwrap_err().to_string();
        assert!(error.contains("too long"), "{error}");
    }
}
