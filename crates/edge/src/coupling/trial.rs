//! A trial as it goes on: what was heard and when in, whether to be silent and what was found out. Pure.

use super::{DETECTION, INTERVAL_MS, MULTIPLIER};
use meetme_model::coupling::Found;
use std::time::{Duration, Instant};

/// How long a session may take to come up.
const COMES_UP_WITHIN: Duration = Duration::from_secs(15);
/// How long BGP may stand after the detection time before it counts as standing: processes take their turns.
const STANDS_AFTER: Duration = Duration::from_secs(1);
/// Packets that say up, in a row and since BGP was established, before the session is silenced: FRR 10 makes its BFD
/// session anew when BGP has come up.
const STEADY: u32 = 2 * MULTIPLIER as u32;
/// A close before this time after the last packet isn't BFD's: the router can't have missed as many packets as make
/// it. An interval less than the detection time, as the two ends don't see a packet at the same moment.
const FALLS_AFTER: Duration = DETECTION.saturating_sub(Duration::from_millis(INTERVAL_MS as u64));
/// Cease, BFD Down (RFC 9384).
const BFD_DOWN: (u8, u8) = (6, 10);

/// How BGP was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// By a NOTIFICATION (RFC 4271 §4.5).
    Notification {
        /// Error code.
        code: u8,
        /// Error subcode.
        subcode: u8,
    },
    /// The connection ended without a word.
    HungUp,
    /// What came isn't BGP.
    Garbage,
}

/// See the module.
#[derive(Debug)]
pub struct Trial {
    began: Instant,
    established: bool,
    was_established: bool,
    was_up: bool,
    up_in_a_row: u32,
    last_sent: Instant,
    silent: bool,
}

impl Trial {
    /// One that begins.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            established: false,
            was_established: false,
            was_up: false,
            up_in_a_row: 0,
            last_sent: now,
            silent: false,
        }
    }

    /// Whether no BFD packet may be sent any more.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// A BFD packet left.
    pub fn sent(&mut self, now: Instant) {
        self.last_sent = now;
    }

    /// BGP is established.
    pub fn established(&mut self) {
        if !self.established {
            (self.established, self.was_established, self.up_in_a_row) = (true, true, 0);
        }
    }

    /// A packet of the router's came; `up`: by it both ends are up.
    pub fn heard(&mut self, up: bool) {
        self.was_up |= up;
        self.up_in_a_row = if up { self.up_in_a_row + 1 } else { 0 };
        self.silent |= self.established && self.up_in_a_row >= STEADY;
    }

    /// BGP was closed. Before the silence it is begun again. After it, that is what was waited for, if it can be
    /// BFD's doing by its time and its reason.
    pub fn closed(&mut self, close: Close, now: Instant) -> Option<Found> {
        self.established = false;
        if !self.silent {
            return None;
        }
        let waited = now - self.last_sent;
        let (is_bfd, how) = match close {
            Close::Notification { code, subcode } => {
                ((code, subcode) == BFD_DOWN, format!("by NOTIFICATION {code}/{subcode}"))
            }
            // A BGP process that died does so: what closes a session for BFD says it.
            Close::HungUp => (false, "without a word".to_owned()),
            Close::Garbage => (false, "for what it sent isn't BGP".to_owned()),
        };
        let after_ms = ms(waited);
        Some(match is_bfd && waited >= FALLS_AFTER {
            true => Found::Fell { after_ms, detection_ms: ms(DETECTION) },
            false => Found::NotTried {
                why: format!(
                    "BGP was closed for another reason than BFD, {how}, {after_ms} ms after the last packet"
                ),
            },
        })
    }

    /// Time passes.
    pub fn tick(&self, now: Instant) -> Option<Found> {
        let waited = now - self.last_sent;
        if self.silent {
            let stands = waited > DETECTION + STANDS_AFTER;
            return stands.then(|| Found::Stood { waited_ms: ms(waited), detection_ms: ms(DETECTION) });
        }
        let why = match (self.was_established, self.was_up) {
            _ if now - self.began <= COMES_UP_WITHIN => return None,
            (false, false) => "neither BGP nor BFD came up",
            (false, true) => "BGP didn't come up",
            (true, false) => "BFD didn't come up",
            (true, true) => "BGP and BFD didn't stay up together",
        };
        Some(Found::NotTried { why: why.to_owned() })
    }
}

