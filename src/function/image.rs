//! Functions that are images: where the image is from, and what of its configuration the template changes.

use std::fs;
use std::path::PathBuf;

use super::reader::Reader;
use super::{Image, ImageBuild};
use crate::template::Value;

/// The file that says how an image is built, where the template does not name another.
const DOCKERFILE: &str = "Dockerfile";
/// The tag of an image that is built, where the template does not name another.
const TAG: &str = "latest";

impl Reader<'_> {
    /// The image: the one that is named, or one that is built here.
    pub(super) fn image(&self) -> Option<Image> {
        let config = self.value("ImageConfig");
        let get = |name: &str| config.as_ref().and_then(|config| config.get(name));
        let list = |name: &str| match get(name) {
            Some(Value::List(items)) => items.iter().filter_map(Value::scalar_text).collect(),
            Some(value) => value.scalar_text().into_iter().collect(),
            None => Vec::new(),
        };
        let uri = if self.declared.resource.is_serverless() {
            self.text("ImageUri")
        } else {
            self.entry("Code", "ImageUri")
        };
        let build = self.image_build();
        let uri = uri.filter(|uri| !uri.is_empty());
        let Some(uri) = uri.or_else(|| build.as_ref().map(|_| self.built_name())) else {
            let text = format!(
                "ImageUri not provided for Function: {} of PackageType: Image",
                self.logical_id()
            );
            let label = "name the image, or how it is built in Metadata";
            self.wrong("ImageUri", text, label);
            return None;
        };
        let file = self.here(&uri);
        Some(Image {
            archive: file.is_file().then_some(file),
            uri,
            build,
            command: list("Command"),
            entrypoint: list("EntryPoint"),
            working_directory: get("WorkingDirectory").and_then(Value::scalar_text),
        })
    }

    /// The name that `sam build` gives an image.
    fn built_name(&self) -> String {
        let tag = self.noted("DockerTag");
        let tag = tag.unwrap_or_else(|| TAG.to_owned());
        format!("{}:{tag}", self.declared.resource.id.to_lowercase())
    }

    /// How the image is built; none where the template does not say.
    fn image_build(&self) -> Option<ImageBuild> {
        let (dockerfile, context) = (self.noted("Dockerfile"), self.noted("DockerContext"));
        // CDK has notes of its own, with a path that is the context.
        let asset = self
            .noted("aws:asset:path")
            .filter(|_| self.noted("aws:asset:property").as_deref() == Some("Code.ImageUri"));
        let asset_file = self.noted("aws:asset:dockerfile-path");
        if dockerfile.is_none() && context.is_none() && asset.is_none() {
            return None;
        }
        let context = context.or(asset).unwrap_or_else(|| ".".to_owned());
        let args = ["DockerBuildArgs", "aws:asset:docker-build-args"];
        let args = args.iter().find_map(|name| self.note(name));
        let args = match args {
            Some(Value::Map(entries)) => entries
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.scalar_text()?)))
                .collect(),
            _ => Vec::new(),
        };
        let target = self.noted("DockerBuildTarget");
        let dockerfile = dockerfile.or(asset_file);
        Some(ImageBuild {
            context: self.here(&context),
            dockerfile: dockerfile.unwrap_or_else(|| DOCKERFILE.to_owned()),
            args,
            target: target.or_else(|| self.noted("aws:asset:docker-build-target")),
        })
    }

    /// A path that is relative to the template.
    fn here(&self, path: &str) -> PathBuf {
        let path = self.declared.scope.stack().directory.join(path);
        fs::canonicalize(&path).unwrap_or(path)
    }

    /// An entry of the metadata, resolved.
    fn note(&self, name: &str) -> Option<Value> {
        let node = self.declared.resource.metadata.as_ref()?.get(name)?;
        Some(self.declared.scope.resolve(node))
    }

    /// An entry of the metadata that is text.
    fn noted(&self, name: &str) -> Option<String> {
        self.note(name)?
            .scalar_text()
            .filter(|text| !text.is_empty())
    }
}
