//! The environment that a function sees: everything that has a say in it is gathered here.

use tracing::{Instrument, debug, debug_span};

use crate::env::Env;
use crate::error::Error;
use crate::function::Function;
use crate::function::variables::{Layers, Surroundings, environment};
use crate::lambda::Events;
use crate::settings::{Aws, EnvVars, Invoke, proxies};

/// The variables, in their order.
pub(super) async fn of(
    function: &Function,
    settings: &Invoke,
    env: &Env,
    events: &Events,
) -> Result<Vec<(String, String)>, Error> {
    let file = settings
        .common
        .env_vars
        .as_deref()
        .map(EnvVars::load)
        .transpose()?;
    let file = file.map(|file| file.of(function)).transpose()?;
    let surroundings = surroundings(&settings.common.aws, env, events)
        .instrument(debug_span!("credentials"))
        .await;
    let layers = Layers {
        proxies: &proxies(env),
        shell: &|name| env.raw(name),
        file: &file.unwrap_or_default(),
        given: &settings.common.env,
    };
    let (variables, refused) = environment(function, &surroundings, layers);
    for name in refused {
        events.warn(format!("variable '{name}' cannot be set and was left out"));
    }
    for variable in &variables {
        debug!(name = variable.name, from = %variable.origin, "variable");
    }
    let pairs = variables.into_iter().map(|one| (one.name, one.value));
    Ok(pairs.collect())
}

/// Region, account and keys. Keys that cannot be had are told of, and default ones take their place.
async fn surroundings(aws: &Aws, env: &Env, events: &Events) -> Surroundings {
    let keys = aws.credentials.keys(&aws.region, env).await;
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
