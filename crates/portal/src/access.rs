//! What a person may do: the one place that pages ask.

use meetme_store::{Person, Principal, Role, Session};

/// The person who looks at a page.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// The person.
    pub person: Person,
    /// The session.
    pub session: Session,
    /// What forms of this session carry, so that no other site can send them.
    pub csrf: String,
    /// Whether a form is only shown again that was sent outside of this session: nothing is changed.
    pub again: bool,
}

impl Viewer {
    /// True for those who run the host's network.
    pub fn is_operator(&self) -> bool {
        self.person.role == Role::Operator
    }

    /// True for those who see the host's side: operators, and readers of everything.
    pub fn sees_host(&self) -> bool {
        self.is_operator() || (self.person.role == Role::Reader && self.person.subscriptions.is_empty())
    }

    /// True for those who may change something in subscriptions that they reach.
    pub fn writes(&self) -> bool {
        self.person.role != Role::Reader
    }

    /// True when the person reaches the subscription.
    pub fn reaches(&self, subscription: &str) -> bool {
        self.sees_host() || self.person.subscriptions.iter().any(|s| s.eq_ignore_ascii_case(subscription))
    }

    /// As whom the API is asked for this path: `None` for a subscription that isn't the person's.
    pub fn principal(&self, path: &str) -> Option<Principal> {
        let asked = subscription_of(path);
        let subscription = match asked {
            _ if self.sees_host() => None,
            Some(asked) => {
                Some(self.person.subscriptions.iter().find(|s| s.eq_ignore_ascii_case(asked))?.clone())
            }
            None => Some(self.person.subscriptions.first()?.clone()),
        };
        Some(Principal {
            // Tokens have ids above zero: people are counted apart.
            id: -self.person.id,
            name: self.person.email.clone(),
            role: self.person.role,
            subscription,
            expires_at: None,
        })
    }
}

/// The subscription that a path of the API is about.
fn subscription_of(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/subscriptions/")?;
    rest.split(['/', '?']).next().filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn viewer(role: Role, subscriptions: &[&str]) -> Viewer {
        let at = Timestamp::UNIX_EPOCH;
        Viewer {
            person: Person {
                id: 7,
                email: "ann@tel.example".into(),
                name: "Ann".into(),
                role,
                subscriptions: subscriptions.iter().map(|s| (*s).to_owned()).collect(),
                password_hash: None,
                disabled: false,
                created_at: at,
            },
            session: Session {
                id: 1,
                person_id: 7,
                created_at: at,
                seen_at: at,
                expires_at: at,
                agent: String::new(),
            },
            csrf: String::new(),
            again: false,
        }
    }

    #[test]
    fn a_peer_is_one_of_its_own_subscriptions_and_no_other() {
        let peer = viewer(Role::Peer, &["Sub-A", "Sub-B"]);
        let of = |path: &str| peer.principal(path).map(|p| p.subscription);
        assert_eq!(of("/subscriptions/sub-b/providers/x"), Some(Some("Sub-B".into())));
        assert_eq!(of("/api/v1/subscriptions/SUB-A/audit"), Some(Some("Sub-A".into())));
        assert_eq!(of("/subscriptions/Sub-C?x"), None);
        assert_eq!(of("/providers/Microsoft.Peering/operations"), Some(Some("Sub-A".into())));
        assert!(!peer.sees_host() && peer.reaches("SUB-A") && !peer.reaches("Sub-C"));
    }

    #[test]
    fn an_operator_and_a_reader_of_everything_reach_all() {
        for role in [Role::Operator, Role::Reader] {
            let all = viewer(role, &[]);
            assert_eq!(all.principal("/subscriptions/any").unwrap().subscription, None);
            assert_eq!(all.writes(), role == Role::Operator);
        }
        assert!(!viewer(Role::Reader, &["Sub-A"]).sees_host());
    }
}
