//! How much one caller may ask: token buckets per token for reads, writes and questions that others
//! have to answer, routers and edges, and one for all tokens that turn out wrong.
//!
//! Everything is in memory and forgotten at the end of the process. Knows no route: the caller says
//! whom a request asks.

use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Callers whose buckets are kept before those at rest are forgotten.
const CALLERS_KEPT: usize = 1024;
/// Fingerprints of tokens that are kept, of right and of wrong ones, at most.
const KNOWN_KEPT: usize = 10_000;

/// How fast something may go on, and how much of it at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In the long run, per second.
    pub per_s: NonZeroU32,
    /// At once, after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate; zeros count as one.
    pub fn new(per_s: u32, burst: u32) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self { per_s: at_least_one(per_s), burst: at_least_one(burst) }
    }
}

/// The rates that are kept to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// GET and HEAD, per token.
    pub reads: Rate,
    /// All other methods, per token.
    pub writes: Rate,
    /// Live questions to routers, per token; they count as reads or writes, too.
    pub live: Rate,
    /// Pages of routes, which are read at edges, per token; they count as reads, too.
    pub routes: Rate,
    /// Tokens that turn out wrong, for all callers together.
    pub failed_tokens: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            reads: Rate::new(500, 5000),
            writes: Rate::new(50, 500),
            live: Rate::new(1, 10),
            routes: Rate::new(20, 1000),
            failed_tokens: Rate::new(10, 200),
        }
    }
}

/// Who has to answer a request besides this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Nobody.
    Nobody,
    /// A router.
    Router,
    /// An edge, of the routes that it keeps.
    Edge,
}

/// What is left of a caller's burst after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remaining {
    header: &'static str,
    left: u32,
}

impl Remaining {
    /// Tells it in the answer's headers.
    pub fn stamp(self, headers: &mut HeaderMap) {
        headers.insert(self.header, HeaderValue::from(self.left));
    }
}

/// Too much: come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Whole seconds, at least 1.
    pub after_s: u64,
    what: &'static str,
    rate: Rate,
}

impl IntoResponse for Retry {
    /// 429 with `Retry-After` (RFC 6585 §4).
    fn into_response(self) -> Response {
        let Rate { per_s, burst } = self.rate;
        let message = format!(
            "too many {}: {per_s} per second are taken, and {burst} at once after a rest; try again in {} s",
            self.what, self.after_s
        );
        let mut response =
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.after_s));
        response
    }
}

/// A store of permissions that fills up at a rate.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: Rate,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, level: f64::from(rate.burst.get()), at: now }
    }

    fn fill(&mut self, now: Instant) {
        let since_s = now.saturating_duration_since(self.at).as_secs_f64();
        let most = f64::from(self.rate.burst.get());
        self.level = (self.level + since_s * f64::from(self.rate.per_s.get())).min(most);
        self.at = self.at.max(now);
    }

    /// Seconds until one may be taken; `None` when it may be now.
    fn wait_s(&mut self, now: Instant) -> Option<u64> {
        self.fill(now);
        let missing = 1.0 - self.level;
        (missing > 0.0).then(|| {
            let wait = Duration::from_secs_f64(missing / f64::from(self.rate.per_s.get()));
            wait.as_secs() + 1
        })
    }

    fn check(&mut self, what: &'static str, now: Instant) -> Result<(), Retry> {
        self.wait_s(now).map_or(Ok(()), |after_s| Err(Retry { after_s, what, rate: self.rate }))
    }

    /// Takes one that `check` found.
    fn take(&mut self) {
        self.level -= 1.0;
    }

    fn give_back(&mut self) {
        self.level = (self.level + 1.0).min(f64::from(self.rate.burst.get()));
    }

    fn left(&self) -> u32 {
        self.level.max(0.0) as u32
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left() == self.rate.burst.get()
    }
}

/// One caller's buckets.
struct Caller {
    reads: Bucket,
    writes: Bucket,
    live: Bucket,
    routes: Bucket,
}

impl Caller {
    fn full(rates: &Rates, now: Instant) -> Self {
        Self {
            reads: Bucket::full(rates.reads, now),
            writes: Bucket::full(rates.writes, now),
            live: Bucket::full(rates.live, now),
            routes: Bucket::full(rates.routes, now),
        }
    }

    fn at_rest(&mut self, now: Instant) -> bool {
        [&mut self.reads, &mut self.writes, &mut self.live, &mut self.routes]
            .into_iter()
            .all(|bucket| bucket.is_full(now))
    }
}

/// The buckets of a process.
pub(crate) struct Limits {
    rates: Rates,
    callers: Mutex<Callers>,
    tokens: Mutex<Tokens>,
    /// Keyed anew in each process: fingerprints of tokens mean nothing elsewhere.
    hasher: RandomState,
}

