//! Region, account and where credentials come from, without any call: the shell, else the shared configuration files.

use super::SettingsError;
use crate::aws::{Profiles, Source};
use crate::env::{self, Env};

const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_ACCOUNT: &str = "123456789012";

/// Where the function believes to run.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// Region.
    pub region: String,
    /// Account.
    pub account: String,
    /// Where credentials come from.
    pub credentials: Source,
}

impl Aws {
    /// Resolves region, account and the source of credentials. A profile that is chosen comes before the shell's keys.
    ///
    /// # Errors
    /// The region cannot be one, or there is no such profile.
    pub fn resolve(
        region: Option<String>,
        chosen: Option<&str>,
        env: &Env,
    ) -> Result<Self, SettingsError> {
        let profiles = Profiles::read(env);
        let named = chosen.or(env.get(env::AWS_PROFILE));
        if let Some(named) = named.filter(|name| !profiles.has(name)) {
            let known = profiles.names().into_iter().map(str::to_owned).collect();
            return Err(SettingsError::Profile {
                name: named.to_owned(),
                unreadable: profiles.unreadable,
                known,
            });
        }
        let from_profile = || profiles.get(named.unwrap_or("default"), "region");
        let region = region
            .or_else(|| env.get(env::AWS_REGION).map(str::to_owned))
            .or_else(|| env.get(env::AWS_DEFAULT_REGION).map(str::to_owned))
            .or_else(|| from_profile().map(str::to_owned))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        if !is_region(&region) {
            return Err(SettingsError::Region(region));
        }
        let account = env.get(env::AWS_ACCOUNT_ID).unwrap_or(DEFAULT_ACCOUNT);
        Ok(Self {
            region,
            account: account.to_owned(),
            credentials: Source::find(chosen, env, &profiles),
        })
    }
}

/// What can be part of a host name, as SAM CLI has it: people call local services `local`.
fn is_region(text: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.chars().all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(given: Option<&str>, variables: &[(&str, &str)]) -> String {
        let env = Env::of(variables.iter().copied());
        Aws::resolve(given.map(str::to_owned), None, &env)
            .unwrap()
            .region
    }

    #[test]
    fn the_region_has_an_order_of_sources() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        let config = "[default]\nregion = eu-north-1\n[profile work]\nregion=ap-south-1\n";
        std::fs::write(home.path().join(".aws/config"), config).unwrap();
        let home = ("HOME", home.path().to_str().unwrap());
        assert_eq!(region(None, &[]), "us-east-1");
        assert_eq!(region(None, &[home]), "eu-north-1");
        assert_eq!(region(None, &[home, ("AWS_PROFILE", "work")]), "ap-south-1");
        let second = ("AWS_DEFAULT_REGION", "eu-west-2");
        assert_eq!(region(None, &[home, second]), "eu-west-2");
        let first = ("AWS_REGION", "eu-west-3");
        assert_eq!(region(None, &[first, second]), "eu-west-3");
        assert_eq!(region(Some("us-gov-west-1"), &[first]), "us-gov-west-1");
    }

    #[test]
    fn a_profile_that_is_not_there_is_refused() {
        let named = Env::of([("AWS_PROFILE", "nobody")]);
        let error = Aws::resolve(None, None, &named).unwrap_err();
        assert!(matches!(error, SettingsError::Profile { name, .. } if name == "nobody"));
        assert!(Aws::resolve(None, Some("default"), &Env::default()).is_ok());
    }

    #[test]
    fn what_cannot_be_a_region_is_refused() {
        for wrong in ["us_east_1", "-x", "x-", "12", "a b", ""] {
            assert!(!is_region(wrong), "{wrong}");
        }
    }
}
