//! Brings up the lab, a mail server and the product, all in one state directory, and takes them
//! down again. Processes are ended by their recorded ids only.

use anyhow::{Context, bail, ensure};
use meetme_client::Client;
use meetme_lab::LabClient;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The peer's subscription in the demonstration.
pub const SUBSCRIPTION: &str = "7d8a4c7e-0000-4000-8000-00000000c0de";
/// The lab's sites with the namespace that their edge runs in and its BMP address.
const EDGES: [(&str, &str, &str); 2] =
    [("ams1", "site-ams1", "192.0.2.1:1790"), ("fra1", "site-fra1", "192.0.2.129:1790")];

/// Everything that was brought up.
pub struct World {
    /// State directory.
    pub state: PathBuf,
    /// The lab.
    pub lab: LabClient,
    /// An operator's client.
    pub operator: Client,
    /// The peer's client.
    pub peer: Client,
    /// Their tokens, operator's first.
    pub tokens: [String; 2],
    /// The API's address.
    pub api: String,
}

/// What may be set differently from the demonstration's way.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// TCP port of the API; metrics and mail take the next ones.
    pub port: u16,
    /// Whether connections are approved by policy.
    pub connections_automatic: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 8971, connections_automatic: false }
    }
}

impl World {
    /// Brings everything up in `state`, which is emptied first; takes it down again when that fails.
    pub async fn up(state: &Path, options: Options) -> anyhow::Result<Self> {
        down(state).await?;
        empty(state)?;
        match Self::bring_up(state, options).await {
            Ok(world) => Ok(world),
            Err(e) => {
                down(state).await?;
                Err(e)
            }
        }
    }

    async fn bring_up(state: &Path, options: Options) -> anyhow::Result<Self> {
        write_files(state, options)?;
        for folder in ["tmp", "new", "cur"] {
            fs::create_dir_all(state.join("mail").join(folder))?;
        }
        let lab_state = state.join("lab");
        run(Command::new(binary("meetme-lab")?)
            .arg("--state")
            .arg(&lab_state)
            .args(["up", "--topology"])
            .arg(root()?.join("labs/default/topology.toml")))?;
        let lab = LabClient::new(&lab_state);
        start_mail_server(state, options.port + 2)?;
        run(meetme(state)?.args(["inventory", "apply"]).arg(state.join("inventory.toml")))?;
        let tokens = [
            token(state, &["--role", "operator", "--name", "operator"])?,
            token(
                state,
                &["--role", "peer", "--name", "contoso", "--subscription", SUBSCRIPTION, "--expires", "90d"],
            )?,
        ];
        let api = format!("http://127.0.0.1:{}", options.port);
        let world = Self {
            state: state.to_owned(),
            operator: Client::new(&api, &tokens[0])?,
            peer: Client::new(&api, &tokens[1])?,
            lab,
            tokens,
            api,
        };
        world.start_control().await?;
        world.start_edges().await?;
        Ok(world)
    }

