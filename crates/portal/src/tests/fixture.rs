//! A portal with somebody signed in, before an API of canned answers.

use crate::{PortalState, router};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meetme_store::{Person, Principal, Role, SealKey, Store, invitation_add, person_insert};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tower::ServiceExt;

/// A name that would do harm if it weren't escaped.
pub const HOSTILE: &str = "\"><img src=x onerror=alert(1)>";

/// Status and body by method and path with query.
type Answers = dyn Fn(&Method, &str) -> Option<(u16, Value)> + Send + Sync;

/// What the API was asked: method, path with query, `If-Match`, body, and by whom.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub if_match: Option<String>,
    pub body: Value,
    pub principal: Principal,
}

/// A portal and a browser that looks at it.
pub struct Portal {
    pub store: Store,
    app: Router,
    asked: Arc<Mutex<Vec<Asked>>>,
    _directory: TempDir,
}

/// A page as it came.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// Where it leads.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |v| v.to_str().unwrap())
    }

    /// The cookie that it sets, as it is sent back.
    pub fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    /// The token of the page's forms.
    pub fn csrf(&self) -> String {
        let (_, rest) = self.text.split_once("data-csrf=\"").expect("a page of somebody signed in");
        rest.split('"').next().unwrap().to_owned()
    }

    /// The fields of a page's form that carry the version that it was made from, as a browser sends them.
    pub fn version(&self) -> String {
        let field = |name: &str| {
            let start = format!("name=\"{name}\" value=\"");
            let values = self.text.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap());
            let plain = values.map(|value| {
                let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
                format!("&{name}={}", crate::query::encode(&plain.replace("&amp;", "&")))
            });
            plain.collect::<String>()
        };
        field("_etag") + &field("_was")
    }
}

impl Portal {
    /// A portal whose API answers by `answer` (method, path with query); `None` is 404.
    pub async fn new(answer: impl Fn(&Method, &str) -> Option<(u16, Value)> + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
        let store = Store::open(&url, &SealKey::new([7; 32])).await.unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, noted) = (Arc::new(answer), asked.clone());
        let api = Router::new().fallback(move |request: Request| {
            let (answer, noted) = (answer.clone(), noted.clone());
            async move { respond(request, &*answer, &noted).await }
        });
        let app = router(PortalState { store: store.clone(), api, external_url: None, sends_mail: true });
        Self { store, app, asked, _directory: directory }
    }

    /// Somebody new, signed in: the cookie.
    pub async fn signed_in(&self, role: Role, subscriptions: &[&str]) -> String {
        let token = self.invited(role, subscriptions).await;
        let form = "password=correct+horse+battery&repeated=correct+horse+battery";
        let reply = self.post(&format!("/invitation/{token}"), "", form).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        reply.cookie()
    }

    /// Somebody new with an invitation: its token.
    pub async fn invited(&self, role: Role, subscriptions: &[&str]) -> String {
        let now = crate::session::now();
        let person = Person {
            id: 0,
            email: format!("{}@tel.example", role.name()),
            name: "Ann Example".into(),
            role,
            subscriptions: subscriptions.iter().map(|s| (*s).to_owned()).collect(),
            password_hash: None,
            disabled: false,
            created_at: now,
        };
        let mut tx = self.store.begin().await.unwrap();
        let person = person_insert(&mut tx, &person).await.unwrap();
        let token = invitation_add(&mut tx, person.id, now + crate::session::INVITED).await.unwrap();
        tx.commit().await.unwrap();
        token
    }

    /// GET.
    pub async fn get(&self, path: &str, cookie: &str) -> Reply {
        let request = Request::builder().uri(path).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// POST of a form as a browser of this portal sends it.
    pub async fn post(&self, path: &str, cookie: &str, form: &str) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Any request.
    pub async fn send(&self, request: Request) -> Reply {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.into()).unwrap() }
    }

    /// What the API was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn respond(request: Request, answer: &Answers, noted: &Mutex<Vec<Asked>>) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let principal = parts.extensions.get::<Principal>().cloned().expect("asked as somebody");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let if_match = parts.headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap().to_owned());
    let method = parts.method.clone();
    noted.lock().unwrap().push(Asked { method, path: path.clone(), if_match, body, principal });
    let not_found = || (404, json!({ "error": { "code": "NotFound", "message": "nothing here" } }));
    let (status, body) = answer(&parts.method, &path).unwrap_or_else(not_found);
    // Another one for what reads otherwise.
    let etag = format!("\"{}\"", body.to_string().len());
    (StatusCode::from_u16(status).unwrap(), [(header::ETAG, etag)], axum::Json(body)).into_response()
}
