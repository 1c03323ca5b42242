//! First contact with a router: which FRR it runs, whether that is one which can be driven, and which daemon has which
//! part of its configuration. Reads only.

use super::apply::Frr;
use super::error::FrrError;
use super::read::Running;
use super::render::Origination;
use super::version::{Capabilities, Version};
use super::vty::{Daemon, Vty};

impl Frr {
    /// Which FRR the router runs, and what it can do.
    ///
    /// # Errors
    /// bgpd can't be asked, or the version isn't one that can be driven.
    pub async fn capabilities(&self) -> Result<Capabilities, FrrError> {
        let mut bgpd = Vty::connect(self.vty_dir(), Daemon::Bgpd).await?;
        of_text(&bgpd.run("show version").await?, Daemon::Bgpd)
    }
}

fn of_text(text: &str, daemon: Daemon) -> Result<Capabilities, FrrError> {
    Capabilities::of(Version::said_in(text).ok_or(FrrError::NoVersion { daemon })?)
}

/// The running configuration of a router whose daemons all are of one version that can be driven.
pub(super) async fn running(
    frr: &Frr,
    origination: Origination,
) -> Result<(Running, Capabilities), FrrError> {
    let bgpd = frr.running(Daemon::Bgpd).await?;
    let can = of_text(&bgpd, Daemon::Bgpd)?;
    let read = async |daemon: Daemon| {
        let text = frr.running(daemon).await?;
        same_version(&can, daemon, &text)?;
        Ok::<_, FrrError>(text)
    };
    let (interfaces, statics) = (can.owner(Daemon::Zebra), can.owner(Daemon::Staticd));
    let zebra = read(interfaces).await?;
    let staticd = match origination {
        Origination::NoImportCheck => None,
        Origination::Statics if statics == interfaces => Some(zebra.clone()),
        Origination::Statics => Some(read(statics).await?),
    };
    Ok((Running { zebra, staticd, bfdd: read(Daemon::Bfdd).await?, bgpd }, can))
}

fn same_version(can: &Capabilities, daemon: Daemon, text: &str) -> Result<(), FrrError> {
    match Version::said_in(text) {
        None => Err(FrrError::NoVersion { daemon }),
        Some(other) if other != can.version => {
            Err(FrrError::MixedVersions { bgpd: can.version, daemon, other })
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_of_two_versions_are_told_with_what_to_do() {
        let can = of_text("frr version 10.3\n", Daemon::Bgpd).unwrap();
        assert!(same_version(&can, Daemon::Mgmtd, "frr version 10.3\n").is_ok());
        let error = same_version(&can, Daemon::Bfdd, "frr version 8.4.4\n").unwrap_err().to_string();
        assert!(error.contains("FRR 10.3") && error.contains("bfdd of FRR 8.4.4"), "{error}");
        let error = of_text("nothing that is known", Daemon::Bgpd).unwrap_err().to_string();
        assert!(error.contains("bgpd doesn't say"), "{error}");
    }
}
