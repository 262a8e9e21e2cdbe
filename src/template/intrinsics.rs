//! Evaluation of intrinsic functions, with CloudFormation's semantics.

use std::cell::Cell;

use super::Template;
use super::node::{Kind, Node, Span};
use super::parameters::Overrides;
use super::value::{Unresolved, Value};
use crate::lambda::{Arn, partition};

/// Deepest nesting of references: a name that leads to itself is found out by this.
const MAX_DEPTH: usize = 64;
/// Nodes that one template may resolve to: many times what the largest one has.
const BUDGET: usize = 1_000_000;
/// Bytes of text that count as one node.
const TEXT: usize = 64;
/// What stands in for the stack's name and id.
const STACK_NAME: &str = "local";
const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/local/51af3dc0-da77-11e4-872e-1234567db123";

/// What names mean: the template, what the user set, where it runs.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// The template.
    pub template: &'a Template,
    /// Values of parameters that the user gave.
    pub overrides: &'a Overrides,
    /// Region.
    pub region: &'a str,
    /// Account.
    pub account: &'a str,
    /// What may still be resolved, so that aliases of aliases come to an end.
    budget: Cell<usize>,
}

type Resolved = Result<Value, Unresolved>;

/// An intrinsic's name and its argument.
#[must_use]
pub(super) fn intrinsic(node: &Node) -> Option<(&str, &Node)> {
    match node.entries() {
        [entry]
            if entry.key == "Ref" || entry.key == "Condition" || entry.key.starts_with("Fn::") =>
        {
            Some((&entry.key, &entry.value))
        }
        _ => None,
    }
}

fn fail<T>(reason: impl Into<String>, span: Span) -> Result<T, Unresolved> {
    Err(Unresolved {
        reason: reason.into(),
        span,
    })
}

impl<'a> Scope<'a> {
    /// A scope.
    #[must_use]
    pub fn new(
        template: &'a Template,
        overrides: &'a Overrides,
        region: &'a str,
        account: &'a str,
    ) -> Self {
        Self {
            template,
            overrides,
            region,
            account,
            budget: Cell::new(BUDGET),
        }
    }

