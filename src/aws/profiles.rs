//! The shared configuration files of AWS, as far as they say where credentials come from.

use std::collections::BTreeMap;

use super::credentials::{Keys, Kind, Source};
use crate::env::{self, Env};

/// The profile that counts when none is named.
pub(super) const DEFAULT: &str = "default";

/// Profiles by name and key: of the configuration file, and of the one with credentials.
#[derive(Debug, Default)]
pub struct Profiles {
    config: Section,
    credentials: Section,
    /// Files that are there and cannot be read, and why.
    pub unreadable: Vec<String>,
}

/// What the names of sections begin with that are no profiles.
const OTHER: char = '\0';

type Section = BTreeMap<(String, String), String>;

impl Profiles {
    /// Reads the files. One that is not there, or not readable, has no profiles: credentials are never a reason not to
    /// run.
    #[must_use]
    pub fn read(env: &Env) -> Self {
        let mut unreadable = Vec::new();
        let mut text = |variable, below_home| {
            let path = env.home_or(variable, below_home).unwrap_or_default();
            match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => {
                    unreadable.push(format!("{} cannot be read: {error}", path.display()));
                    String::new()
                }
            }
        };
        let config = text(env::AWS_CONFIG_FILE, ".aws/config");
        let credentials = text(env::AWS_SHARED_CREDENTIALS_FILE, ".aws/credentials");
        Self {
            unreadable,
            ..Self::of(&config, &credentials)
        }
    }

    pub(super) fn of(config: &str, credentials: &str) -> Self {
        Self {
            config: parse(config),
            credentials: parse(credentials),
            unreadable: Vec::new(),
        }
    }

    /// Whether there is such a profile. The default one need not be written down.
    #[must_use]
    pub fn has(&self, profile: &str) -> bool {
        profile == DEFAULT || self.names().contains(&profile)
    }

    /// Names of all profiles.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let keys = self.config.keys().chain(self.credentials.keys());
        let mut names: Vec<_> = keys.map(|(name, _)| name.as_str()).collect();
        names.retain(|name| !name.is_empty() && !name.starts_with(OTHER));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A setting of a profile.
    #[must_use]
    pub fn get(&self, profile: &str, key: &str) -> Option<&str> {
        [&self.credentials, &self.config]
            .into_iter()
            .find_map(|section| of(section, profile, key))
    }

    /// How the credentials of a profile are had. A role comes before keys, which may be there to assume it with.
    pub(super) fn source(&self, profile: &str) -> Source {
        let get = |key| self.get(profile, key);
        let kind = if get("role_arn").is_some() {
            Kind::Role
        } else if get("sso_session").or(get("sso_start_url")).is_some() {
            Kind::Sso
        } else if let Some(keys) = self.keys(profile) {
            return Source::Keys(keys);
        } else if let Some(command) = get("credential_process") {
            Kind::Process(command.to_owned())
        } else if get("login_session").is_some() {
            Kind::Login
        } else {
            Kind::Nothing
        };
        Source::Profile(profile.to_owned(), kind)
    }

    fn keys(&self, profile: &str) -> Option<Keys> {
        let of = |section: &Section| {
            let get = |key| of(section, profile, key).map(str::to_owned);
            Some(Keys {
                access_key: get("aws_access_key_id")?,
                secret: get("aws_secret_access_key")?,
                token: get("aws_session_token"),
            })
        };
        of(&self.credentials).or_else(|| of(&self.config))
    }
}

fn of<'a>(section: &'a Section, profile: &str, key: &str) -> Option<&'a str> {
    let value = section.get(&(profile.to_owned(), key.to_owned()))?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

/// The name of the profile that a head is of, or one that no profile has.
fn section_name(head: &str) -> String {
    let unquoted = |name: &str| name.trim().trim_matches('"').to_owned();
    match head.split_once(' ') {
        Some(("profile", name)) => unquoted(name),
        Some((kind @ ("sso-session" | "services"), name)) => format!("{OTHER}{kind} {name}"),
        _ => unquoted(head),
    }
}

fn parse(text: &str) -> Section {
    // A mark that some editors write.
    let text = text.trim_start_matches('\u{feff}');
    let (mut profiles, mut section) = (Section::new(), String::new());
    for line in text.lines() {
        let bare = line.trim();
        let head = bare.strip_prefix('[');
        if let Some(name) = head.and_then(|rest| rest.split(']').next()) {
            section = section_name(name.trim());
            // A profile without settings is one, too.
            profiles.insert((section.clone(), String::new()), String::new());
        } else if bare.starts_with(['#', ';']) || line.starts_with([' ', '\t']) {
            // An indented line belongs to a nested setting.
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default();
            let key = key.trim().to_ascii_lowercase();
            profiles.insert((section.clone(), key), value.trim().to_owned());
        }
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_from_both_files() {
        let config = "\u{feff}[default]\r\nregion = eu-north-1 # home\ns3 =\n  region = no\n[profile work]\nregion=ap-south-1\n\
                      [sso-session x]\nsso_region = us-east-1\n[profile \"with quotes\"]\n";
        let profiles = Profiles::of(config, "[work]\naws_access_key_id = k\n");
        assert_eq!(profiles.get("default", "region"), Some("eu-north-1"));
        assert_eq!(profiles.get("work", "region"), Some("ap-south-1"));
        assert_eq!(profiles.get("work", "aws_access_key_id"), Some("k"));
        assert_eq!(profiles.names(), ["default", "with quotes", "work"]);
        assert!(profiles.has("default") && !profiles.has("nobody"));
    }
}
