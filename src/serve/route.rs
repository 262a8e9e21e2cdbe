//! What a request asks for: the paths of the service's API, and two of our own.

use hyper::{Method, Uri};

use super::error::ApiError;

const FUNCTIONS: &str = "/2015-03-31/functions";
const STREAMS: &str = "/2021-11-15/functions/";
const OLD: &str = "/2014-11-13/functions/";
const OWN: &str = "/_sam-rs/";

/// What else there may be below a function is not served.
const OTHERS: [&str; 8] = [
    "/aliases",
    "/versions",
    "/policy",
    "/code",
    "/concurrency",
    "/url",
    "/event-invoke-config",
    "/provisioned-concurrency",
];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Invoke {
        name: String,
        qualifier: Option<String>,
    },
    InvokeAsync {
        name: String,
    },
    Stream {
        name: String,
        qualifier: Option<String>,
    },
    Function {
        name: String,
        qualifier: Option<String>,
    },
    Configuration {
        name: String,
        qualifier: Option<String>,
    },
    List {
        marker: Option<String>,
        max: Option<String>,
    },
    Health,
    Metrics,
}

impl Route {
    /// The route of an address. A name of a function may have slashes in it, those of the stacks above it.
    pub(super) fn find(uri: &Uri) -> Result<Self, ApiError> {
        let path = uri.path();
        let query = |name: &str| parameter(uri.query().unwrap_or_default(), name);
        let qualifier = || query("Qualifier");
        let named = |name: &str| {
            let name = decode(name).filter(|name| !name.is_empty());
            name.ok_or_else(ApiError::unknown_path)
        };
        if let Some(rest) = path.strip_prefix(STREAMS)
            && let Some(name) = rest.strip_suffix("/response-streaming-invocations")
        {
            let (name, qualifier) = (named(name)?, qualifier());
            return Ok(Self::Stream { name, qualifier });
        }
        if let Some(rest) = path.strip_prefix(OLD)
            && let Some(name) = rest.trim_end_matches('/').strip_suffix("/invoke-async")
        {
            return Ok(Self::InvokeAsync { name: named(name)? });
        }
        if let Some(rest) = path.strip_prefix(OWN) {
            return match rest {
                "health" => Ok(Self::Health),
                "metrics" => Ok(Self::Metrics),
                _ => Err(ApiError::unknown_path()),
            };
        }
        match path.strip_prefix(FUNCTIONS) {
            Some("" | "/") => Ok(Self::List {
                marker: query("Marker"),
                max: query("MaxItems"),
            }),
            Some(rest) if rest.starts_with('/') => {
                let rest = &rest[1..];
                if let Some(name) = rest.strip_suffix("/invocations") {
                    let (name, qualifier) = (named(name)?, qualifier());
                    return Ok(Self::Invoke { name, qualifier });
                }
                if let Some(name) = rest.strip_suffix("/configuration") {
                    let (name, qualifier) = (named(name)?, qualifier());
                    return Ok(Self::Configuration { name, qualifier });
                }
                if OTHERS.iter().any(|other| rest.ends_with(other)) {
                    return Err(ApiError::unknown_path());
                }
                let (name, qualifier) = (named(rest)?, qualifier());
                Ok(Self::Function { name, qualifier })
            }
            _ => Err(ApiError::unknown_path()),
        }
    }

    /// The method that it is asked for with.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Invoke { .. } | Self::InvokeAsync { .. } | Self::Stream { .. } => Method::POST,
            _ => Method::GET,
        }
    }
}

/// A parameter of a query. One that cannot be decoded stays as it is, and is found to be wrong where it is used.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(own, _)| *own == name);
    let (_, value) = found.next()?;
    Some(decode(value).unwrap_or_else(|| value.to_owned()))
}

/// Text without percent signs; None where it is none afterwards.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_and_nothing_else() {
        let find = |path: &str| Route::find(&path.parse().unwrap()).ok();
        let invoke = |name: &str, qualifier: Option<&str>| {
            let (name, qualifier) = (name.to_owned(), qualifier.map(str::to_owned));
            Some(Route::Invoke { name, qualifier })
        };
        let base = "/2015-03-31/functions";
        assert_eq!(find(&format!("{base}/F/invocations")), invoke("F", None));
        assert_eq!(
            find(&format!("{base}/F/invocations?Qualifier=%24LATEST")),
            invoke("F", Some("$LATEST"))
        );
        assert_eq!(
            find(&format!("{base}/S/F/invocations")),
            invoke("S/F", None)
        );
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:F";
        assert_eq!(
            find(&format!("{base}/{}/invocations", arn.replace(':', "%3A"))),
            invoke(arn, None)
        );
        assert!(
            matches!(find(&format!("{base}/F")), Some(Route::Function { name, .. }) if name == "F")
        );
        assert!(matches!(
            find(&format!("{base}/F/configuration")),
            Some(Route::Configuration { .. })
        ));
        assert!(
            matches!(find(&format!("{base}/?MaxItems=2")), Some(Route::List { max: Some(max), .. }) if max == "2")
        );
        assert!(matches!(
            find("/2014-11-13/functions/F/invoke-async/"),
            Some(Route::InvokeAsync { .. })
        ));
        assert!(matches!(
            find("/2021-11-15/functions/F/response-streaming-invocations"),
            Some(Route::Stream { .. })
        ));
        assert_eq!(find("/_sam-rs/metrics"), Some(Route::Metrics));
        for unknown in [
            "/",
            "/x",
            "/2015-03-31/functionsx",
            "/2015-03-31/functions/F/policy",
            "/2015-03-31/functions/%ff/invocations",
            "/2015-03-31/functions/%zz",
            "/_sam-rs/x",
        ] {
            assert_eq!(find(unknown), None, "{unknown}");
        }
    }
}
