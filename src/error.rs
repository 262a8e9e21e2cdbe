//! The one error of the program: which module failed, and how that is told.
//!
//! Every error has the same form: `Error: ` and what failed, in SAM CLI's words where it has any; the place in the file,
//! with its line; a hint what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::content::{ContentError, LayerError};
use crate::engine::EngineError;
use crate::exit::Exit;
use crate::function::LookupError;
use crate::settings::SettingsError;
use crate::template::{Problem, Source, Span};

/// Anything that ends the program early.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the docs of a variant name its fields")]
pub enum Error {
    /// Settings that cannot be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The template is not there.
    #[error("Template file not found at {}", .0.display())]
    NoTemplate(PathBuf),
    /// A file that cannot be read or written.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Something wrong at a place in a file.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// Everything that is wrong with a template, or with a function in it.
    #[error("{}", .0.first().map_or("", |problem| &problem.message))]
    Problems(Vec<Problem>),
    /// An event is for a tenant, or for none, and the function wants it the other way.
    #[error("{0}")]
    Tenancy(&'static str),
    /// There is no such function.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The event cannot be used.
    #[error("{message}")]
    Event { message: String, hint: String },
    /// Code or layers cannot be used.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A layer is not to be had.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A function cannot be debugged.
    #[error(transparent)]
    Debug(#[from] crate::sandbox::debug::DebugError),
    /// A port cannot be opened.
    #[error("port {} cannot be opened on {}: {source}", address.port(), address.ip())]
    Port {
        address: SocketAddr,
        source: io::Error,
    },
    /// Functions that are to be served are not there.
    #[error("Unable to find Function(s) with name(s) '{}'", unknown.join(","))]
    NotServed {
        unknown: Vec<String>,
        known: Vec<String>,
    },
    /// The service cannot be reached at the address.
    #[error("{}", serving(*port, address, source))]
    Serve {
        address: String,
        port: u16,
        source: io::Error,
    },
    /// Sandboxes could not be started before anybody asks for them.
    #[error("Lambda functions containers initialization failed")]
    Warm,
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An image without a program to start.
    #[error("image {0} has no entry point, so it cannot run a function")]
    NoEntryPoint(String),
    /// The process cannot do something that it needs.
    #[error("{action}: {source}")]
    Process {
        action: &'static str,
        source: io::Error,
    },
}

impl From<Box<Problem>> for Error {
    fn from(problem: Box<Problem>) -> Self {
        Self::Problem(problem)
    }
}

impl From<Vec<Problem>> for Error {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

impl Error {
    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Settings(SettingsError::Usage(_)) => Exit::Usage,
            _ => Exit::Failure,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Lookup(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Event { hint, .. } => (!hint.is_empty()).then(|| hint.clone()),
            Self::Problem(problem) | Self::Settings(SettingsError::Config(problem)) => {
                problem.hint.clone()
            }
            Self::Settings(SettingsError::EnvVarsSection(_)) => {
                Some("put variables below `Parameters`, or below the name of a function".to_owned())
            }
            Self::Settings(SettingsError::Profile {
                unreadable, known, ..
            }) => match (unreadable.as_slice(), known.as_slice()) {
                ([], []) => None,
                ([], known) => Some(format!("there are these: {}", known.join(", "))),
                (unreadable, _) => Some(unreadable.join("; ")),
            },
            Self::Settings(SettingsError::ConfigFormat(_)) => {
                Some("Supported formats are: [.toml|.yaml|.yml]".to_owned())
            }
            Self::Layer(LayerError::NoCredentials) => {
                Some("name a profile with --profile, or put keys into the shell".to_owned())
            }
            Self::Layer(LayerError::Denied { arn } | LayerError::NotFound { arn }) => Some(
                format!("`aws lambda get-layer-version-by-arn --arn {arn}` asks for the same"),
            ),
            Self::Debug(error) => Some(error.hint.clone()),
            Self::Port { .. } => {
                let text = "another program has it, perhaps an earlier session; choose another with --debug-port";
                Some(text.to_owned())
            }
            Self::NoTemplate(_) => {
                Some("name it with `-t`, or change to the directory that has it".to_owned())
            }
            _ => None,
        }
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) | Self::Settings(SettingsError::Config(problem)) => {
                Some(problem)
            }
            _ => None,
        }
    }

