//! Credentials of the user, for the function and for what is fetched from the service: where they are to come from is
//! known at once, from the shell and the shared configuration files; getting them may ask a program or a service, and is
//! done when something needs them. Absent or expired ones are never a reason not to run.

use std::time::Duration;

#[cfg(feature = "aws")]
use super::sdk;
use super::{Profiles, process, profiles};
use crate::env::{self, Env};

/// How long a service may take.
const SERVICE: Duration = Duration::from_secs(10);
/// How long a program may take: it may ask a person.
const PROGRAM: Duration = Duration::from_mins(1);

/// Keys. All from the same place: a token of another would not fit.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Access key.
    pub access_key: String,
    /// Its secret.
    pub secret: String,
    /// Session token of temporary ones.
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    /// No value of a credential is shown anywhere.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Where credentials are to come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: nothing is configured.
    #[default]
    None,
    /// They are here.
    Keys(Keys),
    /// A profile, in its way.
    Profile(String, Kind),
    /// A role, for which a file has a token, as the shell's variables say.
    WebIdentity,
    /// The metadata of the container that this program runs in, as the shell's variables say.
    Container,
}

/// How a profile's credentials are had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They are not: it names no way.
    Nothing,
    /// A program prints them.
    Process(String),
    /// A session of IAM Identity Center.
    Sso,
    /// A role that is assumed with other credentials.
    Role,
    /// A session of the console, of `aws login`.
    Login,
}

/// Credentials that cannot be had.
#[derive(Debug)]
pub struct Unavailable {
    /// Whose they are.
    pub whose: String,
    /// Why.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.whose, self.reason)
    }
}

impl Source {
    /// Where credentials come from: a profile that is chosen, the shell, the profile that the shell names, the default
    /// one.
    #[must_use]
    pub fn find(chosen: Option<&str>, env: &Env, profiles: &Profiles) -> Self {
        let from_shell = || match shell(env) {
            Self::None => None,
            source => Some(source),
        };
        let of_profile = |name: &str| profiles.source(name);
        match (chosen, env.get(env::AWS_PROFILE)) {
            (Some(chosen), _) => of_profile(chosen),
            (None, Some(named)) => from_shell().unwrap_or_else(|| of_profile(named)),
            (None, None) => from_shell().unwrap_or_else(|| match of_profile(profiles::DEFAULT) {
                // Nobody asked for it.
                Self::Profile(_, Kind::Nothing) => Self::None,
                source => source,
            }),
        }
    }

    /// Gets the credentials; none where nothing is configured.
    ///
    /// # Errors
    /// They cannot be had: for people, why.
    pub async fn keys(&self, region: &str, env: &Env) -> Result<Option<Keys>, Unavailable> {
        let patience = match self {
            Self::None => return Ok(None),
            Self::Keys(keys) => return Ok(Some(keys.clone())),
            Self::Profile(_, Kind::Process(_) | Kind::Login) => PROGRAM,
            _ => SERVICE,
        };
        let asked = tokio::time::timeout(patience, self.ask(region, env)).await;
        let took = || {
            let seconds = patience.as_secs();
            Err(format!("there was no answer within {seconds} seconds"))
        };
        let keys = asked.unwrap_or_else(|_| took());
        keys.map(Some).map_err(|reason| Unavailable {
            whose: self.whose(),
            reason,
            hint: self.hint(),
        })
    }

    #[cfg(feature = "aws")]
    async fn ask(&self, region: &str, env: &Env) -> Result<Keys, String> {
        match self {
            Self::Profile(name, Kind::Login) => process::export(name, env).await,
            Self::Profile(_, Kind::Nothing) => Err(NOTHING.to_owned()),
            Self::Profile(_, Kind::Process(command)) => process::run(command, env).await,
            source => sdk::keys(source, region, env).await,
        }
    }

    /// Without the libraries of AWS there are programs only.
    #[cfg(not(feature = "aws"))]
    async fn ask(&self, _region: &str, env: &Env) -> Result<Keys, String> {
        match self {
            Self::Profile(_, Kind::Nothing) => Err(NOTHING.to_owned()),
            Self::Profile(_, Kind::Process(command)) => process::run(command, env).await,
            Self::Profile(name, _) => process::export(name, env).await,
            _ => Err("this sam-rs is built without the feature `aws`".to_owned()),
        }
    }

    /// Whose they are, for people.
    #[must_use]
    pub fn whose(&self) -> String {
        match self {
            Self::Profile(name, _) => format!("the credentials of profile '{name}'"),
            Self::WebIdentity => {
                format!("the credentials of the role in {}", env::AWS_ROLE_ARN)
            }
            _ => "the credentials of this container".to_owned(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Profile(name, Kind::Sso) => Some(format!("`aws sso login --profile {name}`")),
            Self::Profile(name, Kind::Login) => Some(format!("`aws login --profile {name}`")),
            _ => None,
        }
    }
}

const NOTHING: &str = "it has no keys, and names no way to get some";

/// What the shell's variables say.
fn shell(env: &Env) -> Source {
    let get = |name| env.get(name).map(str::to_owned);
    if let (Some(access_key), Some(secret)) =
        (get(env::AWS_ACCESS_KEY_ID), get(env::AWS_SECRET_ACCESS_KEY))
    {
        let token = get(env::AWS_SESSION_TOKEN);
        return Source::Keys(Keys {
            access_key,
            secret,
            token,
        });
    }
    let all = |names: &[&str]| names.iter().all(|name| env.get(name).is_some());
    if all(&[env::AWS_WEB_IDENTITY_TOKEN_FILE, env::AWS_ROLE_ARN]) {
        return Source::WebIdentity;
    }
    let container = [
        env::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
        env::AWS_CONTAINER_CREDENTIALS_FULL_URI,
    ];
    if container.iter().any(|name| env.get(name).is_some()) {
        Source::Container
    } else {
        Source::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(chosen: Option<&str>, variables: &[(&str, &str)]) -> Source {
        let text = "[work]\naws_access_key_id = k\naws_secret_access_key = s\n[role]\nrole_arn = r\naws_access_key_id = k\n\
                    aws_secret_access_key = s\n[sso]\nsso_session = x\n[program]\ncredential_process = print\n[empty]\nregion = x\n";
        let profiles = Profiles::of("", text);
        Source::find(chosen, &Env::of(variables.iter().copied()), &profiles)
    }

    #[test]
    fn credentials_come_from_one_place() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        let of_work = Keys {
            access_key: "k".into(),
            secret: "s".into(),
            token: None,
        };
        let shell = Keys {
            access_key: "a".into(),
            secret: "b".into(),
            token: None,
        };
        assert_eq!(find(None, &keys), Source::Keys(shell.clone()));
        let with_profile = [keys[0], keys[1], ("AWS_PROFILE", "work")];
        assert_eq!(find(None, &with_profile), Source::Keys(shell));
        assert_eq!(find(Some("work"), &keys), Source::Keys(of_work));
        assert_eq!(find(None, &[("AWS_SESSION_TOKEN", "c")]), Source::None);
    }

    #[test]
    fn a_profile_says_how_its_credentials_are_had() {
        let kind = |name| match find(Some(name), &[]) {
            Source::Profile(_, kind) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind("role"), Kind::Role);
        assert_eq!(kind("sso"), Kind::Sso);
        assert_eq!(kind("program"), Kind::Process("print".into()));
        assert_eq!(kind("empty"), Kind::Nothing);
    }

    #[test]
    fn no_value_is_shown() {
        let source = find(Some("work"), &[]);
        assert_eq!(format!("{source:?}"), "Keys(Keys)");
    }
}