struct Callers {
    by_id: HashMap<i64, Caller>,
    sweep_at: usize,
}

struct Tokens {
    wrong: Bucket,
    /// Fingerprints of tokens that were right when last seen: these are never kept waiting for
    /// others' wrong ones.
    right: HashSet<u64>,
    /// Fingerprints of wrong ones: to try one again is no new guess.
    refused: HashSet<u64>,
}

impl Tokens {
    fn is_guess(&self, fingerprint: u64) -> bool {
        !self.right.contains(&fingerprint) && !self.refused.contains(&fingerprint)
    }
}

/// Keeps one more; when there are too many, all are forgotten and come in again.
fn remember(kept: &mut HashSet<u64>, fingerprint: u64) {
    if kept.len() >= KNOWN_KEPT {
        kept.clear();
    }
    kept.insert(fingerprint);
}

impl Limits {
    /// Full buckets.
    pub fn new(rates: &Rates) -> Self {
        Self {
            callers: Mutex::new(Callers { by_id: HashMap::new(), sweep_at: CALLERS_KEPT }),
            tokens: Mutex::new(Tokens {
                wrong: Bucket::full(rates.failed_tokens, Instant::now()),
                right: HashSet::new(),
                refused: HashSet::new(),
            }),
            hasher: RandomState::new(),
            rates: rates.clone(),
        }
    }

    /// Counts a request of the principal with this id.
    pub fn admit(&self, principal_id: i64, method: &Method, asks: Asks) -> Result<Remaining, Retry> {
        self.admit_at(principal_id, method, asks, Instant::now())
    }

    /// The same at a time: one never goes back, so nothing fills up for whoever comes with an earlier one.
    pub fn admit_at(&self, id: i64, method: &Method, asks: Asks, now: Instant) -> Result<Remaining, Retry> {
        let mut callers = locked(&self.callers);
        let callers = &mut *callers;
        if callers.by_id.len() >= callers.sweep_at {
            callers.by_id.retain(|_, c| !c.at_rest(now));
            callers.sweep_at = CALLERS_KEPT.max(2 * callers.by_id.len());
        }
        let caller = callers.by_id.entry(id).or_insert_with(|| Caller::full(&self.rates, now));
        let (bucket, what, header) = match *method {
            Method::GET | Method::HEAD => {
                (&mut caller.reads, "reads", "x-ms-ratelimit-remaining-subscription-reads")
            }
            _ => (&mut caller.writes, "writes", "x-ms-ratelimit-remaining-subscription-writes"),
        };
        bucket.check(what, now)?;
        let other = match asks {
            Asks::Nobody => None,
            Asks::Router => Some((&mut caller.live, "live questions to routers")),
            Asks::Edge => Some((&mut caller.routes, "pages of routes")),
        };
        if let Some((bucket, what)) = other {
            bucket.check(what, now)?;
            bucket.take();
        }
        bucket.take();
        Ok(Remaining { header, left: bucket.left() })
    }

    /// Before a token is looked up: one that wasn't seen before has to wait while too many wrong
    /// ones come. [`Guess::settle`] says how it turned out.
    pub fn guess(&self, headers: &HeaderMap) -> Result<Guess<'_>, Retry> {
        self.guess_at(headers, Instant::now())
    }

    /// The same at a time, as with [`Limits::admit_at`].
    pub fn guess_at(&self, headers: &HeaderMap, now: Instant) -> Result<Guess<'_>, Retry> {
        // Without a token there is nothing to look up, and nothing to guess.
        let fingerprint = headers.get(header::AUTHORIZATION).map(|v| self.hasher.hash_one(v.as_bytes()));
        let mut tokens = locked(&self.tokens);
        let paid = fingerprint.is_some_and(|f| tokens.is_guess(f));
        if paid {
            tokens.wrong.check("wrong tokens", now)?;
            tokens.wrong.take();
        }
        Ok(Guess { limits: self, fingerprint, paid })
    }
}

/// A token about to be looked up.
#[must_use]
pub(crate) struct Guess<'l> {
    limits: &'l Limits,
    fingerprint: Option<u64>,
    /// It was taken from the bucket of wrong ones.
    paid: bool,
}

impl Guess<'_> {
    /// Was it right?
    pub fn settle(self, right: bool) {
        let Some(fingerprint) = self.fingerprint else { return };
        let mut tokens = locked(&self.limits.tokens);
        if right && self.paid {
            tokens.wrong.give_back();
        }
        let Tokens { right: kept, refused, .. } = &mut *tokens;
        let (kept, other) = if right { (kept, refused) } else { (refused, kept) };
        other.remove(&fingerprint);
        if !kept.contains(&fingerprint) {
            remember(kept, fingerprint);
        }
    }
}

/// Nothing is left half done in these locks, so one that somebody panicked in is fine.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
