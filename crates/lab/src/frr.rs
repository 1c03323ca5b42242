//! Which FRR a router runs: where the programs of a version are, and with what arguments each version's daemons are
//! started. Starts nothing by itself.
//!
//! A version is the machine's own, or one that `scripts/prepare-frr.sh` has unpacked below the build's directory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian's package has the daemons.
const OWN_DAEMONS: &str = "/usr/lib/frr";

/// Why there are no programs of a version.
#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    /// The machine has no FRR.
    #[error("the machine has no FRR in {OWN_DAEMONS}: install the package frr")]
    NoneInstalled,
    /// Neither the machine's own FRR is of that version nor an unpacked one.
    #[error(
        "FRR {wanted} is neither the machine's own ({own}) nor in frr/{wanted} of the build's directory: run \
         scripts/prepare-frr.sh"
    )]
    NoSuchVersion {
        /// What was asked for.
        wanted: String,
        /// What the machine has.
        own: String,
    },
}

/// The programs of one FRR version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// Where the daemons are.
    daemons: PathBuf,
    /// `vtysh` of the same version.
    vtysh: PathBuf,
    /// Major and minor version.
    version: (u32, u32),
}

/// Where a router's daemons have their files.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Directory of process ids and of zebra's socket.
    pub dir: &'a Path,
    /// Directory of the vty sockets.
    pub vty: &'a Path,
    /// Names the router in paths that can't be given: letters, digits and '-'.
    pub name: &'a str,
    /// User and group that the daemons run as.
    pub user: &'a str,
    /// An empty file.
    pub empty: &'a Path,
}

impl Programs {
    /// The programs of a version (`8.4`), or of the machine's own FRR.
    pub fn find(wanted: Option<&str>) -> Result<Self, FrrError> {
        let own = said_version(&Path::new(OWN_DAEMONS).join("zebra"));
        let is_wanted = |own: &str| wanted.is_none_or(|w| starts_with_version(own, w));
        if let Some(own) = own.as_deref().filter(|own| is_wanted(own)) {
            let daemons = PathBuf::from(OWN_DAEMONS);
            return Ok(Self { daemons, vtysh: "vtysh".into(), version: major_minor(own) });
        }
        let Some(wanted) = wanted else { return Err(FrrError::NoneInstalled) };
        let missing = || FrrError::NoSuchVersion {
            wanted: wanted.to_owned(),
            own: own.clone().unwrap_or_else(|| "none".into()),
        };
        // The build's directory is one of those that this very program is in.
        let exe = std::env::current_exe().unwrap_or_default();
        let prepared = exe.ancestors().map(|dir| dir.join("frr").join(wanted));
        let daemons = prepared.into_iter().find(|dir| dir.join("zebra").exists()).ok_or_else(missing)?;
        Ok(Self { vtysh: daemons.join("vtysh"), version: major_minor(wanted), daemons })
    }

    /// The programs of every version that is named.
    pub(crate) fn find_all<'a>(
        wanted: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<BTreeMap<Option<String>, Self>, FrrError> {
        let mut found = BTreeMap::new();
        for wanted in wanted {
            if let Entry::Vacant(entry) = found.entry(wanted.map(str::to_owned)) {
                entry.insert(Self::find(wanted)?);
            }
        }
        Ok(found)
    }

    #[cfg(test)]
    pub(crate) fn of_version(version: (u32, u32)) -> Self {
        Self { daemons: "/d".into(), vtysh: "vtysh".into(), version }
    }

    /// Path of `vtysh`.
    pub fn vtysh(&self) -> &Path {
        &self.vtysh
    }

    /// Whether one daemon has the configuration of others, which must be there before them.
    pub fn has_mgmtd(&self) -> bool {
        self.version >= (9, 0)
    }

    /// A daemon with its arguments, but for those that only its use decides. It stays in the foreground.
    pub fn command(&self, daemon: &str, place: &Place) -> Vec<String> {
        let Place { dir, vty, name, user, empty } = place;
        let (dir, vty, empty) = (dir.display(), vty.display(), empty.display());
        let mut command = vec![
            self.daemons.join(daemon).display().to_string(),
            "-u".into(),
            (*user).into(),
            "-g".into(),
            (*user).into(),
            format!("--vty_socket={vty}"),
            format!("--pid_file={dir}/{daemon}.pid"),
            format!("--socket={dir}/zserv.api"),
            "--vty_port=0".into(),
        ];
        if self.has_mgmtd() {
            // Where mgmtd meets the others isn't an argument of its own.
            command.push(format!("--pathspace={name}"));
        }
        // Since 10.0 these two read no file.
        let reads_file = daemon != "mgmtd" && (daemon != "staticd" || self.version < (10, 0));
        if reads_file {
            command.push(format!("--config_file={empty}"));
        }
        if daemon == "bfdd" && self.version < (10, 2) {
            command.push(format!("--bfdctl={dir}/bfdd.sock"));
        }
        command
    }
}

fn said_version(zebra: &Path) -> Option<String> {
    let output = Command::new(zebra).arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next()?.split(' ').nth(2).map(str::to_owned)
}

/// `8.4.4` is of version `8.4`, and `10.30` isn't of `10.3`.
fn starts_with_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_from_one_that_only_begins_like_it() {
        assert!(starts_with_version("8.4.4", "8.4") && starts_with_version("10.3", "10.3"));
        assert!(!starts_with_version("10.30", "10.3") && !starts_with_version("8.5.1", "8.4"));
        assert_eq!(major_minor("10.3.1-1~deb13u1"), (10, 3));
    }

    #[test]
    fn a_version_that_is_not_there_is_told_with_what_to_do() {
        let error = Programs::find(Some("7.1")).unwrap_err().to_string();
        assert!(error.contains("FRR 7.1") && error.contains("scripts/prepare-frr.sh"), "{error}");
    }

    #[test]
    fn each_version_gets_the_arguments_that_it_knows() {
        let of = |version, daemon| {
            let programs = Programs::of_version(version);
            let (dir, vty, empty) = (Path::new("/s"), Path::new("/s/vty"), Path::new("/s/empty.conf"));
            let place = Place { dir, vty, name: "er1", user: "root", empty };
            programs.command(daemon, &place).join(" ")
        };
        assert!(of((8, 4), "bfdd").ends_with("--config_file=/s/empty.conf --bfdctl=/s/bfdd.sock"));
        assert!(of((10, 3), "bfdd").ends_with("--pathspace=er1 --config_file=/s/empty.conf"));
        assert!(
            of((8, 4), "staticd").contains("config_file") && !of((8, 4), "staticd").contains("pathspace")
        );
        assert!(
            !of((10, 3), "staticd").contains("config_file") && !of((10, 3), "mgmtd").contains("config_file")
        );
    }
}