    /// The error as it is shown.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let mut text = String::new();
        if let Self::NotServed { unknown, known } = self {
            let known: Vec<_> = known.iter().map(|name| format!("'{name}'")).collect();
            let (unknown, known) = (unknown.join(","), known.join(", "));
            text = format!("{unknown} not found. Possible options in your template: [{known}]\n");
        }
        if let Self::Lookup(error) = self {
            text.extend(error.preamble().map(|line| line + "\n"));
        }
        if let Self::Problems(problems) = self {
            text.extend(problems.iter().map(|one| {
                let hint = one.hint.as_ref().map(|hint| format!("Hint: {hint}\n"));
                let (shown, hint) = (shown(one, Level::ERROR, styled), hint.unwrap_or_default());
                format!("Error: {shown}{hint}")
            }));
            return text;
        }
        text.extend(["Error: ", &self.to_string(), "\n"]);
        if let Some((problem, span)) = self
            .problem()
            .and_then(|problem| Some((problem, problem.span?)))
        {
            let place = excerpt(&problem.source_file, span, &problem.label);
            text.push_str(&draw(&place, Level::ERROR, styled));
        }
        text.extend(self.hint().map(|hint| format!("Hint: {hint}\n")));
        text
    }
}

/// Why nothing can be served, in SAM CLI's words where it has some.
fn serving(port: u16, address: &str, source: &io::Error) -> String {
    if source.kind() == io::ErrorKind::AddrInUse {
        return format!(
            "Port {port} is in use by another program. Either identify and stop that program, or start the server with a \
             different port."
        );
    }
    format!("nothing can be served on {address}: {source}")
}

/// A warning as it is shown, after its first word.
#[must_use]
pub fn warning(problem: &Problem, styled: bool) -> String {
    shown(problem, Level::WARNING, styled).trim_end().to_owned()
}

/// What is wrong, and the line of its place.
fn shown(problem: &Problem, level: Level<'_>, styled: bool) -> String {
    let place = problem.span.map_or_else(String::new, |span| {
        let snippet = excerpt(&problem.source_file, span, &problem.label);
        draw(&snippet, level, styled)
    });
    format!("{}\n{place}", problem.message)
}

/// The line of a place, with the place marked.
fn excerpt<'a>(source: &'a Source, span: Span, label: &'a str) -> Snippet<'a, Annotation<'a>> {
    let length = source.text.len();
    let start = floor(&source.text, span.range().start.min(length));
    // Only the first line of a long value is marked: the rest would hide the message.
    let line_end = source.text[start..]
        .find('\n')
        .map_or(length, |at| start + at);
    let end = floor(
        &source.text,
        span.range().end.clamp(start, line_end.max(start)),
    );
    let annotation = AnnotationKind::Primary.span(start..end).label(label);
    Snippet::source(&*source.text)
        .path(source.path.display().to_string())
        .line_start(1)
        .annotation(annotation)
}

fn draw(snippet: &Snippet<'_, Annotation<'_>>, level: Level<'_>, styled: bool) -> String {
    let renderer = if styled {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let report = [Group::with_level(level).element(snippet.clone())];
    renderer.render(&report).clone() + "\n"
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Application, Surroundings};

    fn load(text: &str) -> Error {
        let path = std::path::Path::new("t.yaml");
        let none = |_: &std::path::Path| Err(String::new());
        let loaded = Application::load(path, text, Surroundings::default(), &none);
        loaded.unwrap_err().into()
    }

    #[test]
    fn an_error_shows_what_where_and_what_to_do() {
        let text = "Resources:\n  A:\n    Type: [\n";
        let error = load(text);
        insta::assert_snapshot!(error.render(false), @"
        Error: Failed to parse template: unclosed bracket '['
         --> t.yaml:3:11
          |
        3 |     Type: [
          |           ^ unclosed bracket '['
        ");
        let tab = load("Resources:\n  A:\n\tType: x\n");
        insta::assert_snapshot!(tab.render(false), @"
        Error: Failed to parse template: tabs disallowed within this context (block indentation)
         --> t.yaml:3:2
          |
        3 |     Type: x
          |     ^ tabs disallowed within this context (block indentation)
        Hint: line 3 is indented with a tab; YAML wants blanks
        ");
    }
}
