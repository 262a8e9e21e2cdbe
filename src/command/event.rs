//! Reads the event: a file, standard input, or an empty object. It must be JSON, and is passed on as it is.

use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::Error;
use crate::lambda::{Events, MAX_EVENT};
use crate::settings::EventSource;

/// Reads the event.
pub(super) async fn read(source: &EventSource, events: &Events) -> Result<Bytes, Error> {
    let (bytes, name) = match source {
        EventSource::Empty => return Ok(Bytes::from_static(b"{}")),
        EventSource::File(path, given) => {
            let fail = |source| Error::File {
                action: "reading the event from",
                path: path.clone(),
                source,
            };
            let file = match tokio::fs::File::open(path).await {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(Error::Event {
                        message: format!("[Errno 2] No such file or directory: '{given}'"),
                        hint: format!("there is no event at {}", path.display()),
                    });
                }
                file => file.map_err(fail)?,
            };
            (
                limited(file).await.map_err(fail)?,
                path.display().to_string(),
            )
        }
        EventSource::Stdin => {
            events.note(
                "Reading invoke payload from stdin (you can also pass it from file with --event)",
            );
            let bytes = limited(tokio::io::stdin())
                .await
                .map_err(|source| Error::Process {
                    action: "reading the event from standard input",
                    source,
                })?;
            (bytes, "standard input".to_owned())
        }
    };
    // A mark that some editors write is no part of the event.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    check(bytes, &name)?;
    Ok(Bytes::copy_from_slice(bytes))
}

/// Reads to the end, or until there is more than an event may have.
async fn limited(source: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(MAX_EVENT as u64 + 1)
        .read_to_end(&mut bytes)
        .await?;
    Ok(bytes)
}

fn check(bytes: &[u8], name: &str) -> Result<(), Error> {
    if bytes.len() > MAX_EVENT {
        let message = format!(
            "Request must be smaller than {MAX_EVENT} bytes for the InvokeFunction operation"
        );
        return Err(Error::Event {
            message,
            hint: format!("the event from {name} has more"),
        });
    }
    let parsed = std::str::from_utf8(bytes).map_err(|error| error.to_string());
    let parsed = parsed.and_then(|text| {
        serde_json::from_str::<IgnoredAny>(text).map_err(|error| error.to_string())
    });
    match parsed {
        Ok(_) => Ok(()),
        Err(error) => {
            let hint = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => "it is empty; an event without content is `{}`".to_owned(),
                Some(0xef) if bytes.starts_with(b"\xef\xbb\xbf") => {
                    "it begins with a byte order mark; save it as UTF-8 without one".to_owned()
                }
                Some(0xfe | 0xff) => "it looks like UTF-16; save it as UTF-8".to_owned(),
                Some(_) => String::new(),
            };
            Err(Error::Event {
                message: format!("the event from {name} is not JSON: {error}"),
                hint,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_must_be_json_of_six_megabytes_at_most() {
        assert!(check(b" {\"a\": 1e3} ", "x").is_ok());
        assert!(check(b"null", "x").is_ok());
        let error = check(b"{\"a\":\n 1,}", "e.json").unwrap_err().to_string();
        assert_eq!(
            error,
            "the event from e.json is not JSON: key must be a string at line 2 column 4"
        );
        assert!(check(b"\xff", "x").is_err());
        assert!(check(b"\"\xe9\"", "x").is_err(), "Latin-1");
        assert!(check(b"", "x").is_err());
        let big = format!("\"{}\"", "x".repeat(MAX_EVENT));
        assert!(
            check(big.as_bytes(), "x")
                .unwrap_err()
                .to_string()
                .starts_with("Request must be smaller than")
        );
    }
}
