//! Declarations of parameters: what a value becomes, and what it must be.

use std::fmt;

use regex_lite::Regex;

use super::error::Problem;
use super::node::{Entry, Kind, Node, Span};
use super::scope::Scope;
use super::value::Value;

/// Longest value that a parameter may have in the service.
const MAX_VALUE: usize = 4096;

/// Whether a parameter's value is the key of the real one in Parameter Store.
pub(super) fn is_stored(kind: &str) -> bool {
    kind.starts_with("AWS::SSM::Parameter::Value<")
}

fn is_list(kind: &str) -> bool {
    let stored = kind.strip_prefix("AWS::SSM::Parameter::Value<");
    let kind = stored.map_or(kind, |inner| inner.strip_suffix('>').unwrap_or(inner));
    kind == "CommaDelimitedList" || kind.starts_with("List<")
}

fn is_number(kind: &str) -> bool {
    matches!(kind, "Number" | "List<Number>")
}

/// The value of a parameter of this type.
pub(super) fn value(kind: &str, value: Value) -> Value {
    let text = match &value {
        Value::String(text) | Value::Number(text) if is_list(kind) => text,
        _ => return value,
    };
    if text.is_empty() {
        return Value::List(Vec::new());
    }
    let items = text.split(',');
    Value::List(
        items
            .map(|item| Value::String(item.trim().to_owned()))
            .collect(),
    )
}

/// What is wrong with the values of a stack's parameters, all of it.
pub(super) fn check(scope: Scope<'_>) -> Vec<Problem> {
    let declared = scope.stack().root.get("Parameters");
    let declared = declared.map(Node::entries).unwrap_or_default();
    let mut problems = Vec::new();
    for entry in declared {
        let (name, node) = (&entry.key, &entry.value);
        let Ok(Some(value)) = scope.parameter(name, entry.key_span, 0) else {
            continue;
        };
        let kind = node.get("Type").and_then(Node::as_str).unwrap_or_default();
        let items: Vec<_> = match &value {
            Value::List(items) => items.iter().filter_map(Value::scalar_text).collect(),
            value => value.scalar_text().into_iter().collect(),
        };
        let found = items.iter().find_map(|item| Rule::broken(kind, node, item));
        problems.extend(found.map(|broken| problem(scope, entry, &broken)));
    }
    problems
}

fn problem(scope: Scope<'_>, entry: &Entry, (rule, span, value): &Broken<'_>) -> Problem {
    let (name, node) = (&entry.key, &entry.value);
    let secret = node.get("NoEcho").is_some_and(|node| {
        scope
            .resolve(node)
            .scalar_text()
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    });
    let shown = if secret {
        String::new()
    } else {
        format!(", not '{value}'")
    };
    let described = node.get("ConstraintDescription").and_then(Node::as_str);
    Problem {
        subject: format!("Parameters: {name}"),
        hint: described.map(str::to_owned),
        ..scope.application.problem(
            format!("Parameter '{name}' must {rule}{shown}"),
            *span,
            "this rules the value out",
        )
    }
}

/// The rule that a value breaks, where it stands, and the value.
type Broken<'a> = (Rule, Span, &'a str);

/// What a value must be, as the service says it.
enum Rule {
    Number,
    Allowed(Vec<String>),
    Pattern(String),
    Least(String, &'static str),
    Most(String, &'static str),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => write!(f, "be a number"),
            Self::Allowed(values) => write!(f, "be one of AllowedValues ({})", values.join(", ")),
            Self::Pattern(pattern) => write!(f, "match pattern {pattern}"),
            Self::Least(bound, what) => write!(f, "{what} {bound} at least"),
            Self::Most(bound, what) => write!(f, "{what} {bound} at most"),
        }
    }
}

impl Rule {
    /// The first rule of a declaration that a value breaks.
    fn broken<'a>(kind: &str, node: &Node, value: &'a str) -> Option<Broken<'a>> {
        let rules = [Self::kind, Self::allowed, Self::pattern, Self::bounds];
        let broken = rules.iter().find_map(|rule| rule(kind, node, value))?;
        Some((broken.0, broken.1, value))
    }

    fn kind(kind: &str, node: &Node, value: &str) -> Option<(Self, Span)> {
        let wrong = is_number(kind) && value.trim().parse::<f64>().is_err();
        wrong.then(|| {
            (
                Self::Number,
                node.get("Type").map_or(node.span, |node| node.span),
            )
        })
    }

    fn allowed(kind: &str, node: &Node, value: &str) -> Option<(Self, Span)> {
        let list = node.get("AllowedValues")?;
        let values: Vec<_> = list.items()?.iter().filter_map(text).collect();
        let number = is_number(kind);
        // A configuration file's truth values are spelled as Python does.
        let truth = |text: &str| matches!(text, "true" | "false");
        let is = |allowed: &String| {
            allowed == value
                || (number && same(allowed, value))
                || (truth(allowed) && allowed.eq_ignore_ascii_case(value))
        };
        (!values.iter().any(is)).then_some((Self::Allowed(values), list.span))
    }

    /// A pattern that this engine of expressions does not know is left to the service.
    fn pattern(_: &str, node: &Node, value: &str) -> Option<(Self, Span)> {
        let pattern = node.get("AllowedPattern")?;
        let text = pattern.as_str()?;
        let whole = Regex::new(&format!("^(?:{text})$")).ok()?;
        (!whole.is_match(value)).then(|| (Self::Pattern(text.to_owned()), pattern.span))
    }

    fn bounds(kind: &str, node: &Node, value: &str) -> Option<(Self, Span)> {
        let bound = |name: &str| {
            let bound = node.get(name)?;
            Some((text(bound)?, bound.span))
        };
        if value.len() > MAX_VALUE {
            return Some((
                Self::Most(MAX_VALUE.to_string(), "have a length of"),
                node.span,
            ));
        }
        let (size, low, high, what) = if is_number(kind) {
            (value.trim().parse().ok()?, "MinValue", "MaxValue", "be")
        } else {
            let length = u32::try_from(value.chars().count()).ok()?;
            (
                f64::from(length),
                "MinLength",
                "MaxLength",
                "have a length of",
            )
        };
        if let Some((least, span)) = bound(low)
            && least.parse().is_ok_and(|least: f64| size < least)
        {
            return Some((Self::Least(least, what), span));
        }
        let (most, span) = bound(high)?;
        let over = most.parse().is_ok_and(|most: f64| size > most);
        over.then_some((Self::Most(most, what), span))
    }
}

fn text(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::String(text) | Kind::Number(text) => Some(text.to_string()),
        Kind::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Numbers are the same however they are written.
fn same(one: &str, other: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    number(one)
        .zip(number(other))
        .is_some_and(|(one, other)| (one - other).abs() < f64::EPSILON)
}
