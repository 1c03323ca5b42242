//! The trial session of `crate::coupling` on an FRR router: a neighbour in the form of a session with a peer,
//! with our mark, that nothing is taken from and nothing told. If the edge dies meanwhile, the next plan finds a
//! neighbour of ours that nobody intends, and takes it away.

use super::apply::Frr;
use super::diff;
use super::error::FrrError;
use super::owned::{DENY, Key, MARK, Owned};
use super::render::render_profile;
use crate::coupling::{INTERVAL_MS, MULTIPLIER, SPEAKER, try_out};
use meetme_model::coupling::Found;
use meetme_model::intent::BfdTimers;
use std::net::Ipv4Addr;

/// The trial's ASN (RFC 6996), and another for a host that has this one.
const ASNS: [u16; 2] = [64512, 64513];

impl Frr {
    /// Has the trial session and takes it away again.
    pub(super) async fn try_coupling(&self) -> Result<Found, FrrError> {
        let not = |why: &str| Ok(Found::NotTried { why: why.to_owned() });
        let Some(place) = self.place() else { return not("it isn't known where the router is") };
        let read = self.read().await?;
        let Some(host_asn) = read.owned.asn else { return not("the router doesn't speak BGP yet") };
        let asn = if host_asn == u32::from(ASNS[0]) { ASNS[1] } else { ASNS[0] };
        let want = trial(host_asn, asn, place.loopback());
        let have = read.owned.part(|key| want.blocks.contains_key(key));
        let made = self.run_steps(&diff::change(&have, &want).steps).await;
        let found = match &made {
            Ok(()) => try_out(place, place.loopback(), asn).await,
            Err(_) => Ok(Found::NotTried { why: String::new() }),
        };
        let session = want.part(|key| !key.is_shared());
        let nothing = Owned { asn: session.asn, ..Owned::default() };
        // What can't be taken away now is, with the next plan.
        let gone = self.run_steps(&diff::change(&session, &nothing).steps).await;
        match (made.and(gone), found) {
            (Ok(()), Ok(found)) => Ok(found),
            (Ok(()), Err(error)) => not(&format!("the edge has no socket on the router: {error}")),
            (Err(error), _) if error.is_unreachable() => Err(error),
            (Err(error), _) => not(&error.to_string()),
        }
    }
}

fn trial(host_asn: u32, asn: u16, loopback: Ipv4Addr) -> Owned {
    let mut owned = Owned { asn: Some(host_asn), ..Owned::default() };
    let timers = BfdTimers { interval_ms: INTERVAL_MS, multiplier: MULTIPLIER, strict: false };
    let profile = render_profile(timers, &mut owned);
    let mut neighbor = vec![
        format!("remote-as {asn}"),
        format!("description {MARK} trial of BFD"),
        // The edge dials: on the router's own machine there is nobody else to be reached at its port.
        "passive".to_owned(),
        "ttl-security hops 1".to_owned(),
        format!("update-source {loopback}"),
        // As sessions have them: FRR 10.4 and 10.5 act at once for neighbours with timers of their own only.
        "timers 10 30".to_owned(),
        "timers connect 1".to_owned(),
        "bfd".to_owned(),
        format!("bfd profile {profile}"),
    ];
    neighbor.sort_unstable();
    let name = SPEAKER.to_string();
    owned.blocks.insert(Key::MapEntry(DENY.into(), 10), vec!["deny".to_owned()]);
    owned.blocks.insert(Key::Neighbor(name.clone()), neighbor);
    let family = vec!["activate".to_owned(), format!("route-map {DENY} in"), format!("route-map {DENY} out")];
    owned.blocks.insert(Key::Family(false, name), family);
    owned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trial_is_ours_and_neither_takes_nor_tells_a_route() {
        let owned = trial(64500, 64512, Ipv4Addr::new(198, 18, 255, 11));
        let text = owned.text();
        assert!(text.contains("neighbor 127.77.69.84 description meetme: "), "{text}");
        for direction in ["in", "out"] {
            assert!(
                text.contains(&format!("neighbor 127.77.69.84 route-map MEETME-DENY {direction}")),
                "{text}"
            );
        }
        let read =
            super::super::read::owned(&super::super::read::Running { bgpd: text, ..Default::default() });
        assert!(read.blocks.contains_key(&Key::Neighbor("127.77.69.84".into())) && read.foreign.is_empty());
    }
}
