//! YAML with places: composes the parser's events into nodes as PyYAML and SAM do.
//!
//! Short tags become the long form (`!Sub x` is `{"Fn::Sub": "x"}`), merge keys are merged, later keys win. The only
//! user of the YAML parser, so that it can be replaced.

use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};

use smol_str::{SmolStr, SmolStrBuilder};

use super::aliases::{Aliases, MAX_DEPTH};
use super::error::SyntaxError;
use super::keys::{has_twice, last_of_each, merge_into};
use super::node::{Entry, Kind, Node, Span};
use super::scalar;

/// The tags of YAML itself.
const CORE: &str = "tag:yaml.org,2002:";

/// What a text holds, and the keys in it that a later one of the same map has replaced.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) replaced: Vec<(String, Span)>,
}

/// Reads the one document of a text.
pub(super) fn read(text: &str, file: usize) -> Result<Document, SyntaxError> {
    compose(text, file).map_err(|error| *error)
}

/// Errors are rare and large, so they are boxed on their way.
type Result<T, E = Box<SyntaxError>> = std::result::Result<T, E>;

fn compose(text: &str, file: usize) -> Result<Document> {
    let mut options = Options::default();
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut composer = Composer {
        text,
        file,
        replaced: Vec::new(),
        parser: Parser::new_from_str_with_options(text, options),
        aliases: Aliases::default(),
        items: Vec::new(),
        entries: Vec::new(),
    };
    let mut document = None;
    loop {
        match composer.next()? {
            Next::Node(node) | Next::Merge(node) => document = Some(node),
            Next::Document(at) if document.is_some() => {
                let message = "expected a single document, but found another one";
                return Err(syntax_error(message, at));
            }
            Next::Document(_) => {}
            Next::End(_) => break,
        }
    }
    let root = document.unwrap_or(Node {
        kind: Kind::Null,
        span: Span {
            line: 1,
            column: 1,
            file: file as u32,
            ..Span::default()
        },
    });
    Ok(Document {
        root,
        replaced: composer.replaced,
    })
}

struct Composer<'a> {
    text: &'a str,
    file: usize,
    replaced: Vec<(String, Span)>,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    aliases: Aliases,
    /// Items of the lists that are being composed, the innermost last: a finished one takes just what it needs.
    items: Vec<Node>,
    /// The same for entries of maps.
    entries: Vec<Entry>,
}

/// What comes next in a text.
enum Next {
    Node(Node),
    /// The key that merges maps.
    Merge(Node),
    /// The collection is at its end, or the text, at this offset.
    End(u32),
    /// A document begins.
    Document(Span),
}

