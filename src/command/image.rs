//! The image that a function runs on: chosen, pulled, loaded or built.

use std::path::Path;

use super::prepare::Prepare;
use crate::aws::{Caller, Source};
use crate::content::Note;
use crate::engine::{self, Boxed, ImageFacts, ImageRequest, Images, Logins, PullPolicy};
use crate::env::Env;
use crate::error::Error;
use crate::function::{Architecture, Function, Image, ImageBuild, Package};
use crate::settings::Aws;

/// Where Linux says which programs of other processors it can run.
const EMULATION: &str = "/proc/sys/fs/binfmt_misc";

impl Prepare<'_> {
    /// Makes sure that the function's image is here.
    pub(super) async fn image(&self, function: &Function) -> Result<ImageFacts, Error> {
        let chosen = self.chosen(function);
        let facts = match (&function.package, chosen) {
            (_, Some(name)) => self.obtain(&name, function.architecture).await?,
            (Package::Zip(zip), None) => {
                let name = zip.runtime.image(function.architecture);
                let facts = self.obtain(&name, function.architecture).await?;
                if facts.entrypoint.is_empty() && !zip.runtime.is_provided() {
                    return Err(Error::NoEntryPoint(facts.name));
                }
                facts
            }
            (Package::Image(image), None) => self.own(image, function.architecture).await?,
        };
        let architecture = facts.architecture.as_str();
        if foreign(architecture).is_some() && !is_emulated(architecture) {
            let (name, here) = (&facts.name, std::env::consts::ARCH);
            self.events.warn(format!(
                "image {name} is for {architecture}, and this machine is {here}: it runs only with emulation, which \
                 `docker run --privileged --rm tonistiigi/binfmt --install {architecture}` installs"
            ));
        }
        Ok(facts)
    }

    /// The image that the user chose for the function, or for all.
    fn chosen(&self, function: &Function) -> Option<String> {
        let named = [
            Some(function.path.as_str()),
            Some(function.logical_id.as_str()),
            Some(function.name.as_str()),
            None,
        ];
        let images = &self.common.container.images;
        let found = named.iter().find_map(|name| {
            let mut images = images.iter();
            images.rfind(|(own, _)| own.as_deref() == *name)
        });
        found.map(|(_, image)| image.clone())
    }

    async fn obtain(&self, name: &str, architecture: Architecture) -> Result<ImageFacts, Error> {
        let logins = Registries {
            aws: &self.common.aws,
            env: self.env,
        };
        let request = ImageRequest {
            name,
            policy: self.common.container.pull,
            architecture: foreign(architecture.engine_name()),
            logins: &logins,
        };
        Ok(self.docker.image(&request).await?)
    }

    /// An image of the function's own: in an archive, built here where the template says how, or from a registry.
    async fn own(&self, image: &Image, architecture: Architecture) -> Result<ImageFacts, Error> {
        if let Some(archive) = &image.archive {
            let name = self.loaded(archive).await?;
            return self.obtain(&name, architecture).await;
        }
        let Some(build) = &image.build else {
            return self.obtain(&image.uri, architecture).await;
        };
        let anew = self.common.container.pull == PullPolicy::Always;
        if !anew && let Some(facts) = self.docker.find(&image.uri).await? {
            return Ok(facts);
        }
        self.docker
            .build(&building(image, build, architecture))
            .await?;
        let made = self.docker.find(&image.uri).await?;
        made.ok_or_else(|| Error::NoEntryPoint(image.uri.clone()))
    }

    /// The name of the image in an archive, which is loaded when the engine does not have it yet.
    async fn loaded(&self, archive: &Path) -> Result<String, Error> {
        let known = self.store("images").note(archive);
        if let Some(name) = known.as_ref().and_then(Note::read)
            && self.docker.find(&name).await?.is_some()
        {
            return Ok(name);
        }
        let name = self.docker.load(archive).await?;
        if let Some(note) = known {
            note.write(&name);
        }
        Ok(name)
    }
}

fn building(image: &Image, build: &ImageBuild, architecture: Architecture) -> engine::ImageBuild {
    engine::ImageBuild {
        name: image.uri.clone(),
        context: build.context.clone(),
        dockerfile: build.dockerfile.clone(),
        args: build.args.clone(),
        target: build.target.clone(),
        architecture: foreign(architecture.engine_name()),
    }
}

/// An architecture in the engine's words, where it is not this machine's.
pub(super) fn foreign(architecture: &str) -> Option<&'static str> {
    let here = Architecture::of_this_machine().map(Architecture::engine_name);
    let known = [Architecture::X86_64, Architecture::Arm64].map(Architecture::engine_name);
    let found = known.into_iter().find(|name| *name == architecture);
    found.filter(|name| Some(*name) != here)
}

/// Whether this machine runs programs of another processor. Where the engine is on another one, it is not known.
fn is_emulated(architecture: &str) -> bool {
    let name = match architecture {
        "arm64" => "qemu-aarch64",
        _ => "qemu-x86_64",
    };
    !cfg!(target_os = "linux") || Path::new(EMULATION).join(name).exists()
}

/// The function as it runs on its image: what it does not say of itself, the image does.
pub(super) fn effective(function: &Function, facts: &ImageFacts) -> Function {
    let mut function = function.clone();
    if let Package::Image(image) = &mut function.package {
        if image.command.is_empty() {
            image.command.clone_from(&facts.command);
        }
        if image.entrypoint.is_empty() {
            image.entrypoint.clone_from(&facts.entrypoint);
        }
    }
    function
}

/// The registries of AWS accounts, which the user's credentials may lead into.
#[derive(Debug)]
struct Registries<'a> {
    aws: &'a Aws,
    env: &'a Env,
}

impl Logins for Registries<'_> {
    fn login<'a>(&'a self, registry: &'a str) -> Boxed<'a, Option<(String, String)>> {
        Box::pin(async move {
            let region = ecr_region(registry)?;
            if self.aws.credentials == Source::None {
                return None;
            }
            let keys = self.aws.credentials.keys(region, self.env).await.ok()?;
            let caller = Caller::new(keys, self.env).ok()?;
            let login = caller.registry_login(region).await;
            login
                .inspect_err(|error| tracing::debug!(%error, registry, "no login"))
                .ok()
        })
    }
}

/// The region of a registry of an AWS account: `{account}.dkr.ecr.{region}.amazonaws.com`.
fn ecr_region(registry: &str) -> Option<&str> {
    let (account, rest) = registry.split_once(".dkr.ecr.")?;
    let region = rest
        .strip_suffix(".amazonaws.com")
        .or(rest.strip_suffix(".amazonaws.com.cn"))?;
    account
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(region)
}

#[cfg(test)]
mod tests {
    use super::ecr_region;

    #[test]
    fn a_registry_of_an_account_has_a_region() {
        let of = ecr_region;
        assert_eq!(
            of("123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
            Some("eu-west-1")
        );
        assert_eq!(
            of("1.dkr.ecr.cn-north-1.amazonaws.com.cn"),
            Some("cn-north-1")
        );
        assert_eq!(of("public.ecr.aws"), None);
        assert_eq!(of("evil.dkr.ecr.eu-west-1.example.com"), None);
    }
}
