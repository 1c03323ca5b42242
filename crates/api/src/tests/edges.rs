//! What the edges tell, as tests need it: routers' states, and received routes that are asked live.

use super::fixture::{Api, now};
use crate::EdgeQueries;
use meetme_model::link::{EdgeAnswer, EdgeQuery, JudgedRoute, RouteFilter, RouterState};
use meetme_model::route::*;
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// What the edges were asked for: sessions (with their routers) and filter, question by question.
pub type Asked = Arc<Mutex<Vec<(Vec<(String, String)>, RouteFilter)>>>;

/// A router that is reached, and has nothing yet.
pub fn reachable(router: &str) -> RouterState {
    RouterState { bmp_connected: true, ..RouterState::reached(router, now()) }
}

/// A route that is used like any other.
pub fn route(router: &str, session: &str, prefix: &str, path: &[u32]) -> JudgedRoute {
    JudgedRoute {
        router: router.into(),
        session: session.into(),
        route: ReceivedRoute {
            prefix: prefix.parse().unwrap(),
            attributes: RouteAttributes {
                as_path: AsPath::sequence(path.iter().copied()),
                next_hop: "198.18.192.2".parse().unwrap(),
                communities: vec![],
                med: None,
            },
            rpki: RpkiState::NotChecked,
            received_at: now(),
        },
        verdict: RouteVerdict { usage: RouteUse::Ordinary, faults: vec![], last_resort: None },
    }
}

/// Edges that have these routes, and page as the real one does.
pub fn edges_with(mut routes: Vec<JudgedRoute>, asked: Asked) -> EdgeQueries {
    routes.sort_by(|a, b| (a.route.prefix, &a.session).cmp(&(b.route.prefix, &b.session)));
    let routes = Arc::new(routes);
    Arc::new(move |router, query| {
        let (routes, asked) = (routes.clone(), asked.clone());
        Box::pin(async move {
            let EdgeQuery::ReceivedRoutes { sessions, filter, after, limit } = query else {
                return Err("unexpected".into());
            };
            let mut rows: Vec<JudgedRoute> = routes
                .iter()
                .filter(|r| r.router == router && sessions.contains(&(r.router.clone(), r.session.clone())))
                .filter(|r| filter.prefix.is_none_or(|p| p == r.route.prefix))
                .filter(|r| filter.used.is_none_or(|used| used == (r.verdict.usage != RouteUse::Unused)))
                .filter(|r| after.as_ref().is_none_or(|(p, s)| (r.route.prefix, &r.session) > (*p, s)))
                .cloned()
                .collect();
            asked.lock().unwrap().push((sessions, filter));
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next = rows.last().filter(|_| more).map(|r| (r.route.prefix, r.session.clone()));
            Ok(EdgeAnswer::ReceivedRoutes { rows, next })
        })
    })
}

/// All rows from `path` on, page after page, and the number of pages.
pub async fn walk(api: &Api, path: String) -> (Vec<Value>, usize) {
    let (mut rows, mut pages, mut next) = (Vec::new(), 0, Some(path));
    while let Some(path) = next {
        let mut page = api.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        pages += 1;
        assert!(pages < 50, "pages without end");
        rows.append(page.body["value"].as_array_mut().unwrap());
        next = page.body["nextLink"]
            .as_str()
            .map(|l| l.strip_prefix("http://api.example.net:8971").unwrap().to_owned());
    }
    (rows, pages)
}
