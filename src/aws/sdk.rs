//! Credentials that a service gives, through AWS's own library: it is made and asked only when a run needs it.

use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};

use super::{Keys, Source, http};
use crate::env::Env;

/// How often a request is made.
const ATTEMPTS: u32 = 2;

/// Asks for the keys.
pub(super) async fn keys(source: &Source, region: &str, env: &Env) -> Result<Keys, String> {
    let connector = http::connector(env).map_err(|error| error.to_string())?;
    let connector = SharedHttpConnector::new(connector);
    let client = http_client_fn(move |_, _| connector.clone());
    let config = ProviderConfig::without_region()
        .with_region(Some(Region::new(region.to_owned())))
        .with_retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .with_http_client(client);
    let found = match source {
        Source::WebIdentity => {
            let provider = WebIdentityTokenCredentialsProvider::builder().configure(&config);
            provider.build().provide_credentials().await
        }
        Source::Profile(name, _) => {
            let provider = ProfileFileCredentialsProvider::builder().configure(&config);
            provider
                .profile_name(name)
                .build()
                .provide_credentials()
                .await
        }
        _ => {
            let provider = EcsCredentialsProvider::builder().configure(&config);
            provider.build().provide_credentials().await
        }
    };
    let found = found.map_err(|error| told(&error))?;
    Ok(Keys {
        access_key: found.access_key_id().to_owned(),
        secret: found.secret_access_key().to_owned(),
        token: found.session_token().map(str::to_owned),
    })
}

/// What the library says of every failure, so that it says nothing.
const EMPTY: [&str; 2] = [
    "an error occurred while loading credentials",
    "Error retrieving credentials: ",
];

/// The library's error names its own parts first; what went wrong is said by the causes below.
fn told(error: &CredentialsError) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let text = EMPTY
            .iter()
            .fold(cause.to_string(), |text, empty| text.replace(empty, ""));
        causes.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        next = cause.source();
    }
    // A cause may repeat the text of the one below.
    let mut told: Vec<String> = Vec::new();
    for cause in causes.into_iter().rev() {
        if !cause.is_empty() && !told.iter().any(|known| cause.contains(known.as_str())) {
            told.insert(0, cause);
        }
    }
    match told.as_slice() {
        [] => error.to_string(),
        _ => told.join(": "),
    }
}
