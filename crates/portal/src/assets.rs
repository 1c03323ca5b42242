//! Styles, scripts and icons, in the binary. Their address has a part made from their content, so
//! browsers keep them for good and get new ones at once.

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
    /// `<name without ending>-<hash>.<ending>`.
    file: String,
}

fn asset(name: &'static str, content_type: &'static str, content: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(content).iter().take(6).map(|b| format!("{b:02x}")).collect();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    Asset { name, content_type, content, file: format!("{stem}-{hash}.{ending}") }
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    const JS: &str = "text/javascript; charset=utf-8";
    vec![
        asset("portal.css", "text/css; charset=utf-8", include_bytes!("../assets/portal.css")),
        asset("drawings.css", "text/css; charset=utf-8", include_bytes!("../assets/drawings.css")),
        asset("portal.js", JS, include_bytes!("../assets/portal.js")),
        asset("htmx.min.js", JS, include_bytes!("../assets/htmx.min.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
        asset("land.svg", "image/svg+xml", include_bytes!("../assets/land.svg")),
    ]
});

/// The address of an asset.
pub(crate) fn path(name: &str) -> String {
    let found = ASSETS.iter().find(|a| a.name == name);
    format!("/assets/{}", found.map_or(name, |a| a.file.as_str()))
}

/// Answers an asset.
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.file == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, Bytes::from_static(asset.content)).into_response()
}
