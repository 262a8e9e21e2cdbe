//! Lambda's own API for whoever invokes functions: AWS's clients find here what they would find in the service. Knows
//! neither sandboxes nor engines.
//!
//! `route` finds out what is asked for, `request` whether it can be asked for, `invoke` and `stream` do it, `reads` answers
//! what clients want to know of a function, and `error` is the one table of what is refused and how.

mod error;
mod event_stream;
mod invoke;
mod json;
mod reads;
mod request;
mod route;
mod stream;

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};

use crate::function::{Function, Identifier, Register};
use crate::invoke::{Destinations, Invoker};
use error::ApiError;
use route::Route;

/// A body of a response.
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The API over some functions.
#[derive(Clone, Debug)]
pub struct Api {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    register: Arc<Register>,
    invoker: Invoker,
    region: String,
    account: String,
    /// Origins of pages that may call: those of this service itself.
    origins: Vec<String>,
    /// Whether only this machine can call.
    is_local: bool,
}

/// Whether a name of a host can mean this machine only: an address, a name without a domain, or one that no public server of
/// names may answer for. Any other may be a page's own, which has made its name lead here to read what this service says.
fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || [".localhost", ".internal", ".local", ".test"]
            .iter()
            .any(|own| name.ends_with(own))
}

impl Api {
    /// The API at an address, over the functions of a register.
    #[must_use]
    pub fn new(
        register: Register,
        invoker: Invoker,
        (region, account): (&str, &str),
        address: SocketAddr,
    ) -> Self {
        let port = address.port();
        let hosts = [address.to_string(), format!("localhost:{port}")];
        let shared = Shared {
            register: Arc::new(register),
            invoker,
            region: region.to_owned(),
            account: account.to_owned(),
            origins: hosts.map(|host| format!("http://{host}")).to_vec(),
            is_local: address.ip().is_loopback(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Answers a request.
    pub async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        match self.route(request).await {
            Ok(response) => response,
            Err(error) => error.response(),
        }
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Response<Body>, ApiError> {
        let origin = request.headers().get(ORIGIN);
        // A web page must not run code with the user's credentials.
        if let Some(origin) = origin
            && !self.shared.origins.iter().any(|own| origin == own)
        {
            return Err(ApiError::foreign_origin());
        }
        let host = request.headers().get(HOST);
        let host = host.and_then(|host| host.to_str().ok());
        if self.shared.is_local && host.is_some_and(|host| !is_own(host)) {
            return Err(ApiError::foreign_origin());
        }
        let route = Route::find(request.uri())?;
        let allowed = route.method();
        if request.method() != allowed
            && !(allowed == Method::GET && request.method() == Method::HEAD)
        {
            return Err(ApiError::wrong_method(request.method()));
        }
        match route {
            Route::Invoke { name, qualifier } => self.invoke((name, qualifier), request).await,
            Route::InvokeAsync { name } => self.invoke_async(name, request).await,
            Route::Stream { name, qualifier } => self.stream((name, qualifier), request).await,
            Route::Function { name, qualifier } => {
                let (function, version) = self.known(&name, qualifier.as_deref())?;
                Ok(json(&reads::function(&function, &version)))
            }
            Route::Configuration { name, qualifier } => {
                let (function, version) = self.known(&name, qualifier.as_deref())?;
                Ok(json(&reads::configuration(&function, &version)))
            }
            Route::List { marker, max } => Ok(json(&reads::list(
                &self.shared.register,
                marker.as_deref(),
                max.as_deref(),
            )?)),
            Route::Health => Ok(json(&serde_json::json!({"status": "ok"}))),
            Route::Metrics => {
                let text = self.shared.invoker.metrics().text();
                let media = "text/plain; version=0.0.4; charset=utf-8";
                Ok(respond(StatusCode::OK, media, text))
            }
        }
    }

    /// The function of a name, and the version or alias that is meant.
    fn known(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(Arc<Function>, String), ApiError> {
        let shared = &self.shared;
        let identifier = request::identifier(name, qualifier, &shared.region)?;
        let found = shared.register.find(&identifier);
        let version = identifier.qualifier.as_deref();
        let missing = || {
            let name = format!(
                "arn:{}:lambda:{}:{}:function:{}:{}",
                crate::lambda::partition(&shared.region),
                shared.region,
                shared.account,
                identifier.name,
                version.unwrap_or(crate::lambda::LATEST)
            );
            ApiError::not_found(&name)
        };
        let served = found.ok_or_else(missing)?;
        let function = match &served.function {
            Ok(function) => Arc::clone(function),
            Err(problems) => {
                let problem = problems.first().map_or("", |problem| &problem.message);
                return Err(ApiError::broken(problem));
            }
        };
        match version {
            Some(version) if !function.has(version) => Err(missing()),
            version => {
                let version = version.unwrap_or(crate::lambda::LATEST).to_owned();
                Ok((function, version))
            }
        }
    }
}

impl Destinations for Shared {
    fn function(&self, arn: &str) -> Option<Arc<Function>> {
        let identifier = Identifier::parse(arn).ok()?;
        let function = self.register.find(&identifier)?.function.as_ref().ok()?;
        // A function of that name in another account or region is another one.
        let rest = arn.strip_prefix(function.arn.as_str())?;
        (rest.is_empty() || rest.starts_with(':')).then(|| Arc::clone(function))
    }
}

/// A response with a whole body.
fn respond(status: StatusCode, media: &str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = status;
    if let Ok(media) = HeaderValue::from_str(media) {
        response.headers_mut().insert(CONTENT_TYPE, media);
    }
    response
}

fn json(value: &serde_json::Value) -> Response<Body> {
    respond(StatusCode::OK, "application/json", value.to_string())
}
