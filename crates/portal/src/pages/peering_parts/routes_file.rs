//! All received routes that are filtered for, as a CSV file that is written while they are read:
//! one page of the API at a time is in memory.

use super::file;
use super::received_routes::{Asked, Route, Rows};
use crate::api::Api;
use crate::pages::peerings::at::At;
use crate::parts::table::csv_field;
use axum::body::Body;
use axum::response::Response;
use std::io::Error;

const HEADING: &str = "Prefix,Accepted,Reasons,AS path,Session,Next hop,Router,RPKI,Received\r\n";

/// What is still to be written.
enum Left {
    /// A page that is read already.
    Page(Rows),
    /// The page after a token.
    After(String),
    Nothing,
}

/// The file, beginning with the page that was read already. When a later page can't be had, the
/// download breaks off, so that half a file isn't taken for a whole one.
pub(super) fn stream(api: Api, at: At, asked: Asked, first: Rows) -> Response {
    let name = format!("{}-received-routes.csv", at.name);
    let state = (api, at, asked, Left::Page(first), true);
    let chunks = futures::stream::unfold(state, |(api, at, mut asked, left, is_first)| async move {
        let rows = match left {
            Left::Nothing => return None,
            Left::Page(rows) => Ok(rows),
            Left::After(token) => {
                asked.after = token;
                read(&api, &at, &asked).await
            }
        };
        let (chunk, left) = match rows {
            Ok(rows) => (Ok(text(&rows.value, is_first)), rows.next().map_or(Left::Nothing, Left::After)),
            Err(error) => (Err(error), Left::Nothing),
        };
        Some((chunk, (api, at, asked, left, false)))
    });
    file(&name, "text/csv; charset=utf-8", Body::from_stream(chunks))
}

async fn read(api: &Api, at: &At, asked: &Asked) -> Result<Rows, Error> {
    let body = api.get(&asked.path(at)).await.map_err(Error::other)?;
    serde_json::from_value(body).map_err(Error::other)
}

fn text(rows: &[Route], with_heading: bool) -> String {
    let mut text = if with_heading { HEADING.to_owned() } else { String::new() };
    for r in rows {
        let reasons: Vec<&str> = r.reasons.iter().map(|reason| reason.message.as_str()).collect();
        let fields = [
            r.prefix.as_str(),
            if r.accepted { "yes" } else { "no" },
            &reasons.join("; "),
            &r.as_path,
            r.session_ip.as_deref().unwrap_or(""),
            &r.next_hop,
            &r.router,
            &r.rpki_validation_state,
            &r.received_timestamp,
        ];
        text.push_str(&fields.map(csv_field).join(","));
        text.push_str("\r\n");
    }
    text
}
