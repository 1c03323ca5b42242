//! ICMP echo, by the system's `ping`.

use super::Answer;
use crate::place::Place;
use crate::process::{self, Output};
use std::net::IpAddr;
use std::time::Duration;

/// Longest wait for the answer, in the tool's own words and in ours.
const WAIT_S: &str = "2";
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks once.
pub async fn once(place: &Place, destination: IpAddr) -> Answer {
    let command = place.command(&["ping", "-n", "-c", "1", "-W", WAIT_S], "-I", destination);
    match process::output(&command, DEADLINE).await {
        Ok(output) => answer(&output),
        Err(error) => Answer::Untried(error.to_string()),
    }
}

/// Reads what `ping -n -c 1` printed. Its status alone doesn't tell what happened, as a namespace
/// that can't be entered ends with the same one as an echo that isn't answered.
fn answer(output: &Output) -> Answer {
    if output.complaint.ends_with("Network is unreachable") {
        return Answer::Missing("the router has no route to it".into());
    }
    let rtt = |line: &str| line.split_once(" time=")?.1.split(' ').next()?.parse().ok();
    let mut lines = output.text.lines();
    if !lines.next().is_some_and(|first| first.starts_with("PING ")) {
        return Answer::Untried(format!("ping can't be run on the router: {}", output.complaint));
    }
    for line in lines {
        if let Some(ms) = rtt(line) {
            return Answer::After(ms);
        }
        // `From ADDRESS icmp_seq=1 Destination Host Unreachable`
        if let Some((from, said)) = line.strip_prefix("From ").and_then(|l| l.split_once(" icmp_seq=1 ")) {
            return Answer::Missing(format!("{said} (from {from})"));
        }
    }
    Answer::Missing(format!("no answer within {WAIT_S} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, complaint: &str) -> Answer {
        answer(&Output { text: text.into(), complaint: complaint.into(), is_cut: false })
    }

    #[test]
    fn an_answer_is_a_round_trip_and_silence_is_none() {
        let head = "PING 192.0.2.9 (192.0.2.9) from 192.0.2.1 : 56(84) bytes of data.\n";
        let end = "\n--- 192.0.2.9 ping statistics ---\n1 packets transmitted, 0 received, 100% packet loss, time 0ms\n";
        let answered = format!("{head}64 bytes from 192.0.2.9: icmp_seq=1 ttl=64 time=0.024 ms\n{end}");
        assert_eq!(read(&answered, ""), Answer::After(0.024));
        let v6 = "PING 2001:db8::1(2001:db8::1) 56 data bytes\n64 bytes from 2001:db8::1: icmp_seq=1 ttl=64 time=12.3 ms\n";
        assert_eq!(read(v6, ""), Answer::After(12.3));
        assert_eq!(read(&format!("{head}{end}"), ""), Answer::Missing("no answer within 2 s".into()));
        let unreachable = format!("{head}From 192.0.2.1 icmp_seq=1 Destination Host Unreachable\n{end}");
        let said = "Destination Host Unreachable (from 192.0.2.1)";
        assert_eq!(read(&unreachable, ""), Answer::Missing(said.into()));
    }

    #[test]
    fn what_could_not_be_tried_says_nothing_about_the_destination() {
        // With a source address, it goes on and prints nothing about it.
        let no_route = read("", "ping: connect: Network is unreachable");
        assert_eq!(no_route, Answer::Missing("the router has no route to it".into()));
        for complaint in [
            "Cannot open network namespace \"er9\": No such file or directory",
            "ping: bind: Cannot assign requested address",
            "exec of \"ping\" failed: No such file or directory",
        ] {
            let Answer::Untried(said) = read("", complaint) else { panic!("{complaint}") };
            assert!(said.contains(complaint), "{said}");
        }
    }
}
