//! The functions of an application, resolved once, for a service that invokes them again and again.

use std::path::Path;
use std::sync::Arc;

use super::catalog::{Declared, Names, meant};
use super::{Catalog, Function, Identifier};
use crate::template::{Application, Problem};

/// A function that can be invoked, or what is wrong with it.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its id with the stacks above it.
    pub path: String,
    /// Name in the template.
    pub logical_id: String,
    /// Name for people.
    id: String,
    /// `FunctionName`, where the template sets it.
    name: Option<String>,
    /// The function; where it cannot run, everything that is wrong with it.
    pub function: Result<Arc<Function>, Arc<Vec<Problem>>>,
    /// What is doubtful about it.
    pub warnings: Vec<Problem>,
}

impl Served {
    /// What tells the function from all others, where it can run.
    #[must_use]
    pub fn key(&self) -> Option<(String, String)> {
        self.function.as_ref().ok().map(|function| function.key())
    }
}

impl Names for Served {
    fn path(&self) -> &str {
        &self.path
    }

    fn is(&self, name: &str) -> bool {
        self.id == name || self.logical_id == name || self.name.as_deref() == Some(name)
    }
}

/// The functions that are served.
#[derive(Clone, Debug, Default)]
pub struct Register {
    functions: Vec<Served>,
}

impl Register {
    /// Resolves all functions. Code is in `code_base` instead of the template's directory, where that is given.
    #[must_use]
    pub fn new(application: &Application, code_base: Option<&Path>) -> Self {
        let catalog = Catalog::new(application);
        let functions = catalog.functions().iter().map(|declared| {
            let declared = Declared {
                code_base: code_base.map(Path::to_owned),
                ..declared.clone()
            };
            let (function, warnings) = match Function::resolve(&declared) {
                Ok((function, warnings)) => (Ok(Arc::new(function)), warnings),
                Err(problems) => (Err(Arc::new(problems)), Vec::new()),
            };
            Served {
                path: declared.path.clone(),
                logical_id: declared.resource.logical_id.clone(),
                id: declared.resource.id.clone(),
                name: declared.name.clone(),
                function,
                warnings,
            }
        });
        Self {
            functions: functions.collect(),
        }
    }

    /// The function of a name.
    #[must_use]
    pub fn find(&self, identifier: &Identifier) -> Option<&Served> {
        meant(&self.functions, &identifier.name).into_iter().next()
    }

    /// All of them.
    #[must_use]
    pub fn functions(&self) -> &[Served] {
        &self.functions
    }

    /// The same register with these functions only.
    ///
    /// # Errors
    /// Names that no function has.
    pub fn only(self, names: &[String]) -> Result<Self, Vec<String>> {
        if names.is_empty() {
            return Ok(self);
        }
        let mut unknown: Vec<_> = names
            .iter()
            .filter(|name| self.named(name).next().is_none())
            .cloned()
            .collect();
        unknown.sort_unstable();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut functions = self.functions;
        functions.retain(|one| names.iter().any(|name| is_named(one, name)));
        Ok(Self { functions })
    }

    /// The functions of this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Served> {
        self.functions.iter().filter(move |one| is_named(one, name))
    }

    /// The functions, each by the name that nothing else has.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.functions.iter().map(|one| one.path.clone()).collect()
    }
}

fn is_named(function: &Served, name: &str) -> bool {
    function.path == name || function.is(name)
}
