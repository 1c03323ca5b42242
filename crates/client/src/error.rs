//! What can go wrong when speaking to the API, with everything that an ARM error body says.

use serde::Deserialize;
use std::fmt;

/// Why a request gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP client couldn't be made.
    #[error("can't set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// The authorities to trust aren't certificates.
    #[error("the file of authorities has no certificate; give one in PEM, -----BEGIN CERTIFICATE-----")]
    Authorities,
    /// The body couldn't be written as JSON.
    #[error("can't write the request as JSON")]
    Body(#[source] serde_json::Error),
    /// The server couldn't be reached, or the connection broke.
    #[error("no answer from {url}; check that the server runs and that the address is right")]
    Transport {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A link points to another server than the client's.
    #[error("{url} is on another server; the token isn't sent there")]
    OtherServer {
        /// Where it points.
        url: String,
    },
    /// The server refused.
    #[error("{0}")]
    Api(Box<ApiFailure>),
    /// The answer isn't the JSON that was expected.
    #[error("the answer of {url} isn't what was expected")]
    Unexpected {
        /// What was asked.
        url: String,
        /// Where it differs.
        #[source]
        source: serde_json::Error,
    },
}

impl ClientError {
    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(failure) => Some(failure.status),
            _ => None,
        }
    }

    /// The refusal, when it is one.
    pub fn api(&self) -> Option<&ApiFailure> {
        match self {
            Self::Api(failure) => Some(failure),
            _ => None,
        }
    }
}

/// One thing that the server found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ErrorDetail {
    /// Stable name of the rule.
    #[serde(default)]
    pub code: String,
    /// For a person.
    #[serde(default)]
    pub message: String,
    /// JSON path of the offending value.
    #[serde(default)]
    pub target: Option<String>,
    /// What it consists of.
    #[serde(default)]
    pub details: Vec<ErrorDetail>,
}

/// A refusal of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiFailure {
    /// The HTTP status.
    pub status: u16,
    /// The server's id of the request, for its operators.
    pub request_id: Option<String>,
    /// What is wrong.
    pub error: ErrorDetail,
}

impl ApiFailure {
    /// Reads `{"error":{…}}`; anything else becomes the message, cut to a readable length.
    pub(crate) fn parse(status: u16, request_id: Option<String>, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error: ErrorDetail,
        }
        let error = match serde_json::from_slice::<Body>(body) {
            Ok(body) => body.error,
            Err(_) => ErrorDetail {
                code: "Unknown".into(),
                message: String::from_utf8_lossy(body).chars().take(300).collect(),
                ..ErrorDetail::default()
            },
        };
        Self { status, request_id, error }
    }

    /// Every violation: the details, or the error itself when it has none.
    pub fn violations(&self) -> Vec<&ErrorDetail> {
        if self.error.details.is_empty() { vec![&self.error] } else { self.error.details.iter().collect() }
    }

    /// True when the error or one of its details has this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.error.code == code || self.error.details.iter().any(|d| d.code == code)
    }
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {}): {}", self.error.code, self.status, self.error.message)?;
        for detail in &self.error.details {
            write!(f, "\n  {}: {}", detail.code, detail.message)?;
            if let Some(target) = &detail.target {
                write!(f, " [{target}]")?;
            }
        }
        match (&self.error.target, self.error.details.is_empty()) {
            (Some(target), true) => write!(f, " [{target}]"),
            _ => Ok(()),
        }
    }
}
