//! What changes a template before anything in it is resolved: included files, and loops over keys.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::application::{Load, normal};
use super::error::{Problem, Source};
use super::node::{Entry, Kind, Node, Span};
use super::read_as;
use super::scope::Scope;
use super::value::Value;

/// One of these is in every text that has a transform.
const MARKS: [&str; 4] = [FOR_EACH, "Fn::Transform", "!Transform", INCLUDE];
/// How the key of a loop begins.
pub(super) const FOR_EACH: &str = "Fn::ForEach::";
const EXTENSIONS: &str = "AWS::LanguageExtensions";
const INCLUDE: &str = "AWS::Include";
/// Loops within loops, as in the service.
const MAX_LOOPS: usize = 5;
/// Files that one template may include.
const MAX_INCLUDES: usize = 200;
/// Nodes that loops may make.
const BUDGET: usize = 1_000_000;

/// Whether a template names the transform of the language extensions.
pub(super) fn is_extended(root: &Node) -> bool {
    let Some(transform) = root.get("Transform") else {
        return false;
    };
    let names = transform.items().unwrap_or(std::slice::from_ref(transform));
    names.iter().any(|name| name.as_str() == Some(EXTENSIONS))
}

/// A template as it is after its transforms.
pub(super) struct Expanded {
    pub(super) root: Node,
    pub(super) files: Vec<Source>,
    pub(super) broken: Vec<Problem>,
}

/// Puts included files in and unrolls loops; none where the template has neither.
pub(super) fn expand(scope: Scope<'_>, load: Load<'_>) -> Result<Option<Expanded>, Box<Problem>> {
    let root = &scope.stack().root;
    // A look at the text is cheaper than one at every node, and there may be more nodes than text, through aliases.
    let text = &scope.application.files[root.span.file as usize].text;
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return Ok(None);
    }
    let mut transform = Transform {
        scope,
        load,
        files: Vec::new(),
        reading: Vec::new(),
        broken: Vec::new(),
        budget: BUDGET,
    };
    let root = transform.top(root)?;
    Ok(Some(Expanded {
        root,
        files: transform.files,
        broken: transform.broken,
    }))
}

/// The includes that a top-level `Transform` names.
fn includes(transform: &Node) -> impl Iterator<Item = &Node> {
    let items = transform.items().unwrap_or(std::slice::from_ref(transform));
    items
        .iter()
        .filter(|item| item.get("Name").and_then(Node::as_str) == Some(INCLUDE))
}

/// A name that stands for an item of the collection, within the body of a loop.
struct Binding<'a> {
    name: &'a str,
    item: &'a str,
    /// The item with letters and digits only, for logical ids.
    bare: String,
}

struct Transform<'a> {
    scope: Scope<'a>,
    load: Load<'a>,
    files: Vec<Source>,
    /// Files that are being included, the innermost last.
    reading: Vec<PathBuf>,
    broken: Vec<Problem>,
    budget: usize,
}

