//! YAML with places: composes the parser's events into nodes as PyYAML and SAM do.
//!
//! Short tags become the long form (`!Sub x` is `{"Fn::Sub": "x"}`), merge keys are merged, later keys win. The only
//! user of the YAML parser, so that it can be replaced.

use std::borrow::Cow;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};

use super::aliases::{Aliases, MAX_DEPTH};
use super::error::SyntaxError;
use super::keys::{last_of_each, merge_into};
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
    };
    let mut document = None;
    loop {
        let (event, span) = composer.event()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if document.is_some() => {
                return Err(syntax_error(
                    "expected a single document, but found another one",
                    composer.place(span),
                ));
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => document = Some(composer.node(event, span)?),
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
}

/// What comes next in a collection.
enum Next {
    Node(Node),
    /// The key that merges maps.
    Merge(Node),
    /// The collection is at its end, at this offset.
    End(u32),
}

type Spanned<'a> = (Event<'a>, granit_parser::Span);

impl<'a> Composer<'a> {
    /// The next event.
    #[inline]
    fn event(&mut self) -> Result<Spanned<'a>> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.scan_error(&error)),
            None => Ok((Event::StreamEnd, granit_parser::Span::default())),
        }
    }

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

    /// The next node of a collection, or its end.
    fn next(&mut self) -> Result<Next> {
        let (event, span) = self.event()?;
        match &event {
            Event::SequenceEnd | Event::MappingEnd => Ok(Next::End(self.place(span).end)),
            Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => {
                self.node(event, span).map(Next::Merge)
            }
            _ => self.node(event, span).map(Next::Node),
        }
    }

    // An event is large, and there are many: none is to be moved more often than it must.
    #[inline]
    fn node(&mut self, event: Event<'a>, span: granit_parser::Span) -> Result<Node> {
        let mut at = self.place(span);
        if let Some(tag) = span.tag_start {
            at = Span {
                start: tag.byte_offset().map_or(at.start, |start| start as u32),
                line: tag.line() as u32,
                column: tag.col() as u32 + 1,
                ..at
            };
        }
        let mark = self.aliases.enter();
        let (kind, anchor, tag) = match event {
            Event::Alias(anchor) => {
                let aliased = self.aliases.get(anchor);
                let node = aliased.map_err(|reason| syntax_error(reason, at))?;
                self.aliases.leave(mark, 0, &node);
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text = self.block_text(text, style, at);
                self.aliases.weigh(&text);
                (scalar_kind(text, style, tag.as_deref(), at)?, anchor, tag)
            }
            Event::SequenceStart(_, anchor, tag) => (self.list(&mut at)?, anchor, tag),
            Event::MappingStart(_, anchor, tag) => (self.map(&mut at)?, anchor, tag),
            other => return Err(syntax_error(format!("unexpected {other:?}"), at)),
        };
        let node = tagged(Node { kind, span: at }, tag.as_deref());
        self.aliases.leave(mark, anchor, &node);
        Ok(node)
    }

    /// The text of a scalar. A block that ends with the file has a final newline only where the file has one.
    fn block_text(&self, text: Cow<'a, str>, style: ScalarStyle, at: Span) -> Cow<'a, str> {
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
            Some(bare) if at_end => Cow::Owned(bare.to_owned()),
            _ => text,
        }
    }

    fn list(&mut self, at: &mut Span) -> Result<Kind> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Next::Node(node) | Next::Merge(node) => items.push(node),
                Next::End(end) => {
                    at.end = end;
                    return Ok(Kind::List(Arc::new(items)));
                }
            }
        }
    }

    fn map(&mut self, at: &mut Span) -> Result<Kind> {
        let (mut own, mut merged) = (Vec::new(), Vec::new());
        loop {
            let (key, merge) = match self.next()? {
                Next::Node(key) => (key, false),
                Next::Merge(key) => (key, true),
                Next::End(end) => {
                    at.end = end;
                    break;
                }
            };
            let (Next::Node(value) | Next::Merge(value)) = self.next()? else {
                return Err(syntax_error("a key without a value", key.span));
            };
            if merge {
                merge_into(&mut merged, &value).map_err(|(text, span)| syntax_error(text, span))?;
            } else {
                let key_span = key.span;
                own.push(Entry {
                    key: key_text(key)?,
                    key_span,
                    value,
                });
            }
        }
        let own = self.last_wins(own);
        Ok(Kind::Map(Arc::new(if merged.is_empty() {
            own
        } else {
            merged.extend(own);
            last_of_each(merged, |_| {})
        })))
    }

    fn last_wins(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let replaced = &mut self.replaced;
        last_of_each(entries, |entry| {
            replaced.push((entry.key.clone(), entry.key_span));
        })
    }

    fn place(&self, span: granit_parser::Span) -> Span {
        let (start, end) = (span.start, span.end);
        Span {
            start: start.byte_offset().unwrap_or_default() as u32,
            end: end.byte_offset().unwrap_or_default() as u32,
            line: start.line() as u32,
            column: start.col() as u32 + 1,
            file: self.file as u32,
        }
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "results hold it boxed")]
fn syntax_error(message: impl Into<String>, span: Span) -> Box<SyntaxError> {
    Box::new(SyntaxError::new(message, span))
}

fn scalar_kind(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    at: Span,
) -> Result<Kind> {
    if let Some(tag) = tag.and_then(core_tag) {
        let unfit = || syntax_error(format!("'{text}' is not of the type !!{tag}"), at);
        return scalar::resolve_tagged(&tag, &text).ok_or_else(unfit);
    }
    // The argument of a short tag is text, whatever it looks like.
    if style == ScalarStyle::Plain && tag.is_none() {
        return Ok(scalar::resolve(&text));
    }
    Ok(Kind::String(text.into_owned()))
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
                kind: Kind::String(text.to_owned()),
                span,
            };
            let parts = text.splitn(2, '.').map(part).collect();
            Node {
                kind: Kind::List(Arc::new(parts)),
                span,
            }
        }
        _ => node,
    };
    let key = if matches!(name, "Ref" | "Condition") {
        name.to_owned()
    } else {
        format!("Fn::{name}")
    };
    Node {
        kind: Kind::Map(Arc::new(vec![Entry {
            key,
            key_span: span,
            value,
        }])),
        span,
    }
}

/// Keys are text in a template; what YAML reads as something else is taken as JSON writes it.
fn key_text(key: Node) -> Result<String> {
    match key.kind {
        Kind::String(text) => Ok(text),
        Kind::List(_) | Kind::Map(_) => Err(syntax_error("found unhashable key", key.span)),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => Ok(key.to_json()),
    }
}