    /// Takes from the budget; an error when it is used up.
    fn spend(&self, amount: usize, span: Span) -> Result<(), Unresolved> {
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(amount));
        if left < amount {
            fail(
                "the template is too large when its aliases are resolved",
                span,
            )
        } else {
            Ok(())
        }
    }

    /// Resolves a node.
    #[must_use]
    pub fn resolve(&self, node: &Node) -> Value {
        self.node(node, 0)
    }

    fn node(&self, node: &Node, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unresolved(Unresolved {
                reason: "it leads to itself".to_owned(),
                span: node.span,
            });
        }
        if let Err(unresolved) = self.spend(1, node.span) {
            return Value::Unresolved(unresolved);
        }
        if let Some((name, argument)) = intrinsic(node) {
            return self
                .call(name, argument, node.span, depth + 1)
                .unwrap_or_else(Value::Unresolved);
        }
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(text) => Value::Number(text.clone()),
            Kind::String(text) => Value::String(text.clone()),
            Kind::List(items) => {
                let items = items.iter().map(|item| self.node(item, depth + 1));
                Value::List(items.filter(|item| *item != Value::NoValue).collect())
            }
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), self.node(&entry.value, depth + 1)));
                Value::Map(
                    entries
                        .filter(|(_, value)| *value != Value::NoValue)
                        .collect(),
                )
            }
        }
    }

    fn call(&self, name: &str, argument: &Node, span: Span, depth: usize) -> Resolved {
        match name {
            "Ref" => match argument.as_str() {
                Some(target) => self.reference(target, depth),
                None => fail("Ref wants a name", span),
            },
            "Fn::GetAtt" => self.get_attribute(argument, span, depth),
            "Fn::Sub" => self.substitute(argument, span, depth),
            "Fn::Join" => self.join(argument, span, depth),
            other => fail(
                format!("{other} has no value outside a deployed stack"),
                span,
            ),
        }
    }

    /// A parameter's value, a pseudo parameter's, or what stands for a resource. A name that nothing has stands for
    /// itself, as in SAM CLI.
    fn reference(&self, name: &str, depth: usize) -> Resolved {
        if let Some(value) = self
            .parameter(name, depth)
            .or_else(|| self.pseudo_parameter(name))
        {
            return Ok(value);
        }
        self.resource_name(name, depth).map(Value::String)
    }

    fn parameter(&self, name: &str, depth: usize) -> Option<Value> {
        let declared = self.template.parameter(name);
        let is_list =
            declared.and_then(|node| node.get("Type")?.as_str()) == Some("CommaDelimitedList");
        let given = self
            .overrides
            .get(name)
            .map(|text| Value::String(text.clone()));
        let default = || Some(self.node(declared?.get("Default")?, depth));
        let value = given.or_else(default)?;
        match value {
            Value::String(text) if is_list => {
                let items = text
                    .split(',')
                    .map(|item| Value::String(item.trim().to_owned()));
                Some(Value::List(if text.is_empty() {
                    Vec::new()
                } else {
                    items.collect()
                }))
            }
            value => Some(value),
        }
    }

    fn pseudo_parameter(&self, name: &str) -> Option<Value> {
        let text = match name {
            "AWS::NoValue" => return Some(Value::NoValue),
            "AWS::NotificationARNs" => return Some(Value::List(Vec::new())),
            "AWS::Region" => self.region,
            "AWS::AccountId" => self.account,
            "AWS::Partition" => partition(self.region),
            "AWS::StackName" => STACK_NAME,
            "AWS::StackId" => STACK_ID,
            "AWS::URLSuffix" => "localhost",
            _ => return None,
        };
        Some(Value::String(text.to_owned()))
    }

    /// The name that a resource has in the service: a function's own, else its logical id.
    fn resource_name(&self, logical_id: &str, depth: usize) -> Result<String, Unresolved> {
        let resource = self
            .template
            .resource(logical_id)
            .filter(|resource| resource.is_function());
        let name = resource.and_then(|resource| resource.property("FunctionName"));
        match name.map(|name| self.node(name, depth)) {
            // The end of a circle must not look like a name: it would be gone around again and again.
            Some(Value::Unresolved(unresolved)) => Err(unresolved),
            name => Ok(name
                .and_then(|name| name.scalar_text())
                .unwrap_or_else(|| logical_id.to_owned())),
        }
    }

    fn get_attribute(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let parts = match (argument.as_str(), argument.items()) {
            (Some(text), _) => text
                .split_once('.')
                .map(|(id, attribute)| (id.to_owned(), attribute.to_owned())),
            (None, Some([id, attribute])) => id
                .as_str()
                .map(str::to_owned)
                .zip(self.node(attribute, depth).scalar_text()),
            _ => None,
        };
        match parts {
            Some((id, attribute)) => self.attribute(&id, &attribute, span, depth),
            None => fail("Fn::GetAtt wants a resource and an attribute", span),
        }
    }

    fn attribute(&self, logical_id: &str, attribute: &str, span: Span, depth: usize) -> Resolved {
        if attribute != "Arn" {
            return fail(
                format!("only a deployed stack knows '{attribute}' of '{logical_id}'"),
                span,
            );
        }
        let name = self.resource_name(logical_id, depth)?;
        let arn = Arn::function(self.region, self.account, &name);
        Ok(Value::String(arn.as_str().to_owned()))
    }

    fn join(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let Some([delimiter, list]) = argument.items() else {
            return fail("Fn::Join wants a delimiter and a list", span);
        };
        let Some(delimiter) = delimiter.as_str() else {
            return fail("the delimiter of Fn::Join must be text", span);
        };
        let items = match self.node(list, depth) {
            Value::List(items) => items,
            Value::Unresolved(unresolved) => return Err(unresolved),
            _ => return fail("Fn::Join wants a list to join", list.span),
        };
        let texts: Result<Vec<_>, _> = items.iter().map(|item| splice(item, list.span)).collect();
        let text = texts?.join(delimiter);
        self.spend(text.len() / TEXT, span)?;
        Ok(Value::String(text))
    }

    fn substitute(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let (text, variables) = match (argument.as_str(), argument.items()) {
            (Some(text), _) => (text, &[][..]),
            (None, Some([text, variables])) => {
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
                out.push_str(&splice(&value, span)?);
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
            Some((id, attribute)) => self.attribute(id, attribute, span, depth),
            None => self.reference(name, depth),
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

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Stage: {Type: String, Default: dev}
  Size: {Type: Number, Default: 5}
  Zones: {Type: CommaDelimitedList, Default: 'a, b'}
  Bare: {Type: String}
Resources:
  Plain: {Type: AWS::Serverless::Function}
  Named: {Type: AWS::Lambda::Function, Properties: {FunctionName: !Sub 'fn-${Stage}'}}
  Loop: {Type: AWS::Serverless::Function, Properties: {FunctionName: !Ref Loop}}
  Table: {Type: AWS::DynamoDB::Table}
Values:
";

    /// Resolves a value in YAML; what cannot be resolved is its reason in angle brackets.
    fn resolve(value: &str) -> String {
        let template =
            Template::parse("t.yaml".into(), &format!("{TEMPLATE}  V: {value}\n")).unwrap();
        let overrides = [("Given".to_owned(), "over".to_owned())].into();
        let scope = Scope::new(&template, &overrides, "eu-west-1", "123456789012");
        match scope.resolve(template.root().get("Values").unwrap().get("V").unwrap()) {
            Value::Unresolved(unresolved) => format!("<{}>", unresolved.reason),
            Value::List(items) => format!("{items:?}"),
            value => value.variable_text(),
        }
    }

    #[test]
    fn names_mean_parameters_pseudo_parameters_and_resources() {
        assert_eq!(resolve("!Ref Stage"), "dev");
        assert_eq!(resolve("!Ref Given"), "over");
        assert_eq!(resolve("!Ref Size"), "5");
        assert_eq!(resolve("!Ref Bare"), "Bare");
        assert_eq!(resolve("!Ref AWS::Region"), "eu-west-1");
        assert_eq!(resolve("!Ref Named"), "fn-dev");
        assert_eq!(resolve("!Ref Table"), "Table");
        assert_eq!(resolve("!Ref Loop"), "<it leads to itself>");
        assert_eq!(
            resolve("!GetAtt Named.Arn"),
            "arn:aws:lambda:eu-west-1:123456789012:function:fn-dev"
        );
        assert_eq!(
            resolve("!GetAtt [Plain, Arn]"),
            "arn:aws:lambda:eu-west-1:123456789012:function:Plain"
        );
        assert_eq!(
            resolve("!GetAtt Table.StreamArn"),
            "<only a deployed stack knows 'StreamArn' of 'Table'>"
        );
    }

    #[test]
    fn text_is_put_together() {
        assert_eq!(
            resolve("!Sub '${Stage}-${Plain}-${!Stage}-${'"),
            "dev-Plain-${Stage}-${"
        );
        assert_eq!(
            resolve("!Sub ['${host}/${Size}', {host: example.com}]"),
            "example.com/5"
        );
        assert_eq!(
            resolve("!Sub '${Named.Arn}'"),
            "arn:aws:lambda:eu-west-1:123456789012:function:fn-dev"
        );
        assert_eq!(resolve("!Join ['-', [a, 1, !Ref Stage]]"), "a-1-dev");
        assert_eq!(resolve("!Join ['|', !Ref Zones]"), "a|b");
        assert_eq!(
            resolve("!Sub ['${x}', {x: !Join ['', [!Sub '${Stage}', y]]}]"),
            "devy"
        );
        assert_eq!(
            resolve("!Join ['-', [!GetAtt Table.X]]"),
            "<only a deployed stack knows 'X' of 'Table'>"
        );
        assert_eq!(
            resolve("!Join [a]"),
            "<Fn::Join wants a delimiter and a list>"
        );
    }

    #[test]
    fn no_value_is_as_if_it_were_not_there() {
        assert_eq!(resolve("[a, !Ref AWS::NoValue]"), r#"[String("a")]"#);
    }
}
