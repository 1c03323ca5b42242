//! Real daemons for tests, in namespaces that end with the test: the test runs itself again inside
//! fresh network, mount and pid namespaces, where nothing reaches the machine's own network and
//! whatever is started ends with the last process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const INSIDE: &str = "MEETME_EDGE_TEST_INSIDE";

/// Runs the named test inside namespaces of its own; true when already there. The outer run fails
/// as the inner one does.
pub fn inside_namespaces(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        sh("ip link set lo up");
        return true;
    }
    let output = Command::new("unshare")
        .args(["-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .stderr(Stdio::inherit())
        .output()
        .expect("unshare (util-linux) is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "the test failed inside its namespaces; its output is above");
    // A name that no test has is no failure to the test harness.
    assert!(text.contains("1 passed"), "no test is called '{test}'; name the test that calls this");
    false
}

/// Runs a shell command of the test's own making; its output, or a panic with what it said.
pub fn sh(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {text}{said}");
    text
}

/// A place with a router: FRR and Open vSwitch.
pub struct Node {
    /// Sockets, process ids and logs.
    pub dir: PathBuf,
    enter: String,
    /// Holds the node's network namespace.
    holder: Option<Child>,
    _keep: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

impl Node {
    /// A node in the test's own network namespace.
    pub fn here() -> Self {
        Self::new(String::new(), None)
    }

    /// A node in another network namespace.
    pub fn elsewhere() -> (Self, u32) {
        let child = Command::new("unshare").args(["-n", "sleep", "600"]).spawn().unwrap();
        let pid = child.id();
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        while std::fs::read_link(format!("/proc/{pid}/ns/net")).ok().is_none_or(|ns| ns == own) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let node = Self::new(format!("nsenter -n -t {pid} "), Some(child));
        node.sh("ip link set lo up");
        (node, pid)
    }

    fn new(enter: String, holder: Option<Child>) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let dir = keep.path().to_owned();
        sh(&format!("chmod 755 {0} && chown frr:frr {0}", dir.display()));
        Self { dir, enter, holder, _keep: keep }
    }

    /// The process that holds the node's network namespace.
    pub fn pid(&self) -> u32 {
        self.holder.as_ref().map_or_else(std::process::id, Child::id)
    }

    /// Runs a command in the node's network namespace.
    pub fn sh(&self, command: &str) -> String {
        sh(&format!("{}{command}", self.enter))
    }

    /// Starts FRR daemons.
    pub fn start_frr(&self, daemons: &[&str]) {
        for daemon in daemons {
            let dir = self.dir.display();
            let extra = match *daemon {
                "bgpd" => "-M bmp".to_owned(),
                "bfdd" => format!("--bfdctl {dir}/bfdd.sock"),
                _ => String::new(),
            };
            self.sh(&format!(
                "/usr/lib/frr/{daemon} -d -u frr -g frr -f /dev/null -i {dir}/{daemon}.pid \
                 --vty_socket {dir} -z {dir}/zserv.api -P 0 --log file:{dir}/{daemon}.log {extra}"
            ));
        }
    }

    /// Starts Open vSwitch.
    pub fn start_ovs(&self) {
        let dir = self.dir.display();
        sh(&format!("ovsdb-tool create {dir}/conf.db /usr/share/openvswitch/vswitch.ovsschema"));
        self.sh(&format!(
            "env OVS_RUNDIR={dir} ovsdb-server {dir}/conf.db --remote=punix:{dir}/db.sock --unixctl={dir}/ovsdb.ctl \
             --pidfile={dir}/ovsdb.pid --log-file={dir}/ovsdb.log -vconsole:off --detach"
        ));
        self.vsctl("--no-wait init");
        self.sh(&format!(
            "env OVS_RUNDIR={dir} ovs-vswitchd unix:{dir}/db.sock --unixctl={dir}/vswitchd.ctl --disable-system \
             --pidfile={dir}/vswitchd.pid --log-file={dir}/vswitchd.log -vconsole:off --detach"
        ));
    }

    /// Runs `ovs-vsctl`.
    pub fn vsctl(&self, arguments: &str) -> String {
        self.sh(&format!("ovs-vsctl --db=unix:{}/db.sock --timeout=5 {arguments}", self.dir.display()))
    }

    /// Types configuration lines by hand, as an operator does in vtysh.
    pub fn configure(&self, lines: &str) -> String {
        let path = self.dir.join("by-hand.conf");
        std::fs::write(&path, lines).unwrap();
        self.sh(&format!("vtysh --vty_socket {} -f {}", self.dir.display(), path.display()))
    }

    /// Runs one vtysh command.
    pub fn vtysh(&self, command: &str) -> String {
        sh(&self.vtysh_command(command))
    }

    /// The shell command that runs a vtysh command.
    pub fn vtysh_command(&self, command: &str) -> String {
        format!("{}vtysh --vty_socket {} -c '{command}'", self.enter, self.dir.display())
    }

    /// Sends a signal to one of the node's daemons.
    pub fn signal(&self, daemon: &str, signal: &str) {
        let pid = std::fs::read_to_string(self.dir.join(format!("{daemon}.pid"))).unwrap();
        sh(&format!("kill -{signal} {}", pid.trim()));
    }

    /// The node's socket or file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        Path::new(&self.dir).join(name)
    }
}
