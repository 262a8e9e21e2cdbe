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
    /// Resolves region, account and credentials, and says what is doubtful about them. A profile that is chosen comes
    /// before the shell's keys.
    ///
    /// # Errors
    /// The region cannot be one, or there is no such profile.
    pub fn resolve(
        region: Option<String>,
        chosen: Option<&str>,
        env: &Env,
    ) -> Result<(Self, Option<String>), SettingsError> {
        let shell = env.get(env::AWS_PROFILE);
        let profile = chosen.or(shell).unwrap_or("default");
        let files = [Profiles::credentials(env), Profiles::config(env)];
        let there = files.iter().any(|profiles| profiles.has(profile));
        if let Some(chosen) = chosen.filter(|_| !there) {
            return Err(SettingsError::Profile(chosen.to_owned()));
        }
        let from_profile = || files[1].get(profile, "region");
        let region = region
            .or_else(|| env.get(env::AWS_REGION).map(str::to_owned))
            .or_else(|| env.get(env::AWS_DEFAULT_REGION).map(str::to_owned))
            .or_else(from_profile)
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        if !is_region(&region) {
            return Err(SettingsError::Region(region));
        }
        let keys = chosen.is_none().then(|| from_shell(env)).flatten();
        let keys = keys.or_else(|| from_files(profile, &files));
        let named = chosen.is_some() || shell.is_some();
        let doubt = match &keys {
            None if named && !there => Some(format!(
                "the profile '{profile}' is in no configuration file; the function sees default credentials"
            )),
            None if named => Some(format!(
                "the profile '{profile}' has no keys of its own; the function sees default credentials. `eval \"$(aws configure \
                 export-credentials --profile {profile} --format env)\"` puts its keys into the shell"
            )),
            _ => None,
        };
        let (access_key, session_token) = keys.unzip();
        let account = env
            .get(env::AWS_ACCOUNT_ID)
            .unwrap_or(DEFAULT_ACCOUNT)
            .to_owned();
        let surroundings = Surroundings {
            region,
            account,
            access_key,
            session_token: session_token.flatten(),
        };
        Ok((Self { surroundings }, doubt))
    }
}

/// Key and secret, and the token of temporary ones. All from the same place: a token of another would not fit.
type Credentials = ((String, String), Option<String>);

fn from_shell(env: &Env) -> Option<Credentials> {
    let shell = |name| env.get(name).map(str::to_owned);
    let keys = shell(env::AWS_ACCESS_KEY_ID).zip(shell(env::AWS_SECRET_ACCESS_KEY))?;
    Some((keys, shell(env::AWS_SESSION_TOKEN)))
}

fn from_files(profile: &str, files: &[Profiles]) -> Option<Credentials> {
    files.iter().find_map(|profiles| {
        let get = |key| profiles.get(profile, key);
        let keys = get("aws_access_key_id").zip(get("aws_secret_access_key"))?;
        Some((keys, get("aws_session_token")))
    })
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

    fn has(&self, profile: &str) -> bool {
        self.0.keys().any(|(name, _)| name == profile)
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
        let (aws, _) = Aws::resolve(given.map(str::to_owned), None, &env).unwrap();
        aws.surroundings.region
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
        let of = |env: &Env| Aws::resolve(None, None, env).unwrap().0.surroundings;
        let found = of(&Env::of(shell));
        assert_eq!(
            (found.access_key, found.session_token),
            (Some(("a".into(), "b".into())), Some("c".into()))
        );
        let found = of(&Env::of([("AWS_SESSION_TOKEN", "c")]));
        assert_eq!((found.access_key, found.session_token), (None, None));
    }

    #[test]
    fn what_cannot_be_a_region_is_refused() {
        for wrong in ["us_east_1", "-x", "x-", "12", "a b", ""] {
            assert!(!is_region(wrong), "{wrong}");
        }
    }
}
