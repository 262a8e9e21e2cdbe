//! Evaluation of intrinsic functions, with CloudFormation's semantics: dispatch, and the ones that make text.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::node::{Kind, Node, Span};
use super::scope::Scope;
use super::transform::FOR_EACH;
use super::value::{Unresolved, Value};

/// Deepest nesting, through names too.
pub(super) const MAX_DEPTH: usize = 256;
/// Bytes of text that count as one node.
const TEXT: usize = 64;

pub(super) type Resolved = Result<Value, Unresolved>;

/// An intrinsic's name and its argument.
#[must_use]
pub(super) fn intrinsic(node: &Node) -> Option<(&str, &Node)> {
    match node.entries() {
        // Policies have a key of that name, too, with a map below it.
        [entry] if entry.key == "Condition" && entry.value.as_str().is_some() => {
            Some((&entry.key, &entry.value))
        }
        [entry] if entry.key == "Ref" || entry.key.starts_with("Fn::") => {
            Some((&entry.key, &entry.value))
        }
        _ => None,
    }
}

pub(super) fn fail<T>(reason: impl Into<String>, span: Span) -> Result<T, Unresolved> {
    Err(Unresolved {
        reason: reason.into(),
        span,
        cycle: false,
    })
}

impl Scope<'_> {
    /// Takes from the budget; an error when it is used up.
    pub(super) fn spend(&self, amount: usize, span: Span) -> Result<(), Unresolved> {
        let budget = &self.application.budget;
        let left = budget.get();
        budget.set(left.saturating_sub(amount));
        if left < amount {
            fail(
                "the template is too large when its aliases are resolved",
                span,
            )
        } else {
            Ok(())
        }
    }

    pub(super) fn node(&self, node: &Node, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            let too_deep = fail("it is nested too deeply", node.span);
            return too_deep.unwrap_or_else(Value::Unresolved);
        }
        if let Err(unresolved) = self.spend(1, node.span) {
            return Value::Unresolved(unresolved);
        }
        if let Some((name, argument)) = intrinsic(node).filter(|call| self.is_meant(call)) {
            return self
                .call(name, argument, node.span, depth + 1)
                .unwrap_or_else(Value::Unresolved);
        }
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(text) => Value::Number(text.to_string()),
            Kind::String(text) => match self.spend(text.len() / TEXT, node.span) {
                Ok(()) => Value::String(text.to_string()),
                Err(unresolved) => Value::Unresolved(unresolved),
            },
            Kind::List(items) => {
                let items = items.iter().map(|item| self.node(item, depth + 1));
                Value::List(items.filter(|item| *item != Value::NoValue).collect())
            }
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| (entry.key.to_string(), self.node(&entry.value, depth + 1)));
                let there = entries.filter(|(_, value)| *value != Value::NoValue);
                Value::Map(there.collect())
            }
        }
    }

    /// A map with the one key `Condition` may be just that, as a variable of this name is.
    pub(super) fn is_meant(&self, (name, argument): &(&str, &Node)) -> bool {
        let declared = |name| self.stack().section("Conditions", name).is_some();
        *name != "Condition" || argument.as_str().is_some_and(declared)
    }

    fn call(&self, name: &str, argument: &Node, span: Span, depth: usize) -> Resolved {
        match name {
            "Ref" => match argument.as_str() {
                Some(target) => self.reference(target, span, depth),
                None if self.stack().extended => {
                    let target = self.text(argument, "the name of a Ref", depth)?;
                    self.reference(&target, span, depth)
                }
                None => fail("Ref wants a name", span),
            },
            "Condition" => {
                let name = argument.as_str().unwrap_or_default();
                self.condition(name, span, depth).map(Value::Bool)
            }
            "Fn::GetAtt" => self.get_attribute(argument, span, depth),
            "Fn::Sub" => self.substitute(argument, span, depth),
            "Fn::Join" => self.join(argument, span, depth),
            "Fn::Split" => self.split(argument, span, depth),
            "Fn::Base64" => self.base64(argument, span, depth),
            "Fn::If" => self.choose(argument, span, depth),
            "Fn::Equals" => self.equals(argument, span, depth),
            "Fn::And" | "Fn::Or" => self.combine(name, argument, span, depth),
            "Fn::Not" => self.negate(argument, span, depth),
            "Fn::Select" => self.select(argument, span, depth),
            "Fn::FindInMap" => self.find_in_map(argument, span, depth),
            "Fn::GetAZs" => self.zones(argument, span, depth),
            "Fn::Cidr" => self.cidr(argument, span, depth),
            "Fn::Length" | "Fn::ToJsonString" if !self.stack().extended => fail(
                format!("{name} needs `Transform: AWS::LanguageExtensions`"),
                span,
            ),
            "Fn::Length" => self.length(argument, depth),
            "Fn::ToJsonString" => self.json_text(argument, span, depth),
            "Fn::ImportValue" => fail("only a deployed stack knows what others export", span),
            "Fn::Transform" => fail(
                "macros run in the service; only AWS::Include of a local file runs here",
                span,
            ),
            other if other.starts_with(FOR_EACH) => {
                fail("a loop stands for keys, not for a value", span)
            }
            other => fail(format!("there is no intrinsic function {other}"), span),
        }
    }

    /// An argument's value; an error where it could not be resolved.
    pub(super) fn argument(&self, node: &Node, depth: usize) -> Resolved {
        match self.node(node, depth) {
            Value::Unresolved(unresolved) => Err(unresolved),
            value => Ok(value),
        }
    }

    /// An argument that must be text.
    pub(super) fn text(&self, node: &Node, what: &str, depth: usize) -> Result<String, Unresolved> {
        let value = self.argument(node, depth)?;
        value
            .scalar_text()
            .map_or_else(|| fail(format!("{what} must be text"), node.span), Ok)
    }

    /// An argument that must be a list.
    pub(super) fn list(
        &self,
        node: &Node,
        what: &str,
        depth: usize,
    ) -> Result<Vec<Value>, Unresolved> {
        match self.argument(node, depth)? {
            Value::List(items) => Ok(items),
            _ => fail(format!("{what} wants a list"), node.span),
        }
    }

    fn get_attribute(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let parts = match (argument.as_str(), argument.items()) {
            (Some(text), _) => text
                .split_once('.')
                .map(|(id, attribute)| (id.to_owned(), attribute.to_owned())),
            (None, Some([id, attribute])) => {
                let attribute = self.text(attribute, "the attribute of Fn::GetAtt", depth)?;
                let id = self.text(id, "the resource of Fn::GetAtt", depth)?;
                Some((id, attribute))
            }
            _ => None,
        };
        match parts {
            Some((id, attribute)) => self.attribute(&id, &attribute, span, depth),
            None => fail("Fn::GetAtt wants a resource and an attribute", span),
        }
    }

    fn join(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let Some([delimiter, list]) = argument.items() else {
            return fail("Fn::Join wants a delimiter and a list", span);
        };
        let Some(delimiter) = delimiter.as_str() else {
            return fail("the delimiter of Fn::Join must be text", span);
        };
        let items = self.list(list, "Fn::Join", depth)?;
        let texts: Result<Vec<_>, _> = items.iter().map(|item| splice(item, list.span)).collect();
        let texts = texts?;
        // Before it is put together: a few letters can ask for gigabytes.
        let length: usize = texts.iter().map(|text| text.len() + delimiter.len()).sum();
        self.spend(length / TEXT, span)?;
        Ok(Value::String(texts.join(delimiter)))
    }

    fn split(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let Some([delimiter, source]) = argument.items() else {
            return fail("Fn::Split wants a delimiter and text", span);
        };
        let Some(delimiter) = delimiter.as_str().filter(|text| !text.is_empty()) else {
            return fail("the delimiter of Fn::Split must be text", span);
        };
        let source = self.text(source, "what Fn::Split takes apart", depth)?;
        self.spend(source.len() / TEXT, span)?;
        let parts = source.split(delimiter);
        Ok(Value::List(
            parts.map(|part| Value::String(part.to_owned())).collect(),
        ))
    }

    fn base64(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let text = self.text(argument, "what Fn::Base64 encodes", depth)?;
        self.spend(text.len() / TEXT, span)?;
        Ok(Value::String(BASE64_STANDARD.encode(text)))
    }

    fn json_text(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let value = self.argument(argument, depth)?;
        if let Some(unresolved) = value.unresolved() {
            return Err(unresolved.clone());
        }
        let text = value.to_json();
        self.spend(text.len() / TEXT, span)?;
        Ok(Value::String(text))
    }

    fn substitute(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let (text, variables) = match (argument.as_str(), argument.items()) {
            (Some(text), _) => (text, &[][..]),
            (None, Some([text, variables])) if text.as_str().is_some() => {
                (text.as_str().unwrap_or_default(), variables.entries())
            }
            _ => return fail("Fn::Sub wants text, or a list of text and a map", span),
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let Some(end) = from.find('}') else { break };
            out.push_str(before);
            let name = &from[2..end];
            if let Some(literal) = name.strip_prefix('!') {
                out.extend(["${", literal, "}"]);
            } else {
                let name = name.trim();
                let value = match variables.iter().find(|entry| entry.key == name) {
                    Some(entry) => self.node(&entry.value, depth),
                    None => self.named(name, span, depth)?,
                };
                let text = splice(&value, span)?;
                self.spend(text.len() / TEXT + 1, span)?;
                out.push_str(&text);
            }
            rest = &from[end + 1..];
        }
        out.push_str(rest);
        self.spend(out.len() / TEXT, span)?;
        Ok(Value::String(out))
    }

    /// A name within the text of `Fn::Sub`: what `Ref` means by it, or with a point what `Fn::GetAtt` does.
    fn named(&self, name: &str, span: Span, depth: usize) -> Resolved {
        match name.split_once('.') {
            Some((_, "Alias" | "Version")) | None => self.reference(name, span, depth),
            Some((id, attribute)) => self.attribute(id, attribute, span, depth),
        }
    }
}

/// A value as part of a text. A list of plain values is joined as CloudFormation writes lists.
fn splice(value: &Value, span: Span) -> Result<String, Unresolved> {
    match value {
        Value::Unresolved(unresolved) => Err(unresolved.clone()),
        Value::List(items) => Ok(items
            .iter()
            .map(|item| splice(item, span))
            .collect::<Result<Vec<_>, _>>()?
            .join(",")),
        Value::NoValue => Ok(String::new()),
        value => value.scalar_text().map_or_else(
            || fail("a value that is not text cannot be part of text", span),
            Ok,
        ),
    }
}
