//! The path to a destination, by the system's `traceroute`.

use crate::place::Place;
use crate::process;
use std::net::IpAddr;
use std::time::Duration;

/// One packet a hop, 16 hops at a time, so that 20 silent hops take two seconds.
pub const COMMAND: [&str; 8] = ["traceroute", "-n", "-q", "1", "-w", "1", "-m", "20"];
/// Its option for the source address.
pub const SOURCE_OPTION: &str = "-s";
/// Longer than it can take.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// The hops as far as any answered; empty when it can't be looked for.
pub async fn find(place: &Place, destination: IpAddr) -> Vec<String> {
    let command = place.command(&COMMAND, SOURCE_OPTION, destination);
    match process::output(&command, DEADLINE).await {
        Ok(output) => hops(&output.text),
        Err(error) => {
            tracing::debug!(%destination, %error, "can't look for the path");
            Vec::new()
        }
    }
}

/// Reads `traceroute -n -q 1`: one address or `*` a hop, without the silent ones at the end.
fn hops(text: &str) -> Vec<String> {
    let hop = |line: &str| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<u8>().ok()?;
        let said = words.next()?;
        Some(said.parse::<IpAddr>().map_or_else(|_| "*".to_owned(), |address| address.to_string()))
    };
    let mut hops: Vec<String> = text.lines().skip(1).filter_map(hop).collect();
    while hops.last().is_some_and(|hop| hop == "*") {
        hops.pop();
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silent_hops_count_only_where_another_answers_behind_them() {
        let text = "traceroute to 192.0.2.9 (192.0.2.9), 20 hops max, 60 byte packets\n 1  198.18.254.4  0.146 ms\n 2  *\n \
                    3  198.18.254.9  1.2 ms !H\n 4  *\n 5  *\n";
        assert_eq!(hops(text), ["198.18.254.4", "*", "198.18.254.9"]);
        let v6 = "traceroute to 2001:db8::9 (2001:db8::9), 20 hops max, 80 byte packets\n 1  2001:db8::9  0.1 ms\n";
        assert_eq!(hops(v6), ["2001:db8::9"]);
        let silent = "traceroute to 192.0.2.9 (192.0.2.9), 20 hops max, 60 byte packets\n 1  *\n";
        assert_eq!(hops(silent), Vec::<String>::new());
        assert_eq!(hops("connect: Network is unreachable"), Vec::<String>::new());
    }
}
