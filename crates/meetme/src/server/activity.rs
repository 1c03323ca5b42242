//! What a connection is doing, as seen from outside of HTTP: silent, sending a header, being
//! answered, not taking its answer, closing. From this follows until when it may go on so.

use super::Bounds;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long the last bytes of a client are taken and dropped after our side was closed: one that
/// still sends would lose the answer to a reset otherwise.
const LINGER: Duration = Duration::from_secs(1);
/// Beyond every deadline.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// One connection.
pub struct Activity {
    state: Mutex<State>,
    /// Told to give way.
    pub evicted: Notify,
}

struct State {
    /// HTTP/2: bytes between requests needn't be a header.
    multiplexed: bool,
    in_flight: u32,
    /// HTTP/2: since when each answer waits for its client to take more of it. Such a client can
    /// still be sent other things, so that bytes on the connection tell nothing.
    offered_since: HashMap<u64, Instant>,
    next_answer: u64,
    quiet_since: Instant,
    header_since: Option<Instant>,
    blocked_since: Option<Instant>,
    closing_since: Option<Instant>,
    is_evicted: bool,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// A request's header isn't there in time.
    Header,
    /// Nothing was asked for too long.
    Idle,
    /// The answer isn't taken.
    Write,
    /// The client doesn't close its side.
    Closing,
}

impl Activity {
    /// A connection that was made just now: its first header is awaited.
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                multiplexed: false,
                in_flight: 0,
                offered_since: HashMap::new(),
                next_answer: 0,
                quiet_since: now,
                header_since: Some(now),
                blocked_since: None,
                closing_since: None,
                is_evicted: false,
            }),
            evicted: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After the TLS handshake.
    pub fn begin_http(&self, multiplexed: bool) {
        let mut state = self.state();
        state.multiplexed = multiplexed;
        state.header_since = Some(Instant::now());
    }

    /// Bytes came.
    pub fn received(&self) {
        let mut state = self.state();
        if state.in_flight == 0 && !state.multiplexed && state.header_since.is_none() {
            state.header_since = Some(Instant::now());
        }
    }

    /// Bytes could be sent, or not.
    pub fn sent(&self, blocked: bool) {
        let mut state = self.state();
        match blocked {
            true => {
                state.blocked_since.get_or_insert_with(Instant::now);
            }
            false => state.blocked_since = None,
        }
    }

    /// Our side is closed.
    pub fn closing(&self) {
        self.state().closing_since.get_or_insert_with(Instant::now);
    }

    /// A request's header is complete. `None` when the connection was told to give way before.
    pub fn begin(self: &Arc<Self>) -> Option<InFlight> {
        let mut state = self.state();
        if state.is_evicted {
            return None;
        }
        state.in_flight += 1;
        state.header_since = None;
        state.next_answer += 1;
        Some(InFlight { activity: self.clone(), answer: state.next_answer })
    }

    /// Until when this may go on, and what it is otherwise.
    pub fn deadline(&self, bounds: &Bounds) -> (Instant, Late) {
        let state = self.state();
        if let Some(since) = state.closing_since {
            return (since + LINGER, Late::Closing);
        }
        let blocked = state.blocked_since.iter().chain(state.offered_since.values()).min();
        if let Some(since) = blocked {
            return (*since + bounds.write_timeout, Late::Write);
        }
        match state.header_since {
            _ if state.in_flight > 0 => (state.quiet_since + FAR, Late::Idle),
            Some(since) => (since + bounds.header_timeout, Late::Header),
            None => (state.quiet_since + bounds.idle_timeout, Late::Idle),
        }
    }

    /// Since when nothing was asked; `None` while something is answered.
    pub fn silent_since(&self) -> Option<Instant> {
        let state = self.state();
        let busy = state.in_flight > 0 || state.blocked_since.is_some() || state.is_evicted;
        (!busy).then_some(state.quiet_since)
    }

    /// Makes it give way, unless a request came meanwhile.
    pub fn evict(&self) -> bool {
        let mut state = self.state();
        if state.in_flight > 0 {
            return false;
        }
        state.is_evicted = true;
        drop(state);
        self.evicted.notify_one();
        true
    }
}

/// A request that isn't answered to its end yet.
pub struct InFlight {
    activity: Arc<Activity>,
    answer: u64,
}

impl InFlight {
    /// There is something for the client to take. Over HTTP/1.1 the connection's own bytes tell
    /// whether it does.
    pub fn offered(&self) {
        let mut state = self.activity.state();
        if state.multiplexed {
            state.offered_since.insert(self.answer, Instant::now());
        }
    }

    /// The client has room for more.
    pub fn taken(&self) {
        self.activity.state().offered_since.remove(&self.answer);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.offered_since.remove(&self.answer);
        state.in_flight -= 1;
        state.quiet_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(activity: &Activity) -> Late {
        activity.deadline(&Bounds::default()).1
    }

    #[test]
    fn each_phase_has_its_own_deadline() {
        let activity = Arc::new(Activity::new());
        assert_eq!(late(&activity), Late::Header);
        let request = activity.begin().unwrap();
        activity.received();
        let (until, _) = activity.deadline(&Bounds::default());
        assert!(until > Instant::now() + Duration::from_secs(3600), "an answer takes what it takes");
        activity.sent(true);
        assert_eq!(late(&activity), Late::Write);
        activity.sent(false);
        drop(request);
        assert_eq!(late(&activity), Late::Idle);
        activity.received();
        assert_eq!(late(&activity), Late::Header);
        activity.closing();
        assert_eq!(late(&activity), Late::Closing);
    }

    #[test]
    fn bytes_of_http_2_between_requests_are_no_header() {
        let activity = Arc::new(Activity::new());
        activity.begin_http(true);
        drop(activity.begin().unwrap());
        activity.received();
        assert_eq!(late(&activity), Late::Idle);
    }

    #[test]
    fn an_answer_over_http_2_is_taken_or_late_whatever_else_is_sent() {
        let activity = Arc::new(Activity::new());
        activity.begin_http(true);
        let (one, other) = (activity.begin().unwrap(), activity.begin().unwrap());
        one.offered();
        other.offered();
        other.taken();
        activity.sent(false);
        assert_eq!(late(&activity), Late::Write, "one of them isn't taken");
        one.taken();
        assert_eq!(late(&activity), Late::Idle, "both wait for us");
        one.offered();
        drop(one);
        let (until, _) = activity.deadline(&Bounds::default());
        assert!(until > Instant::now() + Duration::from_secs(3600));
        let plain = Arc::new(Activity::new());
        let request = plain.begin().unwrap();
        request.offered();
        assert_eq!(late(&plain), Late::Idle);
    }

    #[test]
    fn only_a_silent_connection_gives_way_and_then_takes_no_request() {
        let activity = Arc::new(Activity::new());
        let request = activity.begin().unwrap();
        assert!(activity.silent_since().is_none() && !activity.evict());
        drop(request);
        assert!(activity.silent_since().is_some() && activity.evict());
        assert!(activity.begin().is_none());
    }
}
