//! Reads a function's properties: values, and what is wrong or could not be resolved, each at its place.

use std::cell::RefCell;

use super::catalog::Declared;
use crate::template::{Node, Problem, Span, Unresolved, Value};

/// The properties of one function, and what has been found wrong so far.
pub(super) struct Reader<'a> {
    pub(super) declared: &'a Declared<'a>,
    pub(super) problems: RefCell<Vec<Problem>>,
    pub(super) warnings: RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(declared: &'a Declared<'a>) -> Self {
        Self {
            declared,
            problems: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    pub(super) fn logical_id(&self) -> &'a str {
        &self.declared.resource.logical_id
    }

    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        self.declared.resource.property(name)
    }

    /// A property's value; one that is `AWS::NoValue` is not there, and one that cannot be resolved neither.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        let node = self.node(name)?;
        match self.declared.scope.resolve(node) {
            Value::NoValue | Value::Null => None,
            Value::Unresolved(unresolved) => {
                self.unresolved(name, &format!("its {name} is ignored"), &unresolved);
                None
            }
            value => Some(value),
        }
    }

    /// The text of a property that there must be; the reason where it is there and cannot be resolved.
    pub(super) fn required(&self, name: &str) -> Result<Option<String>, Unresolved> {
        match self
            .node(name)
            .map(|node| self.declared.scope.resolve(node))
        {
            Some(Value::Unresolved(unresolved)) => Err(unresolved),
            Some(_) => Ok(self.text(name)),
            None => Ok(None),
        }
    }

    /// A property's text; a property that is something else is a problem.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        let text = value.scalar_text();
        if text.is_none() {
            let message = format!(
                "Resource with id [{}] is invalid. Type of property '{name}' is invalid.",
                self.logical_id()
            );
            self.wrong(name, message, "text is wanted here");
        }
        text
    }

    /// Entries of a property that is a map.
    pub(super) fn entry(&self, name: &str, entry: &str) -> Option<String> {
        self.value(name)?.get(entry)?.scalar_text()
    }

    /// The place of a property, or of the function's name where it is missing.
    pub(super) fn span(&self, property: &str) -> Span {
        self.node(property)
            .map_or(self.declared.resource.span, |node| node.span)
    }

    /// Notes a problem with a property.
    pub(super) fn wrong(&self, property: &str, message: impl Into<String>, label: &str) {
        self.wrong_at((property, self.span(property)), message, label, None);
    }

    /// Notes a problem with a property, at a place.
    pub(super) fn wrong_at(
        &self,
        (property, span): (&str, Span),
        message: impl Into<String>,
        label: &str,
        hint: Option<&str>,
    ) {
        let problem = Problem {
            hint: hint.map(str::to_owned),
            ..self.problem((property, span), message, label)
        };
        self.problems.borrow_mut().push(problem);
    }

    fn problem(
        &self,
        (property, span): (&str, Span),
        message: impl Into<String>,
        label: &str,
    ) -> Problem {
        let application = self.declared.scope.application;
        Problem {
            subject: format!("{}: {property}", self.declared.path),
            ..application.problem(message, span, label)
        }
    }

    /// Notes that something could not be resolved, and what that means. What leads to itself is never meant.
    pub(super) fn unresolved(&self, property: &str, what: &str, unresolved: &Unresolved) {
        let (text, place) = (
            format!("{what}: {}", unresolved.reason),
            (property, unresolved.span),
        );
        if unresolved.cycle {
            let text = format!("Function '{}': {text}", self.logical_id());
            self.wrong_at(place, text, "part of the circle", None);
        } else {
            self.warn(place, &text, "not resolved");
        }
    }

    pub(super) fn warn(&self, place: (&str, Span), what: &str, label: &str) {
        let text = format!("Function '{}': {what}", self.logical_id());
        let problem = self.problem(place, text, label);
        let mut warnings = self.warnings.borrow_mut();
        // A property may be looked at more than once.
        if !warnings.contains(&problem) {
            warnings.push(problem);
        }
    }
}
