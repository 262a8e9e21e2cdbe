//! Lambda's runtimes: one table of facts.

use std::fmt;

/// Where the public base images are.
const REGISTRY: &str = "public.ecr.aws/lambda";

/// Instruction set that a function is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit Arm.
    Arm64,
}

impl Architecture {
    /// The name in templates and image tags.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// The name in the words of container engines.
    #[must_use]
    pub fn engine_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// This machine's.
    #[must_use]
    pub fn of_this_machine() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// The architecture of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::X86_64, Self::Arm64]
            .into_iter()
            .find(|architecture| architecture.name() == name)
    }
}

/// Facts of a family: identifiers are `stem` and a version, `images` of it have the version in their tag.
struct Family {
    stem: &'static str,
    image: &'static str,
    versions: &'static [(&'static str, &'static str)],
}

/// Identifier after the stem, tag of the image.
const FAMILIES: &[Family] = &[
    Family {
        stem: "nodejs",
        image: "nodejs",
        versions: &[
            ("16.x", "16"),
            ("18.x", "18"),
            ("20.x", "20"),
            ("22.x", "22"),
            ("24.x", "24"),
        ],
    },
    Family {
        stem: "python",
        image: "python",
        versions: &[
            ("3.8", "3.8"),
            ("3.9", "3.9"),
            ("3.10", "3.10"),
            ("3.11", "3.11"),
            ("3.12", "3.12"),
            ("3.13", "3.13"),
            ("3.14", "3.14"),
        ],
    },
    Family {
        stem: "ruby",
        image: "ruby",
        versions: &[
            ("3.2", "3.2"),
            ("3.3", "3.3"),
            ("3.4", "3.4"),
            ("4.0", "4.0"),
        ],
    },
    Family {
        stem: "java",
        image: "java",
        versions: &[
            ("8.al2", "8.al2"),
            ("8.al2023", "8.al2023"),
            ("11", "11"),
            ("11.al2023", "11.al2023"),
            ("17", "17"),
            ("17.al2023", "17.al2023"),
            ("21", "21"),
            ("25", "25"),
        ],
    },
    Family {
        stem: "dotnet",
        image: "dotnet",
        versions: &[("6", "6"), ("8", "8"), ("10", "10")],
    },
    Family {
        stem: "provided",
        image: "provided",
        versions: &[(".al2", "al2"), (".al2023", "al2023"), ("", "alami")],
    },
    Family {
        stem: "go1",
        image: "go",
        versions: &[(".x", "1")],
    },
];

/// Runtimes that exist for one architecture only; their tags do not name it.
const X86_ONLY: [&str; 2] = ["provided", "go1.x"];

/// Runtimes that Lambda once had.
const FORMER: [&str; 22] = [
    "nodejs",
    "nodejs4.3",
    "nodejs4.3-edge",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "dotnet5.0",
    "dotnet7",
    "java8",
    "python2.7",
    "python3.6",
    "python3.7",
    "ruby2.5",
    "ruby2.7",
    "ruby3.0",
    "ruby3.1",
];

/// A runtime that Lambda knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    identifier: String,
    image: String,
}

impl Runtime {
    /// The runtime of an identifier such as `python3.11`; none when there is no such runtime.
    #[must_use]
    pub fn from_identifier(identifier: &str) -> Option<Self> {
        let known = |family: &Family| {
            let version = identifier.strip_prefix(family.stem)?;
            let (_, tag) = family
                .versions
                .iter()
                .find(|(suffix, _)| *suffix == version)?;
            Some(format!("{REGISTRY}/{}:{tag}", family.image))
        };
        let image = FAMILIES.iter().find_map(known)?;
        Some(Self {
            identifier: identifier.to_owned(),
            image,
        })
    }

    /// The identifiers of all runtimes.
    pub fn identifiers() -> impl Iterator<Item = String> {
        FAMILIES.iter().flat_map(|family| {
            let versions = family.versions.iter();
            versions.map(|(version, _)| format!("{}{version}", family.stem))
        })
    }

    /// Whether Lambda once had a runtime of this name.
    #[must_use]
    pub fn was(name: &str) -> bool {
        FORMER.contains(&name)
    }

    /// Whether the function brings its own runtime, a program called `bootstrap`.
    #[must_use]
    pub fn is_provided(&self) -> bool {
        self.identifier.starts_with("provided")
    }

    /// Whether the runtime exists for an architecture.
    #[must_use]
    pub fn supports(&self, architecture: Architecture) -> bool {
        architecture == Architecture::X86_64 || !X86_ONLY.contains(&self.identifier.as_str())
    }

    /// The public base image for an architecture.
    #[must_use]
    pub fn image(&self, architecture: Architecture) -> String {
        if X86_ONLY.contains(&self.identifier.as_str()) {
            self.image.clone()
        } else {
            format!("{}-{}", self.image, architecture.name())
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_lead_to_the_public_images() {
        let image =
            |id| Runtime::from_identifier(id).map(|runtime| runtime.image(Architecture::X86_64));
        let public = |tag: &str| Some(format!("public.ecr.aws/lambda/{tag}"));
        assert_eq!(image("python3.11"), public("python:3.11-x86_64"));
        assert_eq!(image("nodejs22.x"), public("nodejs:22-x86_64"));
        assert_eq!(image("provided.al2023"), public("provided:al2023-x86_64"));
        assert_eq!(image("java8.al2"), public("java:8.al2-x86_64"));
        assert_eq!(image("go1.x"), public("go:1"));
        assert_eq!(image("provided"), public("provided:alami"));
        for unknown in [
            "python",
            "python3",
            "nodejs22",
            "",
            "rust1.x",
            "provided.al3",
        ] {
            assert_eq!(image(unknown), None, "{unknown}");
        }
    }
}
