//! Region, account and credentials, without any call: the shell's, else the shared configuration files'.

use std::collections::BTreeMap;

use super::SettingsError;
use crate::env::{self, Env};
use crate::function::variables::Surroundings;

const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_ACCOUNT: &str = "123456789012";

/// Where the function believes to run.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// What the function's environment is made of.
    pub surroundings: Surroundings,
}

impl Aws {
    /// Resolves region, account and credentials.
    ///
    /// # Errors
    /// The region cannot be one.
    pub fn resolve(region: Option<String>, env: &Env) -> Result<Self, SettingsError> {
        let profile = env.get(env::AWS_PROFILE).unwrap_or("default");
        let from_profile = || Profiles::config(env).get(profile, "region");
        let region = region
            .or_else(|| env.get(env::AWS_REGION).map(str::to_owned))
            .or_else(|| env.get(env::AWS_DEFAULT_REGION).map(str::to_owned))
            .or_else(from_profile)
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        if !is_region(&region) {
            return Err(SettingsError::Region(region));
        }
        let (access_key, session_token) = credentials(profile, env);
        let account = env
            .get(env::AWS_ACCOUNT_ID)
            .unwrap_or(DEFAULT_ACCOUNT)
            .to_owned();
        Ok(Self {
            surroundings: Surroundings {
                region,
                account,
                access_key,
                session_token,
            },
        })
    }
}

type Credentials = (Option<(String, String)>, Option<String>);

/// Key and secret, and the token of temporary ones. All from the same place: a token of another would not fit.
fn credentials(profile: &str, env: &Env) -> Credentials {
    let shell = |name| env.get(name).map(str::to_owned);
    if let Some(keys) = shell(env::AWS_ACCESS_KEY_ID).zip(shell(env::AWS_SECRET_ACCESS_KEY)) {
        return (Some(keys), shell(env::AWS_SESSION_TOKEN));
    }
    for profiles in [Profiles::credentials(env), Profiles::config(env)] {
        let get = |key| profiles.get(profile, key);
        if let Some(keys) = get("aws_access_key_id").zip(get("aws_secret_access_key")) {
            return (Some(keys), get("aws_session_token"));
        }
    }
    (None, None)
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

/// Profiles of a shared configuration file, by name and key.
#[derive(Default)]
struct Profiles(BTreeMap<(String, String), String>);

impl Profiles {
    fn config(env: &Env) -> Self {
        Self::read(env, env::AWS_CONFIG_FILE, ".aws/config")
    }

    fn credentials(env: &Env) -> Self {
        Self::read(env, env::AWS_SHARED_CREDENTIALS_FILE, ".aws/credentials")
    }

    /// A file that is not there, or not readable, has no profiles: credentials are never a reason not to run.
    fn read(env: &Env, variable: &str, below_home: &str) -> Self {
        let text = env
            .home_or(variable, below_home)
            .and_then(|path| std::fs::read_to_string(path).ok());
        text.map_or_else(Self::default, |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let (mut profiles, mut section) = (BTreeMap::new(), String::new());
        for line in text.lines() {
            let bare = line.trim();
            if let Some(name) = bare
                .strip_prefix('[')
                .and_then(|rest| rest.split(']').next())
            {
                let name = name.trim();
                name.strip_prefix("profile ")
                    .unwrap_or(name)
                    .trim()
                    .clone_into(&mut section);
            } else if let Some((key, value)) = line
                .split_once('=')
                .filter(|_| !bare.starts_with(['#', ';']))
            {
                // An indented line belongs to a nested setting.
                if !line.starts_with([' ', '\t']) {
                    profiles.insert(
                        (section.clone(), key.trim().to_ascii_lowercase()),
                        value.trim().to_owned(),
                    );
                }
            }
        }
        Self(profiles)
    }

    fn get(&self, profile: &str, key: &str) -> Option<String> {
        self.0
            .get(&(profile.to_owned(), key.to_owned()))
            .filter(|value| !value.is_empty())
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(given: Option<&str>, variables: &[(&str, &str)]) -> String {
        let env = Env::of(variables.iter().copied());
        Aws::resolve(given.map(str::to_owned), &env)
            .unwrap()
            .surroundings
            .region
    }

    #[test]
    fn the_region_has_an_order_of_sources() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        let config = "[default]\nregion = eu-north-1\ns3 =\n  region = no\n[profile work]\nregion=ap-south-1\n";
        std::fs::write(home.path().join(".aws/config"), config).unwrap();
        let home = ("HOME", home.path().to_str().unwrap());
        assert_eq!(region(None, &[]), "us-east-1");
        assert_eq!(region(None, &[home]), "eu-north-1");
        assert_eq!(region(None, &[home, ("AWS_PROFILE", "work")]), "ap-south-1");
        assert_eq!(
            region(None, &[home, ("AWS_DEFAULT_REGION", "eu-west-2")]),
            "eu-west-2"
        );
        assert_eq!(
            region(
                None,
                &[
                    ("AWS_REGION", "eu-west-3"),
                    ("AWS_DEFAULT_REGION", "eu-west-2")
                ]
            ),
            "eu-west-3"
        );
        assert_eq!(
            region(Some("us-gov-west-1"), &[("AWS_REGION", "eu-west-3")]),
            "us-gov-west-1"
        );
    }

    #[test]
    fn credentials_come_from_one_place() {
        let shell = [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_SESSION_TOKEN", "c"),
        ];
        let found = Aws::resolve(None, &Env::of(shell)).unwrap().surroundings;
        assert_eq!(
            (found.access_key, found.session_token),
            (Some(("a".into(), "b".into())), Some("c".into()))
        );
        let found = Aws::resolve(None, &Env::of([("AWS_SESSION_TOKEN", "c")]))
            .unwrap()
            .surroundings;
        assert_eq!((found.access_key, found.session_token), (None, None));
    }

    #[test]
    fn what_cannot_be_a_region_is_refused() {
        for wrong in ["us_east_1", "-x", "x-", "12", "a b", ""] {
            assert!(!is_region(wrong), "{wrong}");
        }
    }
}
