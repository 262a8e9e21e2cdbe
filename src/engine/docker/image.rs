//! Images: used at once when they are here, pulled when they are not.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::{CreateImageInfo, ImageInspect};
use docker_credential::DockerCredential;
use futures_util::StreamExt;

use super::client::Client;
use crate::engine::{EngineError, ImageFacts, ImageRequest, PullPolicy};
use crate::env::Env;
use crate::lambda::event::{Event, Events, Pull};

/// How often a pull is tried that breaks off.
const ATTEMPTS: u32 = 3;
/// How long it is waited before the second try; longer before each that follows.
const PAUSE: Duration = Duration::from_secs(1);
/// Architecture suffixes of the public base images' tags.
const SUFFIXES: [&str; 2] = ["-x86_64", "-arm64"];
/// The registry that image names without a host mean, as credentials are kept for it.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

/// Makes sure that an image is here and reads its configuration.
pub(super) async fn obtain(
    client: &Client,
    env: &Env,
    events: &Events,
    request: &ImageRequest<'_>,
) -> Result<ImageFacts, EngineError> {
    let (image, policy) = (request.name, request.policy);
    let here = find(client, image).await?;
    let pulled = match (policy, &here) {
        (PullPolicy::Never, None) => {
            return Err(EngineError::ImageMissing {
                image: image.to_owned(),
            });
        }
        (PullPolicy::Missing | PullPolicy::Never, Some(_)) => false,
        (PullPolicy::Missing | PullPolicy::Always, None) => {
            pull(client, env, events, request).await.map(|()| true)?
        }
        (PullPolicy::Always, Some(_)) => match pull(client, env, events, request).await {
            Ok(()) => true,
            Err(error) => {
                let reason = error.hint().unwrap_or_else(|| error.to_string());
                let reason = reason.lines().next().unwrap_or_default();
                events.warn(format!(
                    "image {image} could not be refreshed, using the one that is here: {reason}"
                ));
                false
            }
        },
    };
    match if pulled {
        find(client, image).await?
    } else {
        here
    } {
        Some(facts) => Ok(facts),
        None => Err(EngineError::Pull {
            image: image.to_owned(),
            reason: "the engine said that it was pulled, but does not have it".to_owned(),
        }),
    }
}

/// The image under its name, or under its name with or without the architecture: one tagged by hand serves too.
pub(super) async fn find(client: &Client, image: &str) -> Result<Option<ImageFacts>, EngineError> {
    for name in names(image) {
        if let Some(found) = client.inspect_image(&name).await? {
            return Ok(Some(facts(name, found)));
        }
    }
    Ok(None)
}

fn names(image: &str) -> Vec<String> {
    let mut names = vec![image.to_owned()];
    names.extend(
        SUFFIXES
            .iter()
            .find_map(|suffix| image.strip_suffix(suffix))
            .map(str::to_owned),
    );
    names
}

fn facts(name: String, image: ImageInspect) -> ImageFacts {
    let config = image.config.unwrap_or_default();
    let env = config.env.unwrap_or_default();
    let env = env.iter().filter_map(|entry| entry.split_once('='));
    ImageFacts {
        name,
        architecture: image.architecture.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        env: env
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        working_dir: config.working_dir.filter(|directory| !directory.is_empty()),
    }
}