impl Transform<'_> {
    fn top(&mut self, root: &Node) -> Result<Node, Box<Problem>> {
        let directory = self.scope.stack().directory.clone();
        let included = root.get("Transform").map(includes).into_iter().flatten();
        let mut merged = Vec::new();
        for include in included {
            if let Some(node) = self.include(include, &directory) {
                merged.extend_from_slice(node.entries());
            }
        }
        let mut entries = root.entries().to_vec();
        for entry in merged {
            match entries.iter_mut().find(|known| known.key == entry.key) {
                // Sections are put together; of what is in both, the template's own counts.
                Some(known) if known.value.is_map() && entry.value.is_map() => {
                    let own = known.value.entries();
                    let other = entry.value.entries().iter();
                    let new = other.filter(|one| own.iter().all(|known| known.key != one.key));
                    let both = own.iter().chain(new).cloned().collect();
                    known.value.kind = Kind::Map(both);
                }
                Some(_) => {}
                None => entries.push(entry),
            }
        }
        let root = Node {
            kind: Kind::Map(entries.into()),
            span: root.span,
        };
        let root = self.files_in(&root, &directory);
        self.unroll(&root, 0)
    }

    /// Puts included files in, where `Fn::Transform` asks for it.
    fn files_in(&mut self, node: &Node, directory: &Path) -> Node {
        // What is too much is found out, and told, when loops are unrolled.
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 {
            return node.clone();
        }
        let kind = match &node.kind {
            Kind::List(items) => {
                let items = items.iter().map(|item| self.files_in(item, directory));
                Kind::List(items.collect())
            }
            Kind::Map(entries) => {
                let mut put: Vec<Entry> = Vec::with_capacity(entries.len());
                for entry in entries.iter() {
                    let file = (entry.key == "Fn::Transform")
                        .then(|| self.include(&entry.value, directory))
                        .flatten();
                    match file {
                        // In the place of the whole value, which may be anything.
                        Some(node) if entries.len() == 1 => return node,
                        Some(node) => put.extend_from_slice(node.entries()),
                        None => put.push(Entry {
                            value: self.files_in(&entry.value, directory),
                            ..entry.clone()
                        }),
                    }
                }
                Kind::Map(put.into())
            }
            other => other.clone(),
        };
        Node {
            kind,
            span: node.span,
        }
    }

    /// The contents of a file that is included; none where there is none, which is noted.
    fn include(&mut self, call: &Node, directory: &Path) -> Option<Node> {
        if call.get("Name").and_then(Node::as_str) != Some(INCLUDE) {
            return None;
        }
        let node = call.get("Parameters")?.get("Location")?;
        let location = self.scope.resolve(node).scalar_text().unwrap_or_default();
        let local = location.strip_prefix("file://").unwrap_or(&location);
        let path = directory.join(local);
        match self.read(&path, local) {
            Ok(node) => Some(node),
            Err(reason) => {
                let text = format!("the file to include, '{location}', cannot be used: {reason}");
                let problem = self.problem(text, node.span, "not included");
                self.broken.push(problem);
                None
            }
        }
    }

    fn read(&mut self, path: &Path, location: &str) -> Result<Node, String> {
        if location.contains("://") {
            return Err("it is not on this machine".to_owned());
        }
        let path = normal(path);
        if self.reading.contains(&path) {
            return Err("it includes itself".to_owned());
        }
        if self.files.len() >= MAX_INCLUDES {
            return Err(format!("a template includes {MAX_INCLUDES} files at most"));
        }
        let text = (self.load)(&path)?;
        let file = self.scope.application.files.len() + self.files.len();
        self.files.push(Source {
            path: path.clone(),
            text: text.as_str().into(),
        });
        let (node, _) = read_as(&text, file)
            .map_err(|error| format!("{} (line {})", error.message, error.span.line))?;
        let directory = path.parent().unwrap_or(&path).to_owned();
        self.reading.push(path);
        let node = self.files_in(&node, &directory);
        self.reading.pop();
        Ok(node)
    }

    /// A problem in the template, or in a file that was included just now.
    fn problem(&self, message: impl Into<String>, span: Span, label: &str) -> Problem {
        let known = &self.scope.application.files;
        let file = span.file as usize;
        let source_file = match file.checked_sub(known.len()) {
            Some(own) => &self.files[own],
            None => &known[file],
        };
        Problem {
            message: message.into(),
            source_file: source_file.clone(),
            subject: String::new(),
            span: Some(span),
            label: label.to_owned(),
            hint: None,
        }
    }

    fn spend(&mut self, node: &Node) -> Result<(), Box<Problem>> {
        if let Some(left) = self.budget.checked_sub(1) {
            self.budget = left;
            Ok(())
        } else {
            let text = "the template is too large when its aliases and loops are resolved";
            Err(Box::new(self.problem(
                text,
                node.span,
                "here it is too much",
            )))
        }
    }

    /// Unrolls the loops in a node.
    fn unroll(&mut self, node: &Node, loops: usize) -> Result<Node, Box<Problem>> {
        self.spend(node)?;
        let kind = match &node.kind {
            Kind::List(items) => {
                let items = items.iter().map(|item| self.unroll(item, loops));
                Kind::List(items.collect::<Result<_, _>>()?)
            }
            Kind::Map(entries) => {
                let mut put: Vec<Entry> = Vec::with_capacity(entries.len());
                for entry in entries.iter() {
                    if entry.key.starts_with(FOR_EACH) {
                        put.extend(self.repeat(entry, loops + 1)?);
                    } else {
                        let value = self.unroll(&entry.value, loops)?;
                        put.push(Entry {
                            value,
                            ..entry.clone()
                        });
                    }
                }
                self.check_keys(&put)?;
                Kind::Map(put.into())
            }
            other => other.clone(),
        };
        Ok(Node {
            kind,
            span: node.span,
        })
    }

    /// Nothing may be made twice, neither by a loop nor beside it.
    fn check_keys(&self, put: &[Entry]) -> Result<(), Box<Problem>> {
        let mut keys = HashSet::with_capacity(put.len());
        match put.iter().find(|entry| !keys.insert(entry.key.as_str())) {
            Some(twice) => {
                let text = format!("the loop makes '{}' a second time", twice.key);
                Err(Box::new(self.problem(text, twice.key_span, "this key")))
            }
            None => Ok(()),
        }
    }

    /// The entries that a loop stands for.
    fn repeat(&mut self, entry: &Entry, loops: usize) -> Result<Vec<Entry>, Box<Problem>> {
        let (key, span) = (&entry.key, entry.key_span);
        let wrong =
            |this: &Self, text: String, span| Box::new(this.problem(text, span, "this loop"));
        if !self.scope.stack().extended {
            let text = format!("{key} needs `Transform: {EXTENSIONS}`");
            return Err(wrong(self, text, span));
        }
        if loops > MAX_LOOPS {
            let text = format!("{key}: loops go {MAX_LOOPS} deep at most");
            return Err(wrong(self, text, span));
        }
        let Some([name, collection, body]) = entry.value.items() else {
            return Err(wrong(self, format!("{key} layout is incorrect"), span));
        };
        let Some(name) = name.as_str().filter(|_| body.is_map()) else {
            return Err(wrong(self, format!("{key} layout is incorrect"), span));
        };
        if self.scope.stack().section("Parameters", name).is_some() {
            let text = format!("{key}: identifier '{name}' conflicts with parameter name");
            return Err(wrong(self, text, span));
        }
        let Some(items) = self.collection(collection) else {
            let text = format!(
                "Unable to resolve Fn::ForEach collection locally. {key} wants a list of texts"
            );
            return Err(wrong(self, text, collection.span));
        };
        let mut made = Vec::new();
        for item in &items {
            let bare = item.chars().filter(char::is_ascii_alphanumeric).collect();
            let binding = Binding { name, item, bare };
            let body = self.bind(body, &binding)?;
            made.extend_from_slice(self.unroll(&body, loops)?.entries());
        }
        Ok(made)
    }

    fn collection(&self, node: &Node) -> Option<Vec<String>> {
        match self.scope.resolve(node) {
            Value::List(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        Value::List(inner) => {
                            let inner: Option<Vec<_>> =
                                inner.iter().map(Value::scalar_text).collect();
                            texts.extend(inner?);
                        }
                        item => texts.push(item.scalar_text()?),
                    }
                }
                Some(texts)
            }
            _ => None,
        }
    }

    /// The body of a loop for one item.
    fn bind(&mut self, node: &Node, binding: &Binding<'_>) -> Result<Node, Box<Problem>> {
        self.spend(node)?;
        let kind = match &node.kind {
            Kind::String(text) => Kind::String(binding.fill(text).into()),
            Kind::List(items) => {
                let items = items.iter().map(|item| self.bind(item, binding));
                Kind::List(items.collect::<Result<_, _>>()?)
            }
            Kind::Map(entries) => match &**entries {
                [entry] if entry.key == "Ref" && entry.value.as_str() == Some(binding.name) => {
                    Kind::String(binding.item.into())
                }
                entries => {
                    let mut bound = Vec::with_capacity(entries.len());
                    for entry in entries {
                        bound.push(Entry {
                            key: binding.fill(&entry.key).into(),
                            key_span: entry.key_span,
                            value: self.bind(&entry.value, binding)?,
                        });
                    }
                    Kind::Map(bound.into())
                }
            },
            other => other.clone(),
        };
        Ok(Node {
            kind,
            span: node.span,
        })
    }
}

impl Binding<'_> {
    fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        text.replace(&format!("${{{}}}", self.name), self.item)
            .replace(&format!("&{{{}}}", self.name), &self.bare)
    }
}
