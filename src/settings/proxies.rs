//! Proxies that the Docker CLI gives every container: `proxies.default` of its configuration.

use serde_json::Value;

use crate::env::{self, Env};

/// Keys of the configuration and the variables that they are.
const NAMES: [(&str, &str); 4] = [
    ("httpProxy", "HTTP_PROXY"),
    ("httpsProxy", "HTTPS_PROXY"),
    ("ftpProxy", "FTP_PROXY"),
    ("allProxy", "ALL_PROXY"),
];
/// What is never behind a proxy: the Runtime API is on the sandbox's own loopback.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];

/// The variables, in both spellings that programs look for; none where nothing is configured.
#[must_use]
pub fn proxies(env: &Env) -> Vec<(String, String)> {
    let directory = env.home_or(env::DOCKER_CONFIG, ".docker");
    let text = directory.and_then(|path| std::fs::read_to_string(path.join("config.json")).ok());
    text.map_or_else(Vec::new, |text| of(&text))
}

fn of(config: &str) -> Vec<(String, String)> {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let default = &config["proxies"]["default"];
    let get = |key: &str| default[key].as_str().filter(|text| !text.is_empty());
    let mut variables: Vec<_> = NAMES
        .iter()
        .filter_map(|(key, name)| Some((*name, get(key)?.to_owned())))
        .collect();
    if variables.is_empty() && get("noProxy").is_none() {
        return Vec::new();
    }
    let own = get("noProxy").unwrap_or_default();
    let mut direct: Vec<_> = own
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .collect();
    for name in LOOPBACK {
        if !direct.contains(&name) {
            direct.push(name);
        }
    }
    variables.push(("NO_PROXY", direct.join(",")));
    let both = |(name, value): (&str, String)| {
        [
            (name.to_owned(), value.clone()),
            (name.to_lowercase(), value),
        ]
    };
    variables.into_iter().flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn proxies_are_set_in_both_spellings_and_spare_the_loopback() {
        let text = r#"{"proxies": {"default": {"httpProxy": "http://p:3128", "noProxy": "a.local, 127.0.0.1"}}}"#;
        let pairs: Vec<_> = of(text)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            pairs,
            [
                "HTTP_PROXY=http://p:3128",
                "http_proxy=http://p:3128",
                "NO_PROXY=a.local,127.0.0.1,localhost",
                "no_proxy=a.local,127.0.0.1,localhost"
            ]
        );
        for none in ["", "{}", "[1]", r#"{"proxies": {"default": {}}}"#] {
            assert!(of(none).is_empty(), "{none}");
        }
    }
}
