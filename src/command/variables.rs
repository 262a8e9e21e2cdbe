//! The environment that a function sees: everything that has a say in it is gathered here.

use std::time::Duration;

use tracing::{Instrument, debug, debug_span};

use super::content::blocking;
use crate::env::Env;
use crate::error::Error;
use crate::function::Function;
use crate::function::variables::{Layers, Overrides, Surroundings, environment};
use crate::lambda::Events;
use crate::settings::{Aws, Common, EnvVars, proxies};

/// How long credentials may take before it is said that they are waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// Where variables come from that do not come from the function.
pub(super) struct Sources {
    file: EnvVars,
    surroundings: Surroundings,
    proxies: Vec<(String, String)>,
    given: Overrides,
    env: Env,
}

impl Sources {
    /// Reads the file that is named, and gets credentials.
    pub(super) async fn load(common: &Common, env: &Env, events: &Events) -> Result<Self, Error> {
        // It may be a pipe, which signals must not wait for.
        let path = common.env_vars.clone();
        let file = blocking("reading variables", move || {
            path.as_deref().map(EnvVars::load).transpose()
        });
        let file = file.await??;
        let passed_over = file.iter().flat_map(|file| &file.warnings);
        passed_over.for_each(|warning| events.warn(warning));
        let surroundings = surroundings(&common.aws, env, events)
            .instrument(debug_span!("credentials"))
            .await;
        Ok(Self {
            file: file.unwrap_or_default(),
            surroundings,
            proxies: proxies(env),
            given: common.env.clone(),
            env: env.clone(),
        })
    }

    /// Makes sure that the file can be used for a function.
    pub(super) fn check(&self, function: &Function) -> Result<(), Error> {
        Ok(self.file.of(function).map(drop)?)
    }

    /// The variables of a function, in their order.
    pub(super) fn of(
        &self,
        function: &Function,
        events: &Events,
    ) -> Result<Vec<(String, String)>, Error> {
        let layers = Layers {
            proxies: &self.proxies,
            shell: &|name| self.env.raw(name),
            file: &self.file.of(function)?,
            given: &self.given,
        };
        let (variables, refused) = environment(function, &self.surroundings, layers);
        for name in refused {
            events.warn(format!("variable '{name}' cannot be set and was left out"));
        }
        for variable in &variables {
            debug!(name = variable.name, from = %variable.origin, "variable");
        }
        let pairs = variables.into_iter().map(|one| (one.name, one.value));
        Ok(pairs.collect())
    }
}

/// Region, account and keys. Keys that cannot be had are told of, and default ones take their place.
async fn surroundings(aws: &Aws, env: &Env, events: &Events) -> Surroundings {
    let asked = aws.credentials.keys(&aws.region, env);
    tokio::pin!(asked);
    let keys = tokio::select! {
        keys = &mut asked => keys,
        () = tokio::time::sleep(SILENCE) => {
            events.note(format!("waiting for {}", aws.credentials.whose()));
            asked.await
        }
    };
    let keys = keys.unwrap_or_else(|unavailable| {
        let hint = unavailable.hint.as_ref();
        let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        events.warn(format!(
            "{unavailable}; the function sees default credentials{hint}"
        ));
        None
    });
    let (access_key, session_token) = keys
        .map(|keys| ((keys.access_key, keys.secret), keys.token))
        .unzip();
    Surroundings {
        region: aws.region.clone(),
        account: aws.account.clone(),
        access_key,
        session_token: session_token.flatten(),
    }
}
