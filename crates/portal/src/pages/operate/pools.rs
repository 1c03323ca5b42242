//! The ranges that session addresses come from, and how full they are.

use super::{ROWS, host, listed, number, text};
use crate::error::PageError;
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{copyable, empty};
use crate::session::Context;
use axum::response::Response;
use maud::html;
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "prefix", title: "Pool" },
    Column { key: "location", title: "Location" },
    Column { key: "length", title: "Gives out" },
    Column { key: "used", title: "In use" },
    Column { key: "resting", title: "Resting" },
    Column { key: "subnets", title: "Subnets" },
    Column { key: "share", title: "Taken" },
];

/// More subnets than this many bits count aren't written out.
const MANY_BITS: u64 = 20;

/// Above this share a pool is about to run out.
const SCARCE_PERCENT: f64 = 80.0;

/// Shows all pools.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let all = context.api.list("/api/v1/pools", ROWS).await?;
    let note = html! { p.remark { "Addresses that a connection gave back rest for 30 days." } };
    let table = Table {
        of: "pools",
        path: "/operate/pools",
        columns: COLUMNS,
        choices: &["location"],
        rows: all.iter().map(row).collect(),
        empty: empty("No pools yet", "They come with the inventory: meetme inventory apply FILE.", html! {}),
    };
    Ok(listed(&context, "Pools", table, &context.asked, note, html! {}))
}

fn row(pool: &Value) -> Vec<Cell> {
    let share = percent_taken(pool);
    let words = format!("{share:.1} %");
    vec![
        Cell::shown(text(pool, "prefix"), copyable(text(pool, "prefix"))),
        Cell::text(text(pool, "location")),
        Cell::text(format!("/{}", number(pool, "subnetLength"))),
        Cell::text(number(pool, "used")),
        Cell::text(number(pool, "resting")),
        subnets(pool),
        Cell::shown(
            &words,
            html! {
                meter min="0" max="100" high=(SCARCE_PERCENT) value=(format!("{share:.1}")) aria-label="Taken" { (words) }
                " " (words)
            },
        ),
    ]
}

/// How many there are; very many as a power of two.
fn subnets(pool: &Value) -> Cell {
    let length = text(pool, "prefix").split_once('/').and_then(|(_, length)| length.parse::<u64>().ok());
    match (length, pool["subnetLength"].as_u64()) {
        (Some(length), Some(given)) if given > length + MANY_BITS => {
            let bits = given - length;
            Cell::shown(format!("2^{bits}"), html! { "2" sup { (bits) } })
        }
        _ => Cell::text(number(pool, "subnets")),
    }
}

/// Share of a pool's subnets that can't be given out now.
fn percent_taken(pool: &Value) -> f64 {
    let count = |name: &str| pool[name].as_f64().unwrap_or(0.0);
    if count("subnets") > 0.0 { 100.0 * (count("used") + count("resting")) / count("subnets") } else { 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_rests_is_taken_too() {
        let pool = json!({ "subnets": 128, "used": 30, "resting": 2 });
        assert!((percent_taken(&pool) - 25.0).abs() < f64::EPSILON);
    }
}
