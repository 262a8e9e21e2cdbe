//! From a function to what is started for it: image, code, layers, environment.

use std::time::Duration;

use tracing::{Instrument, debug_span};
use uuid::Uuid;

use super::variables::Sources;
use super::{debug, image};
use crate::engine::docker::Docker;
use crate::engine::owner;
use crate::env::Env;
use crate::error::Error;
use crate::function::{Function, Package};
use crate::lambda::Events;
use crate::sandbox::debug::Launch;
use crate::sandbox::{Options, Plan};
use crate::settings::Common;

/// What a runtime has for its end where it is asked for with `--shutdown`: as much as extensions have in the service.
const GRACE: Duration = Duration::from_secs(2);

/// What plans are made with.
#[derive(Clone, Copy)]
pub(super) struct Prepare<'a> {
    pub(super) common: &'a Common,
    pub(super) env: &'a Env,
    pub(super) events: &'a Events,
    pub(super) docker: &'a Docker,
    pub(super) sources: &'a Sources,
}

/// What a plan needs besides the function.
pub(super) struct Wanted {
    /// How the runtime is started for a debugger.
    pub(super) launch: Option<Launch>,
    /// How long an answer waits for the report of its invocation.
    pub(super) patience: Duration,
}

impl Prepare<'_> {
    /// Makes sure that everything is here that the function needs, and plans its sandbox.
    pub(super) async fn plan(&self, function: &Function, wanted: Wanted) -> Result<Plan, Error> {
        let container = &self.common.container;
        let content = async {
            let code = self.code(function).await?;
            Ok::<_, Error>((code, self.layers(function).await?))
        };
        let image = self.image(function).instrument(debug_span!("image"));
        // Files are looked at while the engine answers.
        let ((code, layers), image) =
            tokio::try_join!(content.instrument(debug_span!("content")), image)?;
        let function = image::effective(function, &image);
        if code.is_none() && function.handler().is_empty() && image.entrypoint.is_empty() {
            return Err(Error::NoEntryPoint(image.name));
        }
        let variables = self.sources.of(&function, self.events)?;
        let mut content = Vec::new();
        if let Some(code) = code {
            content = self.mounts(&code, layers)?;
        }
        let debugger = self.common.debugger.as_ref();
        let options = Options {
            content,
            launch: wanted.launch,
            patience: wanted.patience,
            debugger: debugger.and_then(|debug| debug.path.clone()),
            network: container.network.clone(),
            transport: container.transport,
            labels: labels(&function),
            name: format!("sam-rs-{}", Uuid::new_v4().simple()),
            no_memory_limit: container.no_memory_limit,
            grace: if container.shutdown {
                GRACE
            } else {
                Duration::ZERO
            },
            hosts: container.hosts.clone(),
            dns: container.dns.clone(),
            cpu_share: container.cpu_share,
            lambda_user: container.lambda_user,
            architecture: image::foreign(&image.architecture),
        };
        Ok(Plan::new(&function, &image, &variables, &options))
    }
}

/// The line that says what is run.
pub(super) fn invoking(function: &Function) -> String {
    match &function.package {
        Package::Zip(zip) => format!("Invoking {} ({})", zip.handler, zip.runtime),
        Package::Image(image) => format!("Invoking Container created from {}", image.uri),
    }
}

fn labels(function: &Function) -> std::collections::BTreeMap<String, String> {
    let runtime = match &function.package {
        Package::Zip(zip) => zip.runtime.to_string(),
        Package::Image(_) => "unknown".to_owned(),
    };
    let mut labels = owner::labels();
    labels.extend([
        ("sam.cli.container.type".to_owned(), "lambda".to_owned()),
        ("sam.cli.function.name".to_owned(), function.path.clone()),
        ("sam.cli.runtime".to_owned(), runtime),
    ]);
    labels
}

/// A function as it runs with these settings.
pub(super) fn adapted(mut function: Function, common: &Common) -> Function {
    function.timeout = debug::timeout(common, &function);
    if common.debugger.is_some() {
        // A debugger attaches to one process.
        function.concurrency = function.concurrency.map(|_| 1);
    }
    function
}
