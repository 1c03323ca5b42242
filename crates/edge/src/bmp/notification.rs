//! Why a session went down, in words: Peer Down's reason (RFC 7854 §4.9) and the NOTIFICATION in it
//! (RFC 4271 §4.5, §6; RFC 4486, RFC 8538, RFC 9384).
//!
//! A number without a name here is told as a number: that the session is down doesn't depend on it.

const BGP_HEADER_LEN: usize = 19;

/// The reason of a Peer Down message, by what follows its per-peer header.
pub(super) fn down_reason(body: &[u8]) -> String {
    let Some((reason, data)) = body.split_first() else {
        return "closed, without a reason".to_owned();
    };
    match (reason, data) {
        (1, data) => format!("closed by the router: {}", notification(data)),
        (2, [high, low, ..]) if (*high, *low) != (0, 0) => {
            let event = u16::from_be_bytes([*high, *low]);
            format!("closed by the router: FSM event {event} (RFC 4271 §8.1)")
        }
        (2 | 6, _) => "closed by the router".to_owned(),
        (3, data) => format!("closed by the peer: {}", notification(data)),
        (4, _) => "closed by the peer without a notification, or the connection was lost".to_owned(),
        (5, _) => "removed from the router's configuration".to_owned(),
        (other, _) => format!("closed, reason {other}"),
    }
}

fn notification(message: &[u8]) -> String {
    let Some([code, subcode, ..]) = message.get(BGP_HEADER_LEN..) else {
        return "a notification that can't be read".to_owned();
    };
    let what = match code {
        1 => "message header error",
        2 => "OPEN message error",
        3 => "UPDATE message error",
        4 => "hold timer expired",
        5 => "finite state machine error",
        6 => "cease",
        _ => return format!("notification {code}/{subcode}"),
    };
    let more = match (code, subcode) {
        (2, 1) => "unsupported version",
        (2, 2) => "wrong ASN",
        (2, 3) => "wrong BGP identifier",
        (2, 6) => "unacceptable hold time",
        (2, 7) => "unsupported capability",
        (2, 11) => "role mismatch (RFC 9234)",
        (6, 1) => "maximum number of prefixes reached",
        (6, 2) => "administrative shutdown",
        (6, 3) => "peer removed from the configuration",
        (6, 4) => "administrative reset",
        (6, 5) => "connection rejected",
        (6, 6) => "another change of the configuration",
        (6, 7) => "connection collision",
        (6, 8) => "out of resources",
        (6, 9) => "hard reset",
        (6, 10) => "BFD down",
        _ => return format!("{what} ({code}/{subcode})"),
    };
    format!("{what}, {more} ({code}/{subcode})")
}

#[cfg(test)]
mod tests {
    use super::down_reason;

    #[test]
    fn a_notification_is_told_in_words_with_its_numbers() {
        let mut body = vec![3];
        body.extend([0xff; 16]);
        body.extend([0, 21, 3, 6, 1]);
        assert_eq!(down_reason(&body), "closed by the peer: cease, maximum number of prefixes reached (6/1)");
        body[21] = 99;
        assert_eq!(down_reason(&body), "closed by the peer: cease (6/99)");
    }

    #[test]
    fn a_reason_cut_short_is_still_a_reason() {
        for body in [&[][..], &[1], &[2], &[2, 0], &[3, 0xff], &[77]] {
            assert!(down_reason(body).starts_with("closed"), "{body:?}");
        }
    }
}
