//! A template with everything below it: included files, loops unrolled, nested stacks.
//!
//! The stacks are a list; each knows its parent. What a stack's parameters are is found out when they are asked for,
//! because they may depend on what another stack gives out.

use std::cell::{Cell, RefCell};
use std::path::{Component, Path, PathBuf};

use super::error::{Problem, Source};
use super::node::{Node, Span};
use super::overrides::Overrides;
use super::resource::{self, Resource};
use super::scope::Scope;
use super::{parameters, read_as, transform};

/// Nodes that one value may resolve to: many times what the largest one has.
pub(super) const BUDGET: usize = 1_000_000;
/// Stacks that one application may have.
const MAX_STACKS: usize = 500;

/// Reads a file that a template refers to; the error is for people.
pub type Load<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// What does not come from the template.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Values of the root stack's parameters.
    pub overrides: Overrides,
    /// Region.
    pub region: String,
    /// Account.
    pub account: String,
}

/// A template and its nested stacks.
#[derive(Debug)]
pub struct Application {
    pub(super) surroundings: Surroundings,
    pub(super) files: Vec<Source>,
    pub(super) stacks: Vec<Stack>,
    broken: Vec<Problem>,
    /// Nested stacks that were read, or could not be.
    attempts: usize,
    warnings: Vec<Problem>,
    pub(super) budget: Cell<usize>,
    /// Names whose values are being found out, so that a name that leads to itself is noticed.
    pub(super) trail: RefCell<Vec<(usize, String)>>,
    /// What the values that were last resolved have to say.
    pub(super) notes: RefCell<Vec<String>>,
}

/// One template of an application.
#[derive(Debug)]
pub struct Stack {
    /// Logical ids from the root stack to this one, with slashes; empty for the root.
    pub path: String,
    /// The stack above and the resource in it.
    pub(super) parent: Option<(usize, String)>,
    /// Directory of the template, which relative paths start from.
    pub directory: PathBuf,
    file: PathBuf,
    pub(super) root: Node,
    resources: Vec<Resource>,
    /// Whether the template names the transform of the language extensions.
    pub(super) extended: bool,
}

/// Where a stack is among the others.
#[derive(Default)]
struct Place {
    path: String,
    parent: Option<(usize, String)>,
}

impl Stack {
    /// The resources, in their order.
    #[must_use]
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resource of a logical id.
    #[must_use]
    pub fn resource(&self, logical_id: &str) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.logical_id == logical_id)
    }

    /// Whether SAM may make a resource of this name when it deploys: implicit APIs, and what goes with its own resources.
    pub(super) fn may_generate(&self, name: &str) -> bool {
        let goes_with = |resource: &Resource| {
            resource.kind.starts_with("AWS::Serverless::") && name.starts_with(&resource.logical_id)
        };
        name.starts_with("Serverless") || self.resources.iter().any(goes_with)
    }

    pub(super) fn section(&self, section: &str, name: &str) -> Option<&Node> {
        self.root.get(section)?.get(name)
    }
}

impl Application {
    /// Reads a template and what belongs to it.
    ///
    /// # Errors
    /// The template is none, or its loops cannot be unrolled. What is wrong with a nested stack or an included file is kept
    /// in [`broken`](Self::broken): a function that does not need it can run.
    pub fn load(
        path: &Path,
        text: &str,
        surroundings: Surroundings,
        load: Load<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let mut application = Self {
            surroundings,
            files: Vec::new(),
            stacks: Vec::new(),
            broken: Vec::new(),
            attempts: 0,
            warnings: Vec::new(),
            budget: Cell::new(BUDGET),
            trail: RefCell::default(),
            notes: RefCell::default(),
        };
        application
            .add(path, text, Place::default(), load)
            .map_err(|problem| vec![*problem])?;
        let mut next = 0;
        while next < application.stacks.len() {
            application.nest(next, load);
            next += 1;
        }
        let wrong = parameters::check(application.scope(0));
        if wrong.is_empty() {
            Ok(application)
        } else {
            Err(wrong)
        }
    }

    /// The stacks, the root first.
    #[must_use]
    pub fn stacks(&self) -> &[Stack] {
        &self.stacks
    }

