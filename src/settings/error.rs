//! What can be wrong with settings.

use std::io;
use std::path::PathBuf;

use crate::template::Problem;

/// Settings that cannot be.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum SettingsError {
    /// A value that the command line refuses.
    #[error("{0}")]
    Usage(String),
    /// What is not emulated, and what to do instead.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A configuration file that cannot be written to.
    #[error("the configuration cannot be saved: {0}")]
    Save(String),
    /// A profile that was named and is not there.
    #[error("The config profile ({name}) could not be found")]
    Profile {
        name: String,
        /// What is wrong with the files, where anything is.
        unreadable: Vec<String>,
        /// Profiles that there are.
        known: Vec<String>,
    },
    /// A configuration file that was named and is not there.
    #[error("Config file {0} does not exist or could not be read!")]
    NoConfig(String),
    /// A configuration file in a format that is not known.
    #[error("The config file {} uses an unsupported extension, and cannot be read.", .0.display())]
    ConfigFormat(PathBuf),
    /// A file that cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A place in the configuration file.
    #[error("{0}")]
    Config(Box<Problem>),
    /// An image that is named wrongly.
    #[error("Invalid command line image input {0}.")]
    Image(String),
    /// A directory for a debugger that is none.
    #[error("{0}")]
    Debugger(String),
    /// A region that cannot be one.
    #[error("Provided region: {0} doesn't match a supported format")]
    Region(String),
    /// A file of variables in no known format.
    #[error("Could not read environment variables overrides from file {path}: {reason}")]
    EnvVars { path: String, reason: String },
    /// A section of the file of variables that is no map.
    #[error("Environment variables of section '{0}' in incorrect format")]
    EnvVarsSection(String),
}

impl SettingsError {
    /// A token of `--parameter-overrides` without an override in it.
    pub(super) fn override_format(token: &str) -> Self {
        Self::Usage(format!(
            "Invalid value for '--parameter-overrides': {token} is not a valid format. It must look something like \
             'ParameterKey=KeyPairName,ParameterValue=MyKey ParameterKey=InstanceType,ParameterValue=t1.micro', \
             'KeyPairName=MyKey InstanceType=t1.micro', or 'file://MyParams.yaml'"
        ))
    }
}
