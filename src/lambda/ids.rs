//! Identifiers of the service.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// The id of one invocation: a lower-case UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A new id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The X-Ray trace header of an invocation: `Root=1-<seconds>-<24 hex>;Parent=<16 hex>;Sampled=<0 or 1>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// A new trace, sampled where the function is traced.
    #[must_use]
    pub fn random(sampled: bool) -> Self {
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs());
        let (root, parent) = (
            Uuid::new_v4().simple().to_string(),
            Uuid::new_v4().simple().to_string(),
        );
        Self(format!(
            "Root=1-{seconds:08x}-{};Parent={};Sampled={}",
            &root[..24],
            &parent[..16],
            u8::from(sampled)
        ))
    }

    /// The value of one of its fields.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.split(';').filter_map(|field| field.split_once('='));
        fields.find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The trace that a caller goes on with; None where it names none. What a header cannot hold is none.
    #[must_use]
    pub fn of_caller(header: &str) -> Option<Self> {
        let trace = Self(header.to_owned());
        let plain = header.bytes().all(|byte| byte.is_ascii_graphic());
        (plain && trace.field("Root").is_some()).then_some(trace)
    }

    /// Whether the trace is to be recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.field("Sampled") == Some("1")
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The Amazon resource name of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn(String);

impl Arn {
    /// The unqualified name of a function.
    #[must_use]
    pub fn function(region: &str, account: &str, name: &str) -> Self {
        Self(format!(
            "arn:{}:lambda:{region}:{account}:function:{name}",
            partition(region)
        ))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The Amazon resource name of a layer's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerArn {
    text: String,
    region: String,
    name: String,
    version: u64,
}

impl LayerArn {
    /// The region that it is in.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The layer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The name without the version.
    #[must_use]
    pub fn layer(&self) -> &str {
        self.text.rsplit_once(':').map_or("", |(layer, _)| layer)
    }
}

impl fmt::Display for LayerArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for LayerArn {
    type Err = ();

    /// `arn:{partition}:lambda:{region}:{account}:layer:{name}:{version}`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<_> = text.split(':').collect();
        let ["arn", _, "lambda", region, account, "layer", name, version] = parts[..] else {
            return Err(());
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        let named = |text: &str| !text.is_empty() && text.chars().all(plain);
        if !named(region) || !named(name) || !named(account) {
            return Err(());
        }
        Ok(Self {
            region: region.to_owned(),
            name: name.to_owned(),
            version: version.parse().map_err(|_| ())?,
            text: text.to_owned(),
        })
    }
}

/// The partition that a region is in.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_the_partition_of_its_region() {
        let arn = |region| {
            Arn::function(region, "123456789012", "Ratings")
                .as_str()
                .to_owned()
        };
        assert_eq!(
            arn("eu-west-1"),
            "arn:aws:lambda:eu-west-1:123456789012:function:Ratings"
        );
        assert!(arn("cn-north-1").starts_with("arn:aws-cn:"));
        assert!(arn("us-gov-east-1").starts_with("arn:aws-us-gov:"));
    }

    #[test]
    fn a_trace_id_has_the_documented_lengths() {
        let trace = TraceId::random(false);
        assert!(!trace.is_sampled() && TraceId::random(true).is_sampled());
        let lengths: Vec<_> = trace.as_str().split(';').map(str::len).collect();
        assert_eq!(
            lengths,
            [
                "Root=1-".len() + 8 + 1 + 24,
                "Parent=".len() + 16,
                "Sampled=0".len()
            ]
        );
    }
}