    /// What names mean in a stack.
    #[must_use]
    pub fn scope(&self, stack: usize) -> Scope<'_> {
        Scope {
            application: self,
            stack,
        }
    }

    /// What is wrong with nested stacks and included files.
    #[must_use]
    pub fn broken(&self) -> &[Problem] {
        &self.broken
    }

    /// What deserves a word although it works.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Names that were given a value and are no parameters of the root stack.
    #[must_use]
    pub fn undeclared(&self) -> Vec<String> {
        let root = &self.stacks[0];
        let names = self.surroundings.overrides.keys();
        names
            .filter(|name| !name.contains("::") && root.section("Parameters", name).is_none())
            .cloned()
            .collect()
    }

    /// A problem at a place of one of the files.
    #[must_use]
    pub fn problem(
        &self,
        message: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Problem {
        Problem {
            message: message.into(),
            source_file: self.files[span.file as usize].clone(),
            subject: String::new(),
            span: Some(span),
            label: label.into(),
            hint: None,
        }
    }

    /// Adds a stack: parsed, included files put in, loops unrolled.
    fn add(
        &mut self,
        path: &Path,
        text: &str,
        place: Place,
        load: Load<'_>,
    ) -> Result<(), Box<Problem>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let source = Source {
            path: path.to_owned(),
            text: text.into(),
        };
        self.files.push(source.clone());
        let (root, replaced) = read_as(text, self.files.len() - 1).map_err(|error| {
            Box::new(Problem {
                message: format!("Failed to parse template: {}", error.message),
                source_file: source,
                subject: String::new(),
                span: Some(error.span),
                label: error.message,
                hint: error.hint,
            })
        })?;
        let twice = replaced.into_iter().map(|(key, span)| {
            let message = format!("the key '{key}' is there twice; the last one counts");
            self.problem(message, span, "not used")
        });
        let twice: Vec<_> = twice.collect();
        self.warnings.extend(twice);
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        self.stacks.push(Stack {
            path: place.path,
            parent: place.parent,
            directory,
            file: normal(path),
            extended: transform::is_extended(&root),
            root,
            resources: Vec::new(),
        });
        let index = self.stacks.len() - 1;
        let prepared = self.prepare(index, load);
        if prepared.is_err() {
            self.stacks.pop();
        }
        prepared
    }

    fn prepare(&mut self, index: usize, load: Load<'_>) -> Result<(), Box<Problem>> {
        let expanded = transform::expand(self.scope(index), load)?;
        if let Some(expanded) = expanded {
            self.files.extend(expanded.files);
            self.broken.extend(expanded.broken);
            self.stacks[index].root = expanded.root;
        }
        let (resources, ignored) = resource::all(&self.stacks[index].root, self)?;
        self.stacks[index].resources = resources;
        self.warnings.extend(ignored);
        Ok(())
    }

    /// Adds the stacks that a stack nests.
    fn nest(&mut self, index: usize, load: Load<'_>) {
        for at in 0..self.stacks[index].resources.len() {
            let Some((id, span, location)) = self.nested(index, at) else {
                continue;
            };
            let above = &self.stacks[index].path;
            let full = if above.is_empty() {
                id.clone()
            } else {
                format!("{above}/{id}")
            };
            let property = self.stacks[index].resources[at].nested_location();
            let property = property.unwrap_or_default();
            let path = normal(&self.stacks[index].directory.join(&location));
            let added = if let Some(cycle) = self.cycle(index, &path) {
                let text = format!("nested stack '{id}' leads to itself: {cycle}");
                Err(Box::new(self.problem(text, span, "already on the way")))
            } else if self.attempts >= MAX_STACKS {
                let text = format!("the application has more than {MAX_STACKS} stacks");
                Err(Box::new(self.problem(text, span, "not read")))
            } else {
                let logical_id = self.stacks[index].resources[at].logical_id.clone();
                let place = Place {
                    path: full.clone(),
                    parent: Some((index, logical_id)),
                };
                self.attempts += 1;
                match load(&path) {
                    Ok(text) => self.add(&path, &text, place, load),
                    Err(reason) => {
                        let text = format!("Template file not found at {}", path.display());
                        Err(Box::new(self.problem(text, span, reason)))
                    }
                }
            };
            if let Err(mut problem) = added {
                problem.subject = format!("{full}: {property}");
                self.broken.push(*problem);
            }
        }
    }

    /// A nested stack on this machine: its id, and where its template is.
    fn nested(&self, index: usize, at: usize) -> Option<(String, Span, String)> {
        let resource = &self.stacks[index].resources[at];
        let node = resource.property(resource.nested_location()?)?;
        let location = self.scope(index).resolve(node).scalar_text()?;
        let location = location.strip_prefix("file://").unwrap_or(&location);
        if location.contains("://") {
            return None;
        }
        let id = resource.id.strip_suffix(".NestedStackResource");
        let id = id.or_else(|| resource.id.strip_suffix(".NestedStack"));
        let id = id.unwrap_or(&resource.id).to_owned();
        Some((id, node.span, location.to_owned()))
    }

    /// The way from a file to itself, when a stack above has it already.
    fn cycle(&self, index: usize, path: &Path) -> Option<String> {
        let mut names = vec![path];
        let mut at = Some(index);
        while let Some(index) = at {
            let stack = &self.stacks[index];
            names.push(&stack.file);
            if stack.file == path {
                let names: Vec<_> = names.iter().rev().map(|path| file_name(path)).collect();
                return Some(names.join(" -> "));
            }
            at = stack.parent.as_ref().map(|(index, _)| *index);
        }
        None
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A path without `.` and `..`, as far as that can be told from its text.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some_and(|name| name != "..") => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}
