//! Peering services: connections to optimized routing (`docs/rules.md` §6).

mod choices;
mod create;
mod json;
mod list;
mod locations;
mod monitor;
mod place;
mod prefix;
mod prefixes;
mod show;
mod strip;
mod tags;

use crate::PortalState;
use crate::access::Viewer;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::version::{Version, tag_lines};
use crate::parts::{command, tabs};
use crate::query::encode;
use crate::session::Context;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Adds the routes.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    const ONE: &str = "/peering-services/{subscription}/{group}/{name}";
    let below = |rest: &str| format!("{ONE}{rest}");
    Router::new()
        .route("/peering-services", get(list::list))
        .route("/peering-services/create", get(create::basics).post(create::submit))
        .route("/peering-services/create/configuration", get(create::configuration))
        .route("/peering-services/create/review", get(create::review))
        .route(ONE, get(show::show))
        .route(&below("/delete"), post(show::delete))
        .route(&below("/activate"), get(prefixes::form).post(prefixes::activate))
        .route(&below("/prefixes/{prefix}"), get(prefix::show))
        .route(&below("/prefixes/{prefix}/delete"), post(prefix::delete))
        .route(&below("/locations"), get(locations::form).post(locations::save))
        .route(&below("/monitor"), get(monitor::show).post(monitor::add))
        .route(&below("/monitor/initialize"), post(monitor::initialize))
        .route(&below("/monitor/{test}/delete"), post(monitor::delete))
        .route(&below("/json"), get(json::show))
        .route(&below("/tags"), get(tags::form).post(tags::save))
}

/// Why a reader is refused.
const READER: &str = "Your account may look only.";

/// Which peering service a page is about.
#[derive(Clone, Debug, Deserialize)]
struct Service {
    subscription: String,
    group: String,
    name: String,
}

impl Service {
    /// Its page.
    fn page(&self) -> String {
        let Self { subscription, group, name } = self;
        format!("/peering-services/{}/{}/{}", encode(subscription), encode(group), encode(name))
    }

    /// It in the API.
    fn api(&self) -> String {
        let Self { subscription, group, name } = self;
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering/peeringServices/{}",
            encode(subscription),
            encode(group),
            encode(name)
        )
    }

    /// What the API knows of it besides the resource itself.
    fn extension(&self) -> String {
        let Self { subscription, group, name } = self;
        format!(
            "/api/v1/subscriptions/{}/resourceGroups/{}/peeringServices/{}",
            encode(subscription),
            encode(group),
            encode(name)
        )
    }

    /// It as it is now.
    async fn read(&self, context: &Context) -> Result<Value, PageError> {
        context.api.get(&self.api()).await
    }

    /// It as it is now, with the version that forms are made from.
    async fn read_version(&self, context: &Context) -> Result<(Value, Version), PageError> {
        let (there, etag) = context.api.get_tagged(&self.api()).await?;
        let location = |role: &str, name: &str| match property(&there, name) {
            "" => format!("{role} location None"),
            location => format!("{role} location {location}"),
        };
        let mut lines = vec![
            location("primary", "providerPrimaryPeeringLocation"),
            location("backup", "providerBackupPeeringLocation"),
        ];
        lines.extend(tag_lines(&there));
        Ok((there, Version::new(etag.as_deref(), lines)))
    }

    /// One of its pages, with the tabs of all of them.
    fn shown(&self, context: &Context, path: &str, content: Markup) -> Response {
        let base = self.page();
        let parts = [
            ("Overview", base.clone()),
            ("Connection monitor", format!("{base}/monitor")),
            ("Tags", format!("{base}/tags")),
            ("JSON", format!("{base}/json")),
        ];
        let mut shown = Page::new(&context.viewer, path, &self.name, content);
        shown.kind = "Peering Service";
        shown.trail = &[("Peering Services", "/peering-services")];
        shown.tabs = tabs(&parts, path);
        let refused = refused(&context.viewer);
        shown.commands = html! {
            (command(&format!("{base}/activate"), "Add a prefix", refused))
            (command(&format!("{base}/locations"), "Change locations", refused))
        };
        shown.into_response()
    }

    /// A form about it, on a page of its own.
    fn form_page(&self, context: &Context, title: &str, content: Markup) -> Response {
        let base = self.page();
        let trail = [("Peering Services", "/peering-services"), (self.name.as_str(), base.as_str())];
        let mut shown = Page::new(&context.viewer, &context.path, title, content);
        shown.trail = &trail;
        shown.into_response()
    }
}

/// Why the viewer can't change anything, if they can't.
fn refused(viewer: &Viewer) -> Option<&'static str> {
    (!viewer.writes()).then_some(READER)
}

/// A property as text.
fn property<'a>(resource: &'a Value, name: &str) -> &'a str {
    resource["properties"][name].as_str().unwrap_or("")
}

/// A peering location, or what stands for none.
fn or_none(location: &str) -> Markup {
    html! { @if location.is_empty() { span.none { "None" } } @else { (location) } }
}