impl Composer<'_> {
    #[expect(clippy::unnecessary_box_returns, reason = "results hold it boxed")]
    fn scan_error(&self, error: &ScanError) -> Box<SyntaxError> {
        let marker = error.marker();
        let start = marker
            .byte_offset()
            .unwrap_or(self.text.len())
            .min(self.text.len());
        let span = Span {
            start: start as u32,
            end: start as u32,
            line: marker.line().max(1) as u32,
            column: marker.col() as u32 + 1,
            file: self.file as u32,
        };
        let mut error = syntax_error(error.info(), span);
        // The parser points at what came before a tab; the tab is what to look for.
        let lines = self
            .text
            .lines()
            .enumerate()
            .skip(span.line.saturating_sub(1) as usize)
            .take(2);
        let tabbed = lines
            .filter(|(_, line)| line.trim_start_matches(' ').starts_with('\t'))
            .map(|(at, _)| at + 1)
            .next();
        if let Some(line) = tabbed {
            error.hint = Some(format!(
                "line {line} is indented with a tab; YAML wants blanks"
            ));
        }
        error
    }

    /// The next node, with all that is in it, or the end of the collection around it.
    fn next(&mut self) -> Result<Next> {
        loop {
            // An event is large, and there are many: it is looked at where it is.
            let next = self.parser.next_event();
            let (event, span) = match &next {
                Some(Ok((event, span))) => (event, span),
                Some(Err(error)) => return Err(self.scan_error(error)),
                None => return Ok(Next::End(0)),
            };
            let at = self.place(span);
            return match event {
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar((text, *style), at, (*anchor, tag.as_deref()))
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.collection(Self::list, at, (*anchor, tag.as_deref()))
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.collection(Self::map, at, (*anchor, tag.as_deref()))
                }
                Event::SequenceEnd | Event::MappingEnd | Event::StreamEnd => Ok(Next::End(at.end)),
                Event::Alias(anchor) => {
                    let mark = self.aliases.enter();
                    let aliased = self.aliases.get(*anchor);
                    let node = aliased.map_err(|reason| syntax_error(reason, at))?;
                    self.aliases.leave(mark, 0, &node);
                    Ok(Next::Node(node))
                }
                Event::DocumentStart(..) => Ok(Next::Document(at)),
                Event::StreamStart | Event::DocumentEnd => continue,
                other => Err(syntax_error(format!("unexpected {other:?}"), at)),
            };
        }
    }

    fn scalar(
        &mut self,
        (text, style): (&str, ScalarStyle),
        at: Span,
        (anchor, tag): (usize, Option<&Tag>),
    ) -> Result<Next> {
        let mark = self.aliases.enter();
        let merges = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
        let text = self.block_text(text, style, at);
        self.aliases.weigh(text);
        let kind = scalar_kind(text, style, tag, at)?;
        let node = tagged(Node { kind, span: at }, tag);
        self.aliases.leave(mark, anchor, &node);
        Ok(if merges {
            Next::Merge(node)
        } else {
            Next::Node(node)
        })
    }

    fn collection(
        &mut self,
        read: fn(&mut Self, &mut Span) -> Result<Kind>,
        mut at: Span,
        (anchor, tag): (usize, Option<&Tag>),
    ) -> Result<Next> {
        let mark = self.aliases.enter();
        let kind = read(self, &mut at)?;
        let node = tagged(Node { kind, span: at }, tag);
        self.aliases.leave(mark, anchor, &node);
        Ok(Next::Node(node))
    }

    /// The text of a scalar. A block that ends with the file has a final newline only where the file has one.
    fn block_text<'t>(&self, text: &'t str, style: ScalarStyle, at: Span) -> &'t str {
        if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            return text;
        }
        let open = self
            .text
            .lines()
            .last()
            .is_some_and(|last| !last.trim().is_empty());
        let at_end =
            at.end as usize >= self.text.len() && !self.text.ends_with(['\n', '\r']) && open;
        match text.strip_suffix('\n') {
            Some(bare) if at_end => bare,
            _ => text,
        }
    }

    fn list(&mut self, at: &mut Span) -> Result<Kind> {
        let begin = self.items.len();
        loop {
            match self.next()? {
                Next::Node(node) | Next::Merge(node) => self.items.push(node),
                Next::End(end) => {
                    at.end = end;
                    return Ok(Kind::List(self.items.drain(begin..).collect()));
                }
                Next::Document(span) => return Err(unfinished(span)),
            }
        }
    }

    fn map(&mut self, at: &mut Span) -> Result<Kind> {
        let (begin, mut merged) = (self.entries.len(), Vec::new());
        loop {
            let (key, merge) = match self.next()? {
                Next::Node(key) => (key, false),
                Next::Merge(key) => (key, true),
                Next::End(end) => {
                    at.end = end;
                    break;
                }
                Next::Document(span) => return Err(unfinished(span)),
            };
            let (Next::Node(value) | Next::Merge(value)) = self.next()? else {
                return Err(syntax_error("a key without a value", key.span));
            };
            if merge {
                merge_into(&mut merged, &value).map_err(|(text, span)| syntax_error(text, span))?;
            } else {
                let key_span = key.span;
                let key = key_text(key)?;
                self.entries.push(Entry {
                    key,
                    key_span,
                    value,
                });
            }
        }
        if merged.is_empty() && !has_twice(&self.entries[begin..]) {
            return Ok(Kind::Map(self.entries.drain(begin..).collect()));
        }
        let replaced = &mut self.replaced;
        merged.extend(last_of_each(self.entries.drain(begin..), |entry| {
            replaced.push((entry.key.to_string(), entry.key_span));
        }));
        let last = last_of_each(merged.into_iter(), |_| {});
        Ok(Kind::Map(last.into()))
    }

    /// Where it is, from its tag on.
    fn place(&self, span: &granit_parser::Span) -> Span {
        let start = span.tag_start.as_ref().unwrap_or(&span.start);
        Span {
            start: start.byte_offset().unwrap_or_default() as u32,
            end: span.end.byte_offset().unwrap_or_default() as u32,
            line: start.line() as u32,
            column: start.col() as u32 + 1,
            file: self.file as u32,
        }
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "results hold it boxed")]
fn unfinished(span: Span) -> Box<SyntaxError> {
    syntax_error(
        "a document begins before the one before it is at its end",
        span,
    )
}

#[expect(clippy::unnecessary_box_returns, reason = "results hold it boxed")]
fn syntax_error(message: impl Into<String>, span: Span) -> Box<SyntaxError> {
    Box::new(SyntaxError::new(message, span))
}

fn scalar_kind(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Span) -> Result<Kind> {
    if let Some(tag) = tag.and_then(core_tag) {
        let unfit = || syntax_error(format!("'{text}' is not of the type !!{tag}"), at);
        return scalar::resolve_tagged(&tag, text).ok_or_else(unfit);
    }
    // The argument of a short tag is text, whatever it looks like.
    if style == ScalarStyle::Plain && tag.is_none() {
        return Ok(scalar::resolve(text));
    }
    Ok(Kind::String(text.into()))
}

fn core_tag(tag: &Tag) -> Option<String> {
    // Short tags of CloudFormation: nearly all that there are.
    if tag.handle() == "!" {
        return None;
    }
    let whole = format!("{}{}", tag.handle(), tag.suffix());
    whole.strip_prefix(CORE).map(str::to_owned)
}

/// Puts the long form of a short tag around a node.
fn tagged(node: Node, tag: Option<&Tag>) -> Node {
    let Some(tag) = tag.filter(|tag| core_tag(tag).is_none()) else {
        return node;
    };
    let name = tag.suffix().trim_start_matches('!');
    if name.is_empty() {
        return node;
    }
    let span = node.span;
    let value = match (name, &node.kind) {
        ("GetAtt", Kind::String(text)) => {
            let part = |text: &str| Node {
                kind: Kind::String(text.into()),
                span,
            };
            let parts = text.splitn(2, '.').map(part).collect();
            Node {
                kind: Kind::List(parts),
                span,
            }
        }
        _ => node,
    };
    let key = if matches!(name, "Ref" | "Condition") {
        name.into()
    } else {
        let mut long = SmolStrBuilder::new();
        long.push_str("Fn::");
        long.push_str(name);
        long.finish()
    };
    Node {
        kind: Kind::Map(Arc::new([Entry {
            key,
            key_span: span,
            value,
        }])),
        span,
    }
}

/// Keys are text in a template; what YAML reads as something else is taken as JSON writes it.
fn key_text(key: Node) -> Result<SmolStr> {
    match key.kind {
        Kind::String(text) => Ok(text),
        Kind::List(_) | Kind::Map(_) => Err(syntax_error("found unhashable key", key.span)),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => Ok(key.to_json().into()),
    }
}
