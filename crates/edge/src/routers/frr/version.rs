//! What differs between FRR's versions: read from the router's own word, and kept in one table.
//!
//! Whoever has to know asks [`Capabilities`]; nothing else compares versions. Facts are FRR's source at its tags, its
//! issues, and what 8.4.4 and 10.3 were seen to do.

use super::error::FrrError;
use super::vty::Daemon;
use std::fmt;

/// A version of FRR. Suffixes (`-dev`, a distribution's) aren't part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number, 0 where none is told.
    pub patch: u32,
}

/// The oldest version that is driven: the one that the product was first tested on.
const OLDEST: Version = version(8, 4, 0);

const fn version(major: u32, minor: u32, patch: u32) -> Version {
    Version { major, minor, patch }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

impl Version {
    /// Reads what a daemon says about itself: the answer to `show version` (`FRRouting 10.3 (er1) on …`), or a running
    /// configuration (`frr version 8.4.4`).
    pub fn said_in(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let rest = line.strip_prefix("FRRouting ").or_else(|| line.strip_prefix("frr version "))?;
            Self::parse(rest.split(' ').next()?)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|n| {
            let digits = n.find(|c: char| !c.is_ascii_digit()).unwrap_or(n.len());
            n[..digits].parse().ok()
        });
        let (major, minor) = (numbers.next()??, numbers.next()??);
        Some(version(major, minor, numbers.next().flatten().unwrap_or_default()))
    }
}

/// A range of versions in which something is wrong.
struct Fault {
    /// First version that has it.
    from: Version,
    /// First version of the same series that hasn't.
    mended: Version,
    /// What is wrong, as the end of a sentence.
    what: &'static str,
}

/// Versions whose BFD isn't to be relied on for BGP, whatever the configuration.
const UNSAFE_COUPLING: &[Fault] = &[Fault {
    from: version(10, 2, 0),
    mended: version(10, 2, 2),
    // FRRouting/frr #17751.
    what: "doesn't start the BFD session of a BGP neighbour with a given source address after a restart, so that \
           BGP stands without it",
}];

/// What a version can do, and how it does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The version.
    pub version: Version,
    /// Static routes are configured by mgmtd, not by staticd.
    pub mgmtd_has_statics: bool,
    /// Interfaces are configured by mgmtd, not by zebra.
    pub mgmtd_has_interfaces: bool,
    /// A route whose path doesn't begin with the neighbour's ASN counts as withdrawn unless `no … enforce-first-as` is
    /// said; BMP doesn't tell it then.
    pub enforces_first_as: bool,
    /// A route with an AS_SET counts as withdrawn (RFC 9774) unless `no bgp reject-as-sets` is said; BMP doesn't tell
    /// it then.
    pub rejects_as_sets: bool,
    /// Knows `neighbor … bfd strict`: no BGP before BFD, whatever the peer does (the draft's capability, by which both
    /// ends agree on it, isn't negotiated).
    pub has_strict_bfd: bool,
    /// Doesn't try BGP while BFD is down, without being asked: a peer that starts BFD only once BGP is up never comes up.
    /// FRRouting/frr #18562 took it back.
    pub waits_for_bfd: bool,
    /// Acts at once on a lost BFD session only for neighbours with timers of their own, else after 30 s
    /// (FRRouting/frr #19987, #22097). The driver always gives timers.
    pub bfd_needs_own_timers: bool,
    /// Why sessions of an offering with Voice don't belong on it: what is known to be wrong with how a lost BFD session
    /// brings BGP down.
    pub unfit_for_voice: Option<&'static str>,
}