    /// Starts the control plane and waits until it answers.
    pub async fn start_control(&self) -> anyhow::Result<()> {
        spawn(&self.state, "control", meetme(&self.state)?.arg("serve"))?;
        let until = Instant::now() + Duration::from_secs(20);
        while self.operator.get(meetme_client::Operator::ROUTERS).await.is_err() {
            let alive = recorded(&self.state, "control").is_some();
            ensure!(
                alive && Instant::now() < until,
                "the control plane doesn't answer; see {}",
                self.log("control").display()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The host's operators have the Voice offering use ordinary routes too.
    pub fn use_ordinary_routes(&self) -> anyhow::Result<()> {
        let file = self.state.join("inventory.toml");
        let text = fs::read_to_string(&file)?;
        let voice = "kind = \"Voice\"\n";
        ensure!(text.contains(voice), "the inventory has no Voice offering");
        fs::write(&file, text.replace(voice, &format!("{voice}ordinary_used = true\n")))?;
        run(meetme(&self.state)?.args(["inventory", "apply"]).arg(&file))?;
        Ok(())
    }

    /// Kills the control plane without a warning.
    pub fn kill_control(&self) -> anyhow::Result<()> {
        let pid = recorded(&self.state, "control").context("the control plane isn't running")?;
        kill(pid, "KILL");
        wait_gone(pid);
        Ok(())
    }

    /// Starts the edges, each in its site's namespace.
    pub async fn start_edges(&self) -> anyhow::Result<()> {
        for (site, _, _) in EDGES {
            self.start_edge(site).await?;
        }
        Ok(())
    }

    /// Starts the edge of one site.
    pub async fn start_edge(&self, site: &str) -> anyhow::Result<()> {
        let (site, node, bmp) = EDGES.into_iter().find(|e| e.0 == site).context("no such site")?;
        let program = binary("meetme")?;
        let socket = self.state.join("edge.sock");
        let kept = self.state.join(format!("edge-{site}"));
        let command = [
            text(&program)?,
            "edge",
            "--site",
            site,
            "--connect",
            text(&socket)?,
            "--bmp-listen",
            bmp,
            "--state-dir",
            text(&kept)?,
        ];
        self.lab.spawn(node, &format!("edge-{site}"), &command, BTreeMap::new()).await?;
        Ok(())
    }

    /// Kills the edge of one site without a warning.
    pub async fn kill_edge(&self, site: &str) -> anyhow::Result<()> {
        Ok(self.lab.kill(&format!("edge-{site}"), Some("KILL")).await?)
    }

    /// The address where the portal's first operator chooses a password, as the control plane told it
    /// at its last start.
    pub fn invitation(&self) -> Option<String> {
        let log = fs::read_to_string(self.log("control")).ok()?;
        let line = log.lines().rev().find(|line| line.contains("/invitation/"))?;
        line.split_whitespace().find(|word| word.contains("/invitation/")).map(str::to_owned)
    }

    /// Where a process logs to.
    pub fn log(&self, name: &str) -> PathBuf {
        self.state.join(format!("{name}.log"))
    }

    /// Processes of the product: the control plane and the edges, by their ids on this machine.
    pub fn product_pids(&self) -> Vec<u32> {
        let socket = self.state.join("edge.sock");
        let socket = socket.to_string_lossy();
        let mut found: Vec<u32> = recorded(&self.state, "control").into_iter().collect();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let arguments: Vec<&[u8]> = line.split(|b| *b == 0).collect();
            let program = arguments.first().is_some_and(|p| p.ends_with(b"/meetme"));
            if program && arguments.get(1) == Some(&&b"edge"[..]) && arguments.contains(&socket.as_bytes()) {
                found.push(pid);
            }
        }
        found
    }

    /// Subjects of the mails that the mail server took.
    pub fn mails(&self) -> Vec<String> {
        self.mail_headers("Subject")
    }

    /// Message-IDs of the mails that the mail server took.
    pub fn mail_ids(&self) -> Vec<String> {
        self.mail_headers("Message-ID")
    }

    fn mail_headers(&self, name: &str) -> Vec<String> {
        let files = fs::read_dir(self.state.join("mail/new")).into_iter().flatten().flatten();
        files
            .filter_map(|file| {
                let text = fs::read_to_string(file.path()).ok()?;
                // A long header is folded over lines that begin with a blank (RFC 5322 §2.2.3).
                let unfolded = text.replace("\r\n ", " ").replace("\n ", " ");
                let header = unfolded.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
                header.map(str::to_owned)
            })
            .collect()
    }
}

/// Ends everything that was brought up in `state`.
pub async fn down(state: &Path) -> anyhow::Result<()> {
    for name in ["control", "mail"] {
        if let Some(pid) = recorded(state, name) {
            kill(pid, "TERM");
            wait_gone(pid);
        }
    }
    let lab = state.join("lab");
    if lab.exists() {
        meetme_lab::up::down(&lab).await?;
    }
    Ok(())
}

/// Empties a state directory of an earlier world; anything else is left alone.
fn empty(state: &Path) -> anyhow::Result<()> {
    if state.exists() {
        let ours = state.join("meetme.toml").exists() || fs::read_dir(state)?.next().is_none();
        ensure!(ours, "{} isn't empty and holds nothing of an earlier run; name another", state.display());
        fs::remove_dir_all(state).with_context(|| format!("can't empty {}", state.display()))?;
    }
    Ok(fs::create_dir_all(state)?)
}

/// The directory of the checkout, where `labs/` is.
pub fn root() -> anyhow::Result<PathBuf> {
    let start = std::env::current_dir()?;
    start
        .ancestors()
        .find(|d| d.join("labs/default/topology.toml").exists())
        .map(Path::to_path_buf)
        .context("labs/default/topology.toml isn't here; run this inside the checkout")
}

/// A program of the workspace, beside this one.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    // Tests are one folder below the programs.
    let found = own.ancestors().skip(1).take(2).map(|d| d.join(name)).find(|p| p.is_file());
    found.with_context(|| format!("the program {name} isn't built; run `cargo build --workspace --bins`"))
}

fn write_files(state: &Path, options: Options) -> anyhow::Result<()> {
    let here = fs::canonicalize(state)?;
    let here = text(&here)?;
    let inventory = fs::read_to_string(root()?.join("labs/default/inventory.toml"))?;
    fs::write(state.join("inventory.toml"), inventory.replace(".meetme/lab", &format!("{here}/lab")))?;
    let Options { port, connections_automatic } = options;
    let (metrics, mail) = (port + 1, port + 2);
    let config = format!(
        "listen = '127.0.0.1:{port}'\nmetrics_listen = '127.0.0.1:{metrics}'\n\
         database = 'sqlite:{here}/meetme.db'\nseal_key = '{here}/seal.key'\nedge_socket = '{here}/edge.sock'\n\n\
         [mail]\nsmtp_host = '127.0.0.1'\nsmtp_port = {mail}\nfrom = 'Example Cloud Peering <peering@cloud.example>'\n\n\
         [approval]\nconnections_automatic = {connections_automatic}\n\n\
         [timing]\ndrain = 'PT3S'\nclose = 'PT1S'\n"
    );
    Ok(fs::write(state.join("meetme.toml"), config)?)
}

/// Debian's aiosmtpd, which keeps what it takes in a maildir.
fn start_mail_server(state: &Path, port: u16) -> anyhow::Result<()> {
    let mut command = Command::new("/usr/bin/python3");
    command.args([
        "-m",
        "aiosmtpd",
        "-n",
        "-l",
        &format!("127.0.0.1:{port}"),
        "-c",
        "aiosmtpd.handlers.Mailbox",
    ]);
    command.arg(state.join("mail"));
    spawn(state, "mail", &mut command)
}

fn meetme(state: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(binary("meetme")?);
    command.arg("--config").arg(state.join("meetme.toml"));
    Ok(command)
}

fn token(state: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    Ok(run(meetme(state)?.args(["token", "create"]).args(arguments))?.trim().to_owned())
}

/// Runs a command to its end and gives what it printed.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("can't run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts a command that outlives this program, with its log and its process id in `state`.
fn spawn(state: &Path, name: &str, command: &mut Command) -> anyhow::Result<()> {
    let log = fs::OpenOptions::new().create(true).append(true).open(state.join(format!("{name}.log")))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("can't start {command:?}"))?;
    let pid = child.id();
    // Reaped when it ends, so that a killed one doesn't stay as a zombie of this program.
    std::thread::spawn(move || {
        let mut child = child;
        let _ = child.wait();
    });
    Ok(fs::write(state.join(format!("{name}.pid")), format!("{pid} {}", started(pid).unwrap_or(0)))?)
}

/// A recorded process that still is the one that was started.
fn recorded(state: &Path, name: &str) -> Option<u32> {
    let text = fs::read_to_string(state.join(format!("{name}.pid"))).ok()?;
    let (pid, since) = text.trim().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (started(pid)? == since.parse::<u64>().ok()?).then_some(pid)
}

/// When a process started, in clock ticks since boot: with its id it names it for ever.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (fields.first() != Some(&"Z")).then(|| fields.get(19)?.parse().ok())?
}

fn kill(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
}

fn wait_gone(pid: u32) {
    let until = Instant::now() + Duration::from_secs(10);
    // Threads may outlive the first one by a moment, and hold the process's ports until then.
    let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    while (started(pid).is_some() || threads() > 1) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the path isn't UTF-8")
}
