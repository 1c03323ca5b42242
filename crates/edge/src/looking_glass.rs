//! Looks from a router for whoever asks (`docs/rules.md` §8): path, ping, routes.
//!
//! What is asked comes typed, and no shell is in between. Nothing is changed, and who may ask, and
//! for what, isn't decided here.

use crate::place::Place;
use crate::probes::path;
use crate::process;
use crate::routers::{self, Driver};
use meetme_model::inventory::RouterAccess;
use meetme_model::probe::LookingGlass;
use std::net::IpAddr;
use std::time::Duration;

/// Looks under way at once on one router.
pub const AT_ONCE: usize = 2;
/// Longest output that is told, in bytes.
const OUTPUT_LIMIT: usize = 64 << 10;
/// Four packets a second apart, and a second more for the last answer.
const PING: [&str; 6] = ["ping", "-n", "-c", "4", "-W", "1"];
/// Below the time that a question waits for its answer (10 s).
const DEADLINE: Duration = Duration::from_secs(8);

/// What a look shows. That something isn't answered or isn't in a table is an output as well.
///
/// # Errors
/// A sentence why the router can't look.
pub async fn look(access: &RouterAccess, look: LookingGlass) -> Result<String, String> {
    let place = Place::of(access);
    let text = match look {
        LookingGlass::Traceroute(to) => tool(&place, &path::COMMAND, path::SOURCE_OPTION, to).await,
        LookingGlass::Ping(to) => tool(&place, &PING, "-I", to).await,
        LookingGlass::BgpRoute(prefix) => {
            let driver = routers::driver(access);
            match tokio::time::timeout(DEADLINE, driver.route(prefix)).await {
                Ok(shown) => shown.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer from its BGP within {} s", DEADLINE.as_secs())),
            }
        }
    };
    match text {
        Ok(text) => Ok(shorten(text)),
        Err(why) => {
            // Paths and names of the edge's machine are for its own log.
            tracing::warn!(router = access.router, why, "a look failed");
            Err(format!("router '{}' can't look now", access.router))
        }
    }
}

async fn tool(place: &Place, tool: &[&str], source_option: &str, to: IpAddr) -> Result<String, String> {
    let command = place.command(tool, source_option, to);
    let said = process::output(&command, DEADLINE).await.map_err(|error| error.to_string())?;
    // Both tools begin with a line that says where they go to.
    match said.text.lines().nth(1) {
        None if said.complaint.ends_with("Network is unreachable") => {
            Ok(format!("{}\n{}", said.text, said.complaint).trim().to_owned())
        }
        None => Err(said.complaint),
        Some(_) => Ok(said.text),
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > OUTPUT_LIMIT {
        let end = (0..=OUTPUT_LIMIT).rev().find(|i| text.is_char_boundary(*i)).unwrap_or_default();
        text.truncate(end);
        text.push_str("\n(and more)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use meetme_model::inventory::{LagBackend, Management};
    use std::net::Ipv4Addr;

    fn here() -> RouterAccess {
        let loopback = Ipv4Addr::LOCALHOST;
        let lag = LagBackend::Bonding { netns: None };
        let management = Management::Frr { vty_dir: "/nonexistent".into(), lag, bmp_source: loopback.into() };
        RouterAccess { router: "er1".into(), loopback, management }
    }

    #[tokio::test]
    async fn a_path_to_the_machine_itself_is_shown() {
        let to = Ipv4Addr::LOCALHOST.into();
        let shown = look(&here(), LookingGlass::Traceroute(to)).await.unwrap();
        assert!(shown.starts_with("traceroute to 127.0.0.1") && shown.contains(" 1  127.0.0.1"), "{shown}");
    }

    #[tokio::test]
    async fn a_router_that_cannot_look_is_named_without_what_its_machine_says() {
        let prefix = "198.18.0.0/17".parse().unwrap();
        let said = look(&here(), LookingGlass::BgpRoute(prefix)).await.unwrap_err();
        assert_eq!(said, "router 'er1' can't look now");
        let nowhere = RouterAccess { loopback: Ipv4Addr::new(192, 0, 2, 77), ..here() };
        let to = Ipv4Addr::LOCALHOST.into();
        for asked in [LookingGlass::Ping(to), LookingGlass::Traceroute(to)] {
            let said = look(&nowhere, asked).await.unwrap_err();
            assert_eq!(said, "router 'er1' can't look now");
        }
    }

    #[test]
    fn a_long_output_is_cut_and_says_so() {
        assert_eq!(shorten("short".into()), "short");
        let long = shorten("ä".repeat(OUTPUT_LIMIT));
        assert!(long.len() <= OUTPUT_LIMIT + 16 && long.ends_with("ä\n(and more)"));
    }
}
