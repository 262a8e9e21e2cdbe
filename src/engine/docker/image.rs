//! Images: used at once when they are here, pulled when they are not.

use bollard::auth::DockerCredentials;
use bollard::models::{CreateImageInfo, ImageInspect};
use docker_credential::DockerCredential;
use futures_util::StreamExt;

use super::client::Client;
use crate::engine::{EngineError, ImageFacts, PullPolicy};
use crate::env::Env;
use crate::lambda::event::{Event, Events, Pull};

/// Architecture suffixes of the public base images' tags.
const SUFFIXES: [&str; 2] = ["-x86_64", "-arm64"];
/// The registry that image names without a host mean, as credentials are kept for it.
const DEFAULT_REGISTRY: &str = "https://index.docker.io/v1/";

/// Makes sure that an image is here and reads its configuration.
pub(super) async fn obtain(
    client: &Client,
    env: &Env,
    events: &Events,
    image: &str,
    policy: PullPolicy,
) -> Result<ImageFacts, EngineError> {
    let here = find(client, image).await?;
    let pulled = match (policy, &here) {
        (PullPolicy::Never, None) => {
            return Err(EngineError::ImageMissing {
                image: image.to_owned(),
            });
        }
        (PullPolicy::Missing | PullPolicy::Never, Some(_)) => false,
        (PullPolicy::Missing | PullPolicy::Always, None) => {
            pull(client, env, events, image).await.map(|()| true)?
        }
        (PullPolicy::Always, Some(_)) => match pull(client, env, events, image).await {
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
async fn find(client: &Client, image: &str) -> Result<Option<ImageFacts>, EngineError> {
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
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        env: env
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        working_dir: config.working_dir.filter(|directory| !directory.is_empty()),
    }
}

async fn pull(client: &Client, env: &Env, events: &Events, image: &str) -> Result<(), EngineError> {
    let credentials = credentials(env, registry(image)).await;
    events.send(Event::Pull(Pull::Started {
        image: image.to_owned(),
    }));
    let tag = image
        .rsplit_once([':', '@'])
        .map_or("latest", |(_, tag)| tag);
    let progress = Progress {
        events,
        tag,
        done: false,
    };
    let mut stream = client.pull(image, credentials);
    while let Some(item) = stream.next().await {
        let info = item.map_err(|reason| EngineError::Pull {
            image: image.to_owned(),
            reason,
        })?;
        progress.tell(info);
    }
    progress.finish(image);
    Ok(())
}

/// Tells of a pull, and that it failed when it is dropped early: a bar must not stay on the screen.
struct Progress<'a> {
    events: &'a Events,
    tag: &'a str,
    done: bool,
}

impl Progress<'_> {
    fn tell(&self, info: CreateImageInfo) {
        // Lines without an id, or with the tag for one, speak of the whole image and say nothing that is not known.
        let Some((id, status)) = info.id.zip(info.status).filter(|(id, _)| id != self.tag) else {
            return;
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
    }

    fn finish(mut self, image: &str) {
        self.done = true;
        self.events.send(Event::Pull(Pull::Done {
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
    let serveraddress = Some(registry);
    Some(match credential {
        DockerCredential::UsernamePassword(username, password) => DockerCredentials {
            username: Some(username),
            password: Some(password),
            serveraddress,
            ..DockerCredentials::default()
        },
        DockerCredential::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token),
            serveraddress,
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
