//! From the template's file to the function that is to run.

use std::io;
use std::path::{Path, PathBuf};

use super::content::blocking;
use crate::error::{Error, warning};
use crate::function::{Catalog, Declared, Function, Register, Runtime};
use crate::lambda::Events;
use crate::settings::{Common, Invoke};
use crate::template::{Application, Problem, Surroundings};

/// A function, and the version or alias that it is invoked by.
pub(super) struct Invoked {
    pub(super) function: Function,
    pub(super) qualifier: Option<String>,
}

/// Warnings that are shown.
const MAX_WARNINGS: usize = 20;

/// The function, and what is to be said of it and its template.
struct Resolved {
    invoked: Invoked,
    warnings: Vec<Problem>,
    ambiguity: Option<String>,
    undeclared: Vec<String>,
}

/// Finds the function in the template and resolves it. Templates can be large, so that is done beside the signals.
pub(super) async fn function(
    settings: &Invoke,
    events: &Events,
    styled: bool,
) -> Result<Invoked, Error> {
    let (path, name) = (settings.common.template.clone(), settings.function.clone());
    let surroundings = surroundings(&settings.common);
    let instead = Instead {
        runtime: settings.runtime.clone(),
        code_base: settings.common.container.code_base.clone(),
    };
    let found =
        tokio::task::spawn_blocking(move || find(&path, name.as_deref(), instead, surroundings));
    let found = found.await.map_err(|source| Error::Process {
        action: "reading the template",
        source: io::Error::other(source),
    })?;
    let resolved = found.map_err(|failed| {
        warn(&failed.warnings, events, styled);
        failed.error
    })?;
    for name in resolved.undeclared {
        events.warn(format!(
            "parameter '{name}' is given a value, and the template does not declare it"
        ));
    }
    warn(&resolved.warnings, events, styled);
    if let Some(ambiguity) = resolved.ambiguity {
        events.note(ambiguity);
    }
    let Invoked {
        function,
        qualifier,
    } = &resolved.invoked;
    if let Some(name) = qualifier.as_ref().filter(|name| !function.has(name)) {
        events.warn(format!(
            "the template has no alias '{name}' of function '{}'",
            function.path
        ));
    }
    Ok(resolved.invoked)
}

/// Warnings with their lines; not so many that nobody sees what comes after them.
fn warn(warnings: &[Problem], events: &Events, styled: bool) {
    for problem in warnings.iter().take(MAX_WARNINGS) {
        events.warn(warning(problem, styled));
    }
    if let Some(more @ 1..) = warnings.len().checked_sub(MAX_WARNINGS) {
        events.warn(format!("and {more} more of this kind"));
    }
}

/// What the user wants in place of what the template says.
struct Instead {
    runtime: Option<Runtime>,
    code_base: Option<PathBuf>,
}

/// Why there is no function, and what else was seen on the way.
struct Failed {
    error: Error,
    warnings: Vec<Problem>,
}

impl Failed {
    fn new(error: impl Into<Error>, warnings: Vec<Problem>) -> Self {
        Self {
            error: error.into(),
            warnings,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::new(error, Vec::new())
    }
}

fn find(
    path: &Path,
    name: Option<&str>,
    instead: Instead,
    surroundings: Surroundings,
) -> Result<Resolved, Failed> {
    let text = text(path)?;
    let application = Application::load(path, &text, surroundings, &load).map_err(Error::from)?;
    let catalog = Catalog::new(&application);
    let broken = application.broken();
    let mut warnings = [application.warnings(), broken].concat();
    let found = match catalog.find(name) {
        Ok(found) => found,
        // What is missing may be why the function is not there.
        Err(error) => return Err(Failed::new(error, warnings)),
    };
    let declared = Declared {
        runtime: instead.runtime,
        code_base: instead.code_base,
        ..found.function.clone()
    };
    let (function, own) = match Function::resolve(&declared) {
        Ok(resolved) => resolved,
        Err(problems) => return Err(Failed::new(problems, warnings)),
    };
    warnings.extend(own);
    Ok(Resolved {
        invoked: Invoked {
            function,
            qualifier: found.qualifier,
        },
        warnings,
        ambiguity: found.ambiguity,
        undeclared: application.undeclared(),
    })
}

/// All functions of the template, those that cannot run with what is wrong with them.
pub(super) async fn register(
    settings: &Common,
    events: &Events,
    styled: bool,
) -> Result<Register, Error> {
    let (path, surroundings) = (settings.template.clone(), surroundings(settings));
    let code_base = settings.container.code_base.clone();
    let read = move || {
        let text = text(&path)?;
        let application = Application::load(&path, &text, surroundings, &load)?;
        let register = Register::new(&application, code_base.as_deref());
        let warnings = [application.warnings(), application.broken()].concat();
        Ok::<_, Error>((register, warnings, application.undeclared()))
    };
    let (register, mut warnings, undeclared) = blocking("reading the template", read).await??;
    for name in undeclared {
        events.warn(format!(
            "parameter '{name}' is given a value, and the template does not declare it"
        ));
    }
    for served in register.functions() {
        match &served.function {
            Ok(_) => warnings.extend(served.warnings.iter().cloned()),
            Err(problems) => warnings.extend(problems.iter().cloned()),
        }
    }
    warn(&warnings, events, styled);
    Ok(register)
}

/// The functions of the template, as they are named on the command line; none where it cannot be read.
pub(super) fn names(settings: &Common) -> Vec<String> {
    let of_text = |text: String| {
        let (path, surroundings) = (&settings.template, surroundings(settings));
        let application = Application::load(path, &text, surroundings, &load).ok()?;
        Some(Catalog::new(&application).paths())
    };
    let text = text(&settings.template).ok();
    text.and_then(of_text).unwrap_or_default()
}

fn surroundings(settings: &Common) -> Surroundings {
    Surroundings {
        overrides: settings.overrides.clone(),
        region: settings.aws.region.clone(),
        account: settings.aws.account.clone(),
    }
}

/// The template's text.
fn text(path: &Path) -> Result<String, Error> {
    let failed = |action, source| Error::File {
        action,
        path: path.to_owned(),
        source,
    };
    match std::fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| {
            let source = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
            failed("Failed to parse template: it is not UTF-8:", source)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::NoTemplate(PathBuf::from(path)))
        }
        Err(source) => Err(failed("reading the template", source)),
    }
}

/// A file that a template refers to.
fn load(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        _ => error.to_string(),
    })
}
