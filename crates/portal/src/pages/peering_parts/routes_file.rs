//! All received routes that are filtered for, as a CSV file that is written while they are read:
//! one page of the API at a time is in memory.

use super::received_routes::{Asked, COLUMNS, OF, Rows, row};
use crate::api::Api;
use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::parts::table::file;
use crate::session::Context;
use axum::response::Response;

/// What is still to be written.
enum Left {
    /// A page that is read already.
    Page(Rows),
    /// The page after a token.
    After(String),
    Nothing,
}

/// The file, beginning with the page that was read already.
pub(super) fn stream(context: &Context, at: At, asked: Asked, first: Rows) -> Response {
    let state = (context.api.clone(), at, asked, Left::Page(first));
    let pages = futures::stream::unfold(state, |(api, at, mut asked, left)| async move {
        let rows = match left {
            Left::Nothing => return None,
            Left::Page(rows) => Ok(rows),
            Left::After(token) => {
                asked.after = token;
                read(&api, &at, &asked).await
            }
        };
        let (page, left) = match rows {
            Ok(rows) => {
                let left = rows.next().map_or(Left::Nothing, Left::After);
                (Ok(rows.value.iter().map(row).collect()), left)
            }
            Err(error) => (Err(error), Left::Nothing),
        };
        Some((page, (api, at, asked, left)))
    });
    file(OF, COLUMNS, &context.asked, pages)
}

async fn read(api: &Api, at: &At, asked: &Asked) -> Result<Rows, PageError> {
    let body = api.get(&asked.path(at)).await?;
    serde_json::from_value(body).map_err(PageError::internal)
}
