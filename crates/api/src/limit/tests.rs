//! Time is given, never waited for.

use super::*;

fn limits() -> Limits {
    Limits::new(&Rates {
        reads: Rate::new(10, 3),
        writes: Rate::new(1, 2),
        live: Rate::new(1, 1),
        routes: Rate::new(1, 2),
        failed_tokens: Rate::new(1, 2),
    })
}

fn after(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

#[test]
fn a_burst_is_let_through_and_then_the_rate() {
    let (limits, start) = (limits(), Instant::now());
    let read = |ms| limits.admit_at(1, &Method::GET, Asks::Nobody, after(start, ms)).map(|r| r.left);
    assert_eq!([read(0), read(0), read(0)], [Ok(2), Ok(1), Ok(0)]);
    assert_eq!(read(0).unwrap_err().after_s, 1);
    assert_eq!(read(99).unwrap_err().after_s, 1);
    assert_eq!(read(101), Ok(0));
    assert!(read(102).is_err());
    assert_eq!(read(60_000), Ok(2));
}

#[test]
fn reads_writes_and_callers_do_not_take_from_one_another() {
    let (limits, now) = (limits(), Instant::now());
    for _ in 0..2 {
        assert!(limits.admit_at(1, &Method::PUT, Asks::Nobody, now).is_ok());
    }
    let refused = limits.admit_at(1, &Method::DELETE, Asks::Nobody, now).unwrap_err();
    assert_eq!((refused.after_s, refused.what), (1 + 1, "writes"));
    let read = limits.admit_at(1, &Method::HEAD, Asks::Nobody, now).unwrap();
    assert_eq!(read.header, "x-ms-ratelimit-remaining-subscription-reads");
    let other = limits.admit_at(2, &Method::POST, Asks::Nobody, now).unwrap();
    assert_eq!((other.header, other.left), ("x-ms-ratelimit-remaining-subscription-writes", 1));
}

#[test]
fn a_live_question_counts_as_what_it_is_and_as_live() {
    let (limits, now) = (limits(), Instant::now());
    assert_eq!(limits.admit_at(1, &Method::GET, Asks::Router, now).unwrap().left, 2);
    assert_eq!(
        limits.admit_at(1, &Method::GET, Asks::Router, now).unwrap_err().what,
        "live questions to routers"
    );
    // What was refused took nothing.
    assert_eq!(limits.admit_at(1, &Method::GET, Asks::Nobody, now).unwrap().left, 1);
}

#[test]
fn pages_of_routes_have_a_rate_of_their_own() {
    let (limits, now) = (limits(), Instant::now());
    for left in [2, 1] {
        assert_eq!(limits.admit_at(1, &Method::GET, Asks::Edge, now).map(|r| r.left), Ok(left));
    }
    assert_eq!(limits.admit_at(1, &Method::GET, Asks::Edge, now).unwrap_err().what, "pages of routes");
    assert_eq!(limits.admit_at(1, &Method::GET, Asks::Router, now).map(|r| r.left), Ok(0));
}

#[test]
fn callers_at_rest_are_forgotten_and_busy_ones_are_not() {
    let (limits, start) = (limits(), Instant::now());
    for id in 0..100_000 {
        let _ = limits.admit_at(id, &Method::GET, Asks::Nobody, after(start, id as u64));
        assert!(limits.admit_at(-1, &Method::PUT, Asks::Nobody, after(start, id as u64)).is_ok() || id > 0);
    }
    assert!(locked(&limits.callers).by_id.len() <= 2 * CALLERS_KEPT);
    let last = after(start, 99_999);
    while limits.admit_at(-1, &Method::PUT, Asks::Nobody, last).is_ok() {}
    for id in 200_000..210_000 {
        let _ = limits.admit_at(id, &Method::GET, Asks::Nobody, last);
    }
    assert!(limits.admit_at(-1, &Method::PUT, Asks::Nobody, last).is_err());
}

fn with(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    headers
}

#[test]
fn guessing_gets_slow_and_who_was_right_before_does_not_notice() {
    let (limits, start) = (limits(), Instant::now());
    limits.guess_at(&with("good"), start).unwrap().settle(true);
    for wrong in ["a", "b"] {
        limits.guess_at(&with(wrong), start).unwrap().settle(false);
    }
    assert_eq!(limits.guess_at(&with("c"), start).err().map(|r| r.after_s), Some(2));
    for _ in 0..100 {
        limits.guess_at(&with("good"), start).unwrap().settle(true);
        limits.guess_at(&HeaderMap::new(), start).unwrap().settle(false);
    }
    // A right one that wasn't seen before has its turn as well, and takes nobody's.
    for right in ["new", "newer", "newest"] {
        limits.guess_at(&with(right), after(start, 1001)).unwrap().settle(true);
    }
    limits.guess_at(&with("d"), after(start, 1003)).unwrap().settle(false);
    assert!(limits.guess_at(&with("e"), after(start, 1004)).is_err());
}

#[test]
fn who_goes_on_with_a_wrong_token_takes_nobodys_turn() {
    let (limits, now) = (limits(), Instant::now());
    // One that was right and is revoked, and one that never was.
    limits.guess_at(&with("revoked"), now).unwrap().settle(true);
    for _ in 0..100 {
        limits.guess_at(&with("revoked"), now).unwrap().settle(false);
        limits.guess_at(&with("wrong"), now).unwrap().settle(false);
    }
    limits.guess_at(&with("new"), now).unwrap().settle(true);
    assert!(limits.guess_at(&with("b"), now).is_ok() && limits.guess_at(&with("c"), now).is_err());
    // One that was wrong and is made right is right.
    for _ in 0..3 {
        limits.guess_at(&with("wrong"), now).unwrap().settle(true);
    }
}

#[test]
fn what_is_remembered_of_tokens_is_bounded() {
    let limits = Limits::new(&Rates { failed_tokens: Rate::new(1, u32::MAX), ..Rates::default() });
    for n in 0..3 * KNOWN_KEPT {
        limits.guess(&with(&n.to_string())).unwrap().settle(n % 2 == 0);
    }
    let tokens = locked(&limits.tokens);
    assert!(tokens.right.len() <= KNOWN_KEPT && tokens.refused.len() <= KNOWN_KEPT);
}

#[test]
fn the_answer_says_when_to_come_back() {
    let response = Retry { after_s: 7, what: "reads", rate: Rate::new(1, 2) }.into_response();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["content-type"], "application/json");
}

#[test]
fn rates_of_zero_are_no_rates() {
    assert!(serde_json::from_str::<Rates>(r#"{"reads":{"per_s":0,"burst":1}}"#).is_err());
    let rates: Rates = serde_json::from_str(r#"{"live":{"per_s":5,"burst":6}}"#).unwrap();
    assert_eq!((rates.live, rates.reads), (Rate::new(5, 6), Rates::default().reads));
}