fn ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOWN: Close = Close::Notification { code: 6, subcode: 10 };

    fn silenced(began: Instant) -> Trial {
        let mut trial = Trial::new(began);
        trial.established();
        (0..STEADY).for_each(|_| trial.heard(true));
        assert!(trial.is_silent());
        trial.sent(began);
        trial
    }

    #[test]
    fn bgp_that_falls_after_silence_is_the_proof_with_its_time() {
        let now = Instant::now();
        let found = silenced(now).closed(DOWN, now + Duration::from_millis(302));
        assert_eq!(found, Some(Found::Fell { after_ms: 302, detection_ms: 300 }));
    }

    #[test]
    fn a_close_that_cannot_be_bfds_proves_nothing() {
        let now = Instant::now();
        let closed = |close, after_ms| silenced(now).closed(close, now + Duration::from_millis(after_ms));
        assert!(
            matches!(closed(DOWN, 200), Some(Found::Fell { after_ms: 200, .. })),
            "the router's clock is its own"
        );
        let reset = Close::Notification { code: 6, subcode: 4 };
        for (close, after_ms, says) in [
            (DOWN, 199, "6/10, 199 ms after"),
            (DOWN, 5, "6/10, 5 ms after"),
            (reset, 302, "6/4, 302 ms after"),
            (Close::HungUp, 302, "without a word, 302 ms after"),
            (Close::Garbage, 302, "isn't BGP"),
        ] {
            match closed(close, after_ms) {
                Some(Found::NotTried { why }) => assert!(why.contains(says), "{why}"),
                other => panic!("{close:?} after {after_ms} ms: {other:?}"),
            }
        }
    }

    #[test]
    fn bgp_that_stands_long_after_the_detection_time_is_told_so() {
        let (now, after) = (Instant::now(), DETECTION + STANDS_AFTER);
        let trial = silenced(now);
        assert_eq!(trial.tick(now + after), None);
        let found = trial.tick(now + after + Duration::from_millis(1));
        assert!(matches!(found, Some(Found::Stood { waited_ms: 1301, detection_ms: 300 })), "{found:?}");
    }

    #[test]
    fn nothing_is_silenced_before_bfd_is_steadily_up_since_bgp_was_established() {
        let mut trial = Trial::new(Instant::now());
        (0..2 * STEADY).for_each(|_| trial.heard(true));
        assert!(!trial.is_silent(), "BGP isn't there yet");
        trial.established();
        (1..STEADY).for_each(|_| trial.heard(true));
        trial.heard(false);
        (1..STEADY).for_each(|_| trial.heard(true));
        assert!(!trial.is_silent(), "BFD began anew");
        assert_eq!(trial.closed(DOWN, Instant::now()), None, "a fall before the silence proves nothing");
        trial.heard(true);
        assert!(!trial.is_silent(), "BGP isn't there any more");
    }

    #[test]
    fn a_session_that_never_comes_up_is_told_by_what_was_missing() {
        let (now, late) = (Instant::now(), COMES_UP_WITHIN + Duration::from_millis(1));
        let why = |trial: &Trial| match trial.tick(now + late) {
            Some(Found::NotTried { why }) => why,
            other => panic!("{other:?}"),
        };
        let mut trial = Trial::new(now);
        assert_eq!(trial.tick(now + COMES_UP_WITHIN), None);
        assert_eq!(why(&trial), "neither BGP nor BFD came up");
        trial.established();
        assert_eq!(why(&trial), "BFD didn't come up");
    }
}
