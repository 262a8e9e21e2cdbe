//! The only user of bollard: one method a request, failures told apart by status code.

use std::collections::{BTreeMap, HashMap};
use std::io;

use bollard::Docker as Api;
use bollard::container::AttachContainerResults;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, ContainerState};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::Stream;
use tracing::{Instrument, debug_span};

use super::endpoint::Endpoint;
use crate::engine::EngineError;

/// Seconds that one request may take; a pull's first word can be long in coming.
const PATIENCE: u64 = 600;

/// A connection to an engine.
#[derive(Debug)]
pub struct Client {
    pub(super) api: Api,
    endpoint: Endpoint,
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The engine removes it.
    Removed,
    /// There is no such container.
    Absent,
}

impl Client {
    /// A client of the engine at an address as [`Endpoint`] writes it.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn at(address: &str) -> Result<Self, EngineError> {
        Self::new(&Endpoint::parse(address, "sam-rs")?)
    }

    /// A client of an engine. No request is made.
    ///
    /// # Errors
    /// There is no socket.
    pub fn new(endpoint: &Endpoint) -> Result<Self, EngineError> {
        let api = match endpoint {
            Endpoint::Unix(path) => Api::connect_with_unix(
                &path.to_string_lossy(),
                PATIENCE,
                bollard::API_DEFAULT_VERSION,
            ),
            Endpoint::Tcp(address) => {
                Api::connect_with_http(address, PATIENCE, bollard::API_DEFAULT_VERSION)
            }
        };
        let unusable = |error: Error| EngineError::NotFound {
            tried: vec![format!("{endpoint}: {error}")],
        };
        Ok(Self {
            api: api.map_err(unusable)?,
            endpoint: endpoint.clone(),
        })
    }

    /// Whether the engine may see this machine's files.
    pub(super) fn shares_files(&self) -> bool {
        matches!(self.endpoint, Endpoint::Unix(_))
    }

    /// Turns an error of the connection, not of the request, into the one that says so.
    pub(super) fn fail(
        &self,
        error: Error,
        request: impl FnOnce(String, Option<u16>) -> EngineError,
    ) -> EngineError {
        match error {
            Error::DockerResponseServerError {
                status_code,
                message,
            } => request(message, Some(status_code)),
            Error::DockerStreamError { error } => request(error, None),
            other => match connection_error(&other) {
                Some(io::ErrorKind::PermissionDenied) => EngineError::Permission {
                    address: self.endpoint.to_string(),
                },
                Some(kind) => EngineError::NotFound {
                    tried: vec![format!("{}: {kind}", self.endpoint)],
                },
                None => request(other.to_string(), None),
            },
        }
    }

    /// Makes a container and returns its id.
    pub(super) async fn create(
        &self,
        name: &str,
        architecture: Option<&str>,
        body: ContainerCreateBody,
    ) -> Result<String, EngineError> {
        let mut options = CreateContainerOptionsBuilder::default().name(name);
        if let Some(architecture) = architecture {
            options = options.platform(&format!("linux/{architecture}"));
        }
        let options = options.build();
        let created = self
            .api
            .create_container(Some(options), body)
            .instrument(debug_span!("create"))
            .await;
        let created = created.map_err(|error| {
            self.fail(error, |reason, status| EngineError::Create {
                reason,
                status,
            })
        })?;
        created
            .warnings
            .iter()
            .for_each(|warning| tracing::debug!(%warning, "engine"));
        Ok(created.id)
    }

    /// Attaches to a container's standard streams, before it starts.
    pub(super) async fn attach(&self, name: &str) -> Result<AttachContainerResults, EngineError> {
        let options = AttachContainerOptionsBuilder::default()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true);
        let attached = self
            .api
            .attach_container(name, Some(options.build()))
            .instrument(debug_span!("attach"))
            .await;
        attached.map_err(|error| {
            self.fail(error, |reason, _| EngineError::Request {
                action: "attach",
                reason,
            })
        })
    }

    /// Copies an archive into a container.
    pub(super) async fn upload(
        &self,
        name: &str,
        archive: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let done = self
            .api
            .upload_to_container(name, Some(options), bollard::body_stream(archive))
            .await;
        done.map_err(|error| {
            self.fail(error, |reason, _| EngineError::Request {
                action: "take files",
                reason,
            })
        })
    }

    /// Starts a container.
    pub(super) async fn start(&self, name: &str) -> Result<(), EngineError> {
        let started = self
            .api
            .start_container(name, None)
            .instrument(debug_span!("start"))
            .await;
        started.map_err(|error| self.fail(error, |reason, _| EngineError::Start { reason }))
    }

    /// The state of a container; none when it does not exist any more.
    pub(super) async fn state(&self, name: &str) -> Result<Option<ContainerState>, EngineError> {
        match self
            .api
            .inspect_container(name, None)
            .instrument(debug_span!("state"))
            .await
        {
            Ok(found) => Ok(found.state),
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(error) => Err(self.fail(error, |reason, _| EngineError::Request {
                action: "inspect the container",
                reason,
            })),
        }
    }

    /// Connects a container to a further network.
    pub(super) async fn connect_network(
        &self,
        network: &str,
        container: &str,
    ) -> Result<(), EngineError> {
        let request = bollard::models::NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: None,
        };
        let done = self
            .api
            .connect_network(network, request)
            .instrument(debug_span!("network"))
            .await;
        let action = "connect the container to the network";
        done.map_err(|error| self.fail(error, |reason, _| EngineError::Request { action, reason }))
    }

    /// Makes sure that there is such a network: engines differ in when they say that there is none.
    pub(super) async fn find_network(&self, name: &str) -> Result<(), EngineError> {
        let found = self.api.inspect_network(name, None);
        match found.instrument(debug_span!("network")).await {
            Ok(_) => Ok(()),
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Err(EngineError::Network {
                name: name.to_owned(),
                known: self.networks().await,
            }),
            Err(error) => Err(self.fail(error, |reason, _| EngineError::Request {
                action: "inspect the network",
                reason,
            })),
        }
    }

    /// Names of the networks that there are; none where the engine does not tell.
    async fn networks(&self) -> Vec<String> {
        let found = self.api.list_networks(None).await.unwrap_or_default();
        let mut names: Vec<_> = found.into_iter().filter_map(|one| one.name).collect();
        names.sort_unstable();
        names
    }

    /// Kills and removes a container, with its anonymous volumes.
    ///
    /// # Errors
    /// The engine refused, or does not answer.
    pub async fn remove(&self, name: &str) -> Result<Removal, EngineError> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        match self.api.remove_container(name, Some(options)).await {
            // 409: its removal is under way.
            Ok(())
            | Err(Error::DockerResponseServerError {
                status_code: 409, ..
            }) => Ok(Removal::Removed),
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(Removal::Absent),
            Err(error) => Err(self.fail(error, |reason, _| EngineError::Request {
                action: "remove the container",
                reason,
            })),
        }
    }

    /// Names and labels of the containers that have all of these labels, running or not.
    ///
    /// # Errors
    /// The engine refused, or does not answer.
    pub async fn labelled(
        &self,
        labels: Vec<String>,
    ) -> Result<Vec<(String, BTreeMap<String, String>)>, EngineError> {
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let found = self
            .api
            .list_containers(Some(options))
            .await
            .map_err(|error| {
                self.fail(error, |reason, _| EngineError::Request {
                    action: "list containers",
                    reason,
                })
            })?;
        let named = found
            .into_iter()
            .filter_map(|one| Some((one.id?, one.labels?.into_iter().collect())));
        Ok(named.collect())
    }

    /// Operating system and architecture of the engine.
    pub(super) async fn platform(&self) -> Result<(String, String), EngineError> {
        let version = self.api.version().instrument(debug_span!("version")).await;
        let version = version.map_err(|error| {
            self.fail(error, |reason, _| EngineError::Request {
                action: "tell its version",
                reason,
            })
        })?;
        Ok((
            version.os.unwrap_or_default(),
            version.arch.unwrap_or_default(),
        ))
    }
}

/// The kind of I/O error below an error of the HTTP client, where there is one.
fn connection_error(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}
