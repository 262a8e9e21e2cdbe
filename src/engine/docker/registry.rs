//! The requests about images, beside those about containers in `client`.

use std::collections::HashMap;

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::models::{BuildInfo, CreateImageInfo, ImageInspect};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, ImportImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tracing::{Instrument, debug_span};

use super::Client;
use crate::engine::{EngineError, ImageBuild};

impl Client {
    /// What an image is configured with; none when it is not here.
    pub(super) async fn inspect_image(
        &self,
        image: &str,
    ) -> Result<Option<ImageInspect>, EngineError> {
        match self
            .api
            .inspect_image(image)
            .instrument(debug_span!("inspect"))
            .await
        {
            Ok(found) => Ok(Some(found)),
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(error) => Err(self.fail(error, |reason, _| EngineError::Request {
                action: "inspect the image",
                reason,
            })),
        }
    }

    /// Pulls an image; the stream tells of the progress.
    pub(super) fn pull(
        &self,
        image: &str,
        architecture: Option<&str>,
        credentials: Option<DockerCredentials>,
    ) -> impl Stream<Item = Result<CreateImageInfo, String>> + Unpin + '_ {
        // Without a tag the engine would pull every one that there is.
        let name = image.rsplit('/').next().unwrap_or(image);
        let tagged = if name.contains([':', '@']) {
            image.to_owned()
        } else {
            format!("{image}:latest")
        };
        let mut options = CreateImageOptionsBuilder::default().from_image(&tagged);
        if let Some(architecture) = architecture {
            options = options.platform(&format!("linux/{architecture}"));
        }
        let options = options.build();
        Box::pin(
            self.api
                .create_image(Some(options), None, credentials)
                .map(move |item| item.map_err(reason)),
        )
    }

    /// Builds an image of an archive; the stream tells what is said meanwhile.
    pub(super) fn build(
        &self,
        build: &ImageBuild,
        archive: impl Stream<Item = Bytes> + Send + 'static,
    ) -> impl Stream<Item = Result<BuildInfo, String>> + Unpin + '_ {
        let args: HashMap<String, String> = build.args.iter().cloned().collect();
        let mut options = BuildImageOptionsBuilder::default()
            .dockerfile(&build.dockerfile)
            .t(&build.name)
            .buildargs(&args)
            .rm(true)
            .forcerm(true);
        if let Some(target) = &build.target {
            options = options.target(target);
        }
        if let Some(architecture) = build.architecture {
            options = options.platform(&format!("linux/{architecture}"));
        }
        let said = self
            .api
            .build_image(options.build(), None, Some(bollard::body_stream(archive)));
        Box::pin(said.map(|item| item.map_err(reason)))
    }

    /// Takes the images that an archive has.
    pub(super) fn load(
        &self,
        archive: impl Stream<Item = Bytes> + Send + 'static,
    ) -> impl Stream<Item = Result<BuildInfo, String>> + Unpin + '_ {
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let body = bollard::body_stream(archive);
        let loaded = self.api.import_image(options, body, None);
        Box::pin(loaded.map(|item| item.map_err(reason)))
    }
}

/// What an engine says of a stream that failed.
fn reason(error: Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message,
        Error::DockerStreamError { error } => error,
        other => other.to_string(),
    }
}
