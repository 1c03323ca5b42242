//! Ids by which a request is found again: ours (`x-ms-request-id`), the one of the whole chain of
//! calls that it belongs to (`x-ms-correlation-request-id`), and the client's own, which goes back
//! when it asks for that.

use axum::http::{HeaderMap, HeaderValue};

const CORRELATION: &str = "x-ms-correlation-request-id";
const CLIENT: &str = "x-ms-client-request-id";
const RETURN_CLIENT: &str = "x-ms-return-client-request-id";
/// Longest id taken over from a client.
const ID_LIMIT: usize = 128;

/// The ids of one request.
#[derive(Debug)]
pub(crate) struct RequestIds {
    /// Ours.
    pub request: String,
    /// The chain's; ours when the client named none.
    pub correlation: String,
    client: Option<String>,
}

impl RequestIds {
    /// New ids for a request with these headers.
    pub fn new(headers: &HeaderMap) -> Self {
        let request = uuid::Uuid::new_v4().to_string();
        let wanted = headers.get(RETURN_CLIENT).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"true"));
        Self {
            correlation: taken(headers, CORRELATION).unwrap_or_else(|| request.clone()),
            client: taken(headers, CLIENT).filter(|_| wanted),
            request,
        }
    }

    /// Writes them into an answer.
    pub fn write(&self, headers: &mut HeaderMap) {
        let ids = [("x-ms-request-id", Some(&self.request)), (CORRELATION, Some(&self.correlation))];
        for (name, id) in ids.into_iter().chain([(CLIENT, self.client.as_ref())]) {
            if let Some(value) = id.and_then(|id| HeaderValue::from_str(id).ok()) {
                headers.insert(name, value);
            }
        }
    }
}

/// An id as the client sent it, if it is one: short, and of visible ASCII.
fn taken(headers: &HeaderMap, name: &str) -> Option<String> {
    let id = headers.get(name)?.to_str().ok()?.trim();
    let fine = (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    fine.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(asked: &[(&'static str, &'static str)]) -> HeaderMap {
        let asked = asked.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v)));
        let mut answer = HeaderMap::new();
        RequestIds::new(&asked.collect()).write(&mut answer);
        answer
    }

    #[test]
    fn a_client_finds_its_ids_in_the_answer() {
        let answer = answered(&[(CORRELATION, "chain-1"), (CLIENT, "mine"), (RETURN_CLIENT, "True")]);
        assert_eq!(answer[CORRELATION], "chain-1");
        assert_eq!(answer[CLIENT], "mine");
        assert_ne!(answer["x-ms-request-id"], "chain-1");
    }

    #[test]
    fn what_is_no_id_is_replaced_and_what_nobody_asked_for_stays_away() {
        let answer = answered(&[(CORRELATION, "two words"), (CLIENT, "mine")]);
        assert_eq!(answer[CORRELATION], answer["x-ms-request-id"]);
        assert!(!answer.contains_key(CLIENT));
    }
}
