//! Real daemons for tests, in namespaces that end with the test: the test runs itself again inside
//! fresh network, mount and pid namespaces, where nothing reaches the machine's own network and
//! whatever is started ends with the last process.

use meetme_lab::frr::{Place, Programs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const INSIDE: &str = "MEETME_EDGE_TEST_INSIDE";

/// Runs the named test inside namespaces of its own; true when already there. The outer run fails
/// as the inner one does.
pub fn inside_namespaces(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        sh("ip link set lo up");
        // Where mgmtd has its sockets, whatever it is told.
        sh("mkdir -p /run/frr && mount -t tmpfs -o mode=755 test-frr /run/frr && chown frr:frr /run/frr");
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

/// Makes a test of each function for each FRR version: `fn(version: &'static str)`.
#[macro_export]
macro_rules! on_each_frr {
    ($($name:ident),+ $(,)?) => {
        $crate::on_frr!(on_frr_8_4, "8.4", $($name),+);
        $crate::on_frr!(on_frr_10_3, "10.3", $($name),+);
    };
}

/// The tests of one version, in a module of its name.
#[macro_export]
macro_rules! on_frr {
    ($module:ident, $version:literal, $($name:ident),+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let this = concat!(stringify!($module), "::", stringify!($name));
                    if $crate::common::net::inside_namespaces(this) {
                        super::$name($version).await;
                    }
                }
            )+
        }
    };
}

/// A place with a router: FRR and Open vSwitch.
pub struct Node {
    /// Sockets, process ids and logs.
    pub dir: PathBuf,
    enter: String,
    frr: Programs,
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
    /// A node in the test's own network namespace, with the machine's own FRR.
    pub fn here() -> Self {
        Self::with_loopback(Programs::find(None).unwrap())
    }

    /// The same, with FRR of that version.
    pub fn here_with(version: &str) -> Self {
        Self::with_loopback(Programs::find(Some(version)).unwrap())
    }

    /// With the address that a router of the inventory has.
    fn with_loopback(frr: Programs) -> Self {
        sh("ip addr replace 198.18.255.11/32 dev lo");
        Self::new(String::new(), None, frr)
    }

    /// A node in another network namespace, with the machine's own FRR.
    pub fn elsewhere() -> (Self, u32) {
        let child = Command::new("unshare").args(["-n", "sleep", "600"]).spawn().unwrap();
        let pid = child.id();
        let own = std::fs::read_link("/proc/self/ns/net").unwrap();
        while std::fs::read_link(format!("/proc/{pid}/ns/net")).ok().is_none_or(|ns| ns == own) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let frr = Programs::find(None).unwrap();
        let node = Self::new(format!("nsenter -n -t {pid} "), Some(child), frr);
        node.sh("ip link set lo up");
        (node, pid)
    }

    fn new(enter: String, holder: Option<Child>, frr: Programs) -> Self {
        let keep = tempfile::Builder::new().prefix("edge-").tempdir().unwrap();
        let dir = keep.path().to_owned();
        std::fs::write(dir.join("empty.conf"), "").unwrap();
        sh(&format!("chmod 755 {0} && chown frr:frr {0}", dir.display()));
        Self { dir, enter, frr, holder, _keep: keep }
    }

    /// The process that holds the node's network namespace.
    pub fn pid(&self) -> u32 {
        self.holder.as_ref().map_or_else(std::process::id, Child::id)
    }

    /// Runs a command in the node's network namespace.
    pub fn sh(&self, command: &str) -> String {
        sh(&format!("{}{command}", self.enter))
    }

    /// Starts FRR daemons; with zebra comes mgmtd, where the version has it.
    pub fn start_frr(&self, daemons: &[&str]) {
        let mgmtd = (self.frr.has_mgmtd() && daemons.contains(&"zebra")).then_some("mgmtd");
        // Not the directory's name: it may have characters that no path space may.
        let name = format!("n{}", self.pid());
        let empty = self.path("empty.conf");
        let place = Place { dir: &self.dir, vty: &self.dir, name: &name, user: "frr", empty: &empty };
        for daemon in mgmtd.iter().chain(daemons) {
            let mut command = self.frr.command(daemon, &place);
            command.extend(["-d".to_owned(), format!("--log=file:{}/{daemon}.log", self.dir.display())]);
            if *daemon == "bgpd" {
                command.push("-Mbmp".to_owned());
            }
            // It keeps what it was started with open, where this would wait for the end of it.
            let said = self.path(&format!("{daemon}.said"));
            self.sh(&format!("{} >{1} 2>&1 || {{ cat {1}; false; }}", command.join(" "), said.display()));
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
        let vtysh = self.frr.vtysh().display();
        self.sh(&format!("{vtysh} --vty_socket {} -f {}", self.dir.display(), path.display()))
    }

    /// Runs one vtysh command.
    pub fn vtysh(&self, command: &str) -> String {
        sh(&self.vtysh_command(command))
    }

    /// The shell command that runs a vtysh command.
    pub fn vtysh_command(&self, command: &str) -> String {
        let vtysh = self.frr.vtysh().display();
        format!("{}{vtysh} --vty_socket {} -c '{command}'", self.enter, self.dir.display())
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