/// Pulls an image. A registry that fails on the way is asked again: what has come is kept by the engine.
async fn pull(
    client: &Client,
    env: &Env,
    events: &Events,
    request: &ImageRequest<'_>,
) -> Result<(), EngineError> {
    let image = request.name;
    let registry = registry(image);
    let credentials = match credentials(env, registry).await {
        Some(credentials) => Some(credentials),
        None => request
            .logins
            .login(registry)
            .await
            .map(|(user, password)| login(user, password, registry.to_owned())),
    };
    events.send(Event::Pull(Pull::Started {
        what: "Pulling".to_owned(),
        image: image.to_owned(),
    }));
    let tag = image
        .rsplit_once([':', '@'])
        .map_or("latest", |(_, tag)| tag);
    let mut progress = Progress {
        events,
        tag,
        done: false,
    };
    let mut attempt = 1;
    loop {
        let (begun, reason) = match once(client, request, credentials.clone(), &progress).await {
            Ok(()) => {
                progress.finish(image);
                return Ok(());
            }
            Err(failed) => failed,
        };
        if attempt == ATTEMPTS || !(begun || is_passing(&reason)) || is_final(&reason) {
            return Err(EngineError::Pull {
                image: image.to_owned(),
                reason,
            });
        }
        let pause = PAUSE * attempt;
        events.note(format!(
            "the pull broke off ({reason}); again in {} s",
            pause.as_secs()
        ));
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// One try; whether anything had come before it failed, and why it did.
async fn once(
    client: &Client,
    request: &ImageRequest<'_>,
    credentials: Option<DockerCredentials>,
    progress: &Progress<'_>,
) -> Result<(), (bool, String)> {
    let mut stream = client.pull(request.name, request.architecture, credentials);
    let mut begun = false;
    while let Some(item) = stream.next().await {
        let info = item.map_err(|reason| (begun, reason))?;
        begun |= progress.tell(info);
    }
    Ok(())
}

/// Whether a reason is one that may be gone in a moment.
fn is_passing(reason: &str) -> bool {
    let words = [
        "EOF",
        "reset by peer",
        "timeout",
        "timed out",
        "TLS handshake",
        "toomanyrequests",
        " 500 ",
        " 502 ",
        " 503 ",
        " 504 ",
        "Bad Gateway",
        "Service Unavailable",
    ];
    words.iter().any(|word| reason.contains(word))
}

/// Whether a reason is one that stays.
fn is_final(reason: &str) -> bool {
    let words = [
        "not found",
        "denied",
        "unauthorized",
        "manifest unknown",
        "no space left",
    ];
    words.iter().any(|word| reason.contains(word))
}

/// Tells of a pull, and that it failed when it is dropped early: a bar must not stay on the screen.
struct Progress<'a> {
    events: &'a Events,
    tag: &'a str,
    done: bool,
}

impl Progress<'_> {
    /// Tells of a step; whether a layer has begun to come.
    fn tell(&self, info: CreateImageInfo) -> bool {
        // Lines without an id, or with the tag for one, speak of the whole image and say nothing that is not known.
        let Some((id, status)) = info.id.zip(info.status).filter(|(id, _)| id != self.tag) else {
            return false;
        };
        let detail = info.progress_detail.unwrap_or_default();
        let size = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let (current, total) = (size(detail.current), size(detail.total));
        self.events.send(Event::Pull(Pull::Layer {
            id,
            status,
            current,
            total,
        }));
        current.is_some()
    }

    fn finish(&mut self, image: &str) {
        self.done = true;
        self.events.send(Event::Pull(Pull::Done {
            what: "Pulled".to_owned(),
            image: image.to_owned(),
        }));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.events.send(Event::Pull(Pull::Failed));
        }
    }
}

/// The registry in an image's name.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DEFAULT_REGISTRY,
    }
}

fn login(user: String, password: String, registry: String) -> DockerCredentials {
    DockerCredentials {
        username: Some(user),
        password: Some(password),
        serveraddress: Some(registry),
        ..DockerCredentials::default()
    }
}

/// Credentials from the Docker CLI's configuration and its helpers. Their absence is no error: most images are public.
async fn credentials(env: &Env, registry: &str) -> Option<DockerCredentials> {
    let directory = env.home_or(crate::env::DOCKER_CONFIG, ".docker")?;
    let registry = registry.to_owned();
    // A helper is a program; it may ask the user's key store.
    let found = tokio::task::spawn_blocking(move || {
        let config = std::fs::File::open(directory.join("config.json")).ok()?;
        docker_credential::get_credential_from_reader(config, &registry)
            .ok()
            .zip(Some(registry))
    });
    let (credential, registry) = found.await.ok().flatten()?;
    Some(match credential {
        DockerCredential::UsernamePassword(user, password) => login(user, password, registry),
        DockerCredential::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token),
            serveraddress: Some(registry),
            ..DockerCredentials::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_counts_with_and_without_its_architecture() {
        assert_eq!(
            names("r/python:3.11-x86_64"),
            ["r/python:3.11-x86_64", "r/python:3.11"]
        );
        assert_eq!(names("r/go:1"), ["r/go:1"]);
    }

    #[test]
    fn the_registry_is_the_host_in_the_name() {
        assert_eq!(
            registry("public.ecr.aws/lambda/python:3.11"),
            "public.ecr.aws"
        );
        assert_eq!(registry("127.0.0.1:5000/x"), "127.0.0.1:5000");
        assert_eq!(registry("localhost/x"), "localhost");
        assert_eq!(registry("library/debian"), DEFAULT_REGISTRY);
    }
}
