//! What FRR shows of a route, for people outside: without what only concerns the host.

use super::apply::Frr;
use super::error::FrrError;
use super::vty::{Daemon, Vty};
use meetme_model::prefix::Prefix;

impl Frr {
    /// The routes for a prefix, or the best match of a single address, as the router prints them.
    /// That there is none is an answer, too. It has a connection of its own, so that nothing else
    /// waits for it.
    ///
    /// # Errors
    /// bgpd can't be asked.
    pub(super) async fn show_route(&self, prefix: Prefix) -> Result<String, FrrError> {
        let mut bgpd = Vty::connect(self.vty_dir(), Daemon::Bgpd).await?;
        match bgpd.run(&command(prefix)).await {
            Err(FrrError::Refused { said, .. }) if said.ends_with("not in table") => Ok(said),
            answer => Ok(without_internals(&answer?)),
        }
    }
}

fn command(prefix: Prefix) -> String {
    let (family, whole) = if prefix.is_ipv4() { ("ipv4", 32) } else { ("ipv6", 128) };
    match prefix.len() == whole {
        true => format!("show bgp {family} unicast {}", prefix.addr()),
        false => format!("show bgp {family} unicast {prefix}"),
    }
}

/// Leaves out to whom a route is announced and from which session it comes, as both are addresses of
/// other peers or of the host's routers, and the communities by which the host routes.
fn without_internals(text: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut lines = text.lines();
    let mut source = None;
    while let Some(line) = lines.next() {
        if line.starts_with("  Advertised to ") {
            // The list is the line after it.
            lines.next();
            continue;
        }
        let attribute = line.strip_prefix("      ");
        if attribute.is_none() && line.starts_with("    ") && line.contains(" from ") {
            source = Some(kept.len());
            kept.push("    from a session of this router".into());
            continue;
        }
        let left_out = ["Originator: ", "Cluster list: ", "Large Community: "];
        if attribute.is_some_and(|a| left_out.iter().any(|start| a.starts_with(start))) {
            continue;
        }
        kept.push(line.trim_end().to_owned());
        let is_internal = attribute.is_some_and(|a| a.starts_with("Origin ") && a.contains(", internal"));
        if let Some(at) = source.filter(|_| is_internal) {
            kept[at] = "    from another router of this network".into();
        }
    }
    kept.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "\
BGP routing table entry for 198.19.10.0/24, version 2
Paths: (2 available, best #1, table default)
  Advertised to non peer-group peers:
  192.0.2.0 198.18.192.7
  64510
    192.0.2.2 (metric 20) from 192.0.2.2 (198.18.255.12)
      Origin IGP, metric 0, localpref 400, valid, internal, best (AS Path)
      Community: 8075:8007
      Large Community: 64500:1:1
      Originator: 198.18.255.12, Cluster list: 198.18.255.1
      Last update: Sun Nov 22 15:55:48 2026
  64510
    192.0.2.0 from 192.0.2.0 (198.19.255.1)
      Origin IGP, metric 0, valid, external
      Last update: Sun Nov 22 15:55:47 2026
";

    #[test]
    fn neither_other_peers_nor_the_hosts_own_routers_are_shown() {
        let shown = without_internals(SHOWN);
        for hidden in
            ["198.18.192.7", "192.0.2", "198.18.255", "198.19.255", "Advertised", "Originator", "64500:1"]
        {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        for told in ["Community: 8075:8007", "    from a session of this router", "localpref 400"] {
            assert!(shown.contains(told), "{told}: {shown}");
        }
        assert_eq!(shown.matches("  64510").count(), 2);
        assert!(shown.contains("  64510\n    from another router of this network\n      Origin IGP"));
    }

    #[test]
    fn an_address_asks_for_its_best_match_and_a_prefix_for_itself() {
        let asked = |text: &str| command(text.parse().unwrap());
        assert_eq!(asked("198.19.10.0/24"), "show bgp ipv4 unicast 198.19.10.0/24");
        assert_eq!(asked("198.19.10.1/32"), "show bgp ipv4 unicast 198.19.10.1");
        assert_eq!(asked("2001:db8::1/128"), "show bgp ipv6 unicast 2001:db8::1");
    }
}