impl Capabilities {
    /// The table.
    ///
    /// # Errors
    /// The version is too old to be driven.
    pub fn of(version: Version) -> Result<Self, FrrError> {
        if version < OLDEST {
            return Err(FrrError::Unsupported { version, oldest: OLDEST });
        }
        let since = |major, minor, patch| version >= self::version(major, minor, patch);
        let within = |from: (u32, u32, u32), to: (u32, u32, u32)| {
            since(from.0, from.1, from.2) && !since(to.0, to.1, to.2)
        };
        Ok(Self {
            version,
            mgmtd_has_statics: since(9, 0, 0),
            mgmtd_has_interfaces: since(10, 0, 0),
            enforces_first_as: since(10, 0, 0),
            rejects_as_sets: since(10, 5, 0),
            has_strict_bfd: since(10, 4, 0),
            waits_for_bfd: within((10, 2, 0), (10, 2, 3)) || within((10, 3, 0), (10, 3, 1)),
            bfd_needs_own_timers: within((10, 4, 0), (10, 6, 0)),
            unfit_for_voice: UNSAFE_COUPLING
                .iter()
                .find(|fault| fault.from <= version && version < fault.mended)
                .map(|fault| fault.what),
        })
    }

    /// Who has the configuration that `daemon` had in the oldest version.
    pub fn owner(&self, daemon: Daemon) -> Daemon {
        match daemon {
            Daemon::Zebra if self.mgmtd_has_interfaces => Daemon::Mgmtd,
            Daemon::Staticd if self.mgmtd_has_statics => Daemon::Mgmtd,
            other => other,
        }
    }

    /// Why sessions with Voice don't belong on this router, as a sentence.
    pub fn voice_refusal(&self) -> Option<String> {
        let what = self.unfit_for_voice?;
        Some(format!(
            "FRR {} {what}; install a later version before sessions with Voice go there",
            self.version
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        Version::said_in(text).map_or_else(|| "nothing".into(), |v| v.to_string())
    }

    fn of(text: &str) -> Capabilities {
        Capabilities::of(Version::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn a_version_is_read_from_what_a_daemon_says() {
        assert_eq!(said("FRRouting 10.3 (er1) on Linux(6.1).\nCopyright 1996"), "10.3");
        assert_eq!(said("\n! x\nfrr version 8.4.4\nfrr defaults traditional\n"), "8.4.4");
        assert_eq!(said("frr version 10.5.0-dev-20250101\n"), "10.5");
        assert_eq!(said("frr version 10.3.1-1~deb13u1\n"), "10.3.1");
        assert_eq!(said("frr defaults traditional\n"), "nothing");
    }

    #[test]
    fn a_version_too_old_is_told_by_name_with_what_to_do() {
        let error = Capabilities::of(version(7, 5, 1)).unwrap_err();
        assert!(!error.is_unreachable());
        let error = error.to_string();
        assert!(error.contains("FRR 7.5.1") && error.contains("8.4"), "{error}");
    }

    #[test]
    fn interfaces_and_static_routes_change_hands_with_the_versions() {
        let owners = |v: &str| [Daemon::Zebra, Daemon::Staticd, Daemon::Bgpd].map(|d| of(v).owner(d));
        assert_eq!(owners("8.4.4"), [Daemon::Zebra, Daemon::Staticd, Daemon::Bgpd]);
        assert_eq!(owners("9.1.3"), [Daemon::Zebra, Daemon::Mgmtd, Daemon::Bgpd]);
        assert_eq!(owners("10.3"), [Daemon::Mgmtd, Daemon::Mgmtd, Daemon::Bgpd]);
    }

    #[test]
    fn only_versions_whose_bfd_is_known_to_fail_are_refused_for_voice() {
        for (version, refused) in [
            ("8.4.4", false),
            ("10.1", false),
            ("10.2", true),
            ("10.2.1", true),
            ("10.2.2", false),
            ("10.3", false),
        ] {
            assert_eq!(of(version).voice_refusal().is_some(), refused, "{version}");
        }
        let sentence = of("10.2.1").voice_refusal().unwrap();
        assert!(sentence.starts_with("FRR 10.2.1 doesn't start"), "{sentence}");
        assert!(of("10.4.1").bfd_needs_own_timers && !of("10.6").bfd_needs_own_timers);
        assert!(of("10.3").waits_for_bfd && !of("10.3.1").waits_for_bfd && !of("8.4.4").waits_for_bfd);
    }
}
