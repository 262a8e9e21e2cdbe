//! What names mean in a stack: parameters, pseudo parameters, resources and their attributes, conditions.

use super::application::{Application, BUDGET, Stack};
use super::intrinsics::{MAX_DEPTH, Resolved, fail, intrinsic};
use super::node::{Node, Span};
use super::parameters;
use super::resource::Resource;
use super::value::{LayerRef, Unresolved, Value};
use crate::lambda::partition;

/// What stands in for the stack's name and id.
const STACK_NAME: &str = "local";
const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/local/51af3dc0-da77-11e4-872e-1234567db123";

/// The view from one stack of an application.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The application.
    pub application: &'a Application,
    pub(super) stack: usize,
}

impl<'a> Scope<'a> {
    /// The stack.
    #[must_use]
    pub fn stack(&self) -> &'a Stack {
        &self.application.stacks[self.stack]
    }

    /// The region that the template sees.
    #[must_use]
    pub fn region(&self) -> &'a str {
        self.pseudo("AWS::Region", &self.application.surroundings.region)
    }

    /// The account that the template sees.
    #[must_use]
    pub fn account(&self) -> &'a str {
        self.pseudo("AWS::AccountId", &self.application.surroundings.account)
    }

    /// The view from the stack that a layer is in.
    #[must_use]
    pub fn of_layer(&self, layer: &LayerRef) -> Self {
        self.application.scope(layer.stack)
    }

    /// The layer of the application that has an ARN; of several the one that is nearest.
    #[must_use]
    pub fn layer_of(&self, arn: &str) -> Option<LayerRef> {
        let others = 0..self.application.stacks.len();
        std::iter::once(self.stack).chain(others).find_map(|stack| {
            let scope = self.application.scope(stack);
            let layers = scope.stack().resources().iter();
            let mut layers = layers.filter(|one| one.is_layer());
            layers.find_map(|one| match scope.layer(one, one.span, 0) {
                Ok(Value::Layer(layer)) if layer.arn == arn => Some(layer),
                _ => None,
            })
        })
    }

    /// Whether a node is an intrinsic function, and not what it looks like.
    #[must_use]
    pub fn is_intrinsic(&self, node: &Node) -> bool {
        intrinsic(node).is_some_and(|call| self.is_meant(&call))
    }

    /// Resolves a node.
    #[must_use]
    pub fn resolve(&self, node: &Node) -> Value {
        // One that is too large must not be charged to the next.
        self.application.budget.set(BUDGET);
        self.node(node, 0)
    }

    /// Resolves a node; with what there is to say of the value, where it stands in for the real one.
    #[must_use]
    pub fn resolve_noting(&self, node: &Node) -> (Value, Vec<String>) {
        self.application.notes.take();
        let value = self.resolve(node);
        (value, self.application.notes.take())
    }

    pub(super) fn note(&self, text: String) {
        let mut notes = self.application.notes.borrow_mut();
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Finds out what a name stands for, unless that is being found out already.
    pub(super) fn follow<T>(
        &self,
        name: &str,
        span: Span,
        find: impl FnOnce() -> Result<T, Unresolved>,
    ) -> Result<T, Unresolved> {
        let trail = &self.application.trail;
        let step = (self.stack, name.to_owned());
        let from = trail.borrow().iter().position(|known| *known == step);
        if let Some(from) = from {
            let trail = trail.borrow();
            let names = trail[from..].iter().chain([&step]);
            let names: Vec<_> = names.map(|(_, name)| name.as_str()).collect();
            return Err(Unresolved {
                reason: format!("it leads to itself: {}", names.join(" -> ")),
                span,
                cycle: true,
            });
        }
        trail.borrow_mut().push(step);
        let found = find();
        trail.borrow_mut().pop();
        found
    }

    /// A parameter's value, a pseudo parameter's, or what stands for a resource. A name that nothing has stands for
    /// itself, as in SAM CLI.
    pub(super) fn reference(&self, name: &str, span: Span, depth: usize) -> Resolved {
        if let Some(value) = self.parameter(name, span, depth)? {
            return Ok(value);
        }
        if let Some(value) = self.pseudo_parameter(name) {
            return Ok(value);
        }
        if let Some((id, attribute @ ("Alias" | "Version"))) = name.split_once('.') {
            return self.published(id, attribute, span, depth);
        }
        self.resource_reference(name, span, depth)
    }

    fn pseudo(&self, name: &str, default: &'a str) -> &'a str {
        let overrides = &self.application.surroundings.overrides;
        overrides.get(name).map_or(default, String::as_str)
    }

    fn pseudo_parameter(&self, name: &str) -> Option<Value> {
        let default = match name {
            "AWS::NoValue" => return Some(Value::NoValue),
            "AWS::NotificationARNs" => return Some(Value::List(Vec::new())),
            "AWS::Region" => &self.application.surroundings.region,
            "AWS::AccountId" => &self.application.surroundings.account,
            "AWS::Partition" => partition(self.region()),
            "AWS::StackName" => STACK_NAME,
            "AWS::StackId" => STACK_ID,
            "AWS::URLSuffix" => "localhost",
            _ => return None,
        };
        Some(Value::String(self.pseudo(name, default).to_owned()))
    }

    /// A parameter's value: given by the user or the stack above, else the default.
    pub(super) fn parameter(
        &self,
        name: &str,
        span: Span,
        depth: usize,
    ) -> Result<Option<Value>, Unresolved> {
        let declared = self.stack().section("Parameters", name);
        let kind = declared
            .and_then(|node| node.get("Type")?.as_str())
            .unwrap_or_default();
        if let Some(text) = self.given(name, span, depth)? {
            return Ok(Some(parameters::value(kind, Value::String(text))));
        }
        let Some(default) = declared.and_then(|node| node.get("Default")) else {
            return Ok(None);
        };
        if parameters::is_stored(kind) {
            self.note(format!(
                "the value of parameter '{name}' is in Parameter Store; its key stands in for it"
            ));
        }
        Ok(Some(parameters::value(kind, self.node(default, depth))))
    }

    /// The text that the user, or the stack above, gives a parameter.
    pub(super) fn given(
        &self,
        name: &str,
        span: Span,
        depth: usize,
    ) -> Result<Option<String>, Unresolved> {
        let Some((above, id)) = &self.stack().parent else {
            return Ok(self.application.surroundings.overrides.get(name).cloned());
        };
        let above = self.application.scope(*above);
        let given = above
            .stack()
            .resource(id)
            .and_then(|resource| resource.property("Parameters")?.get(name));
        let Some(given) = given else { return Ok(None) };
        let value = above.follow(&format!("{id}.Parameters.{name}"), span, || {
            match above.node(given, depth + 1) {
                Value::Unresolved(unresolved) if unresolved.cycle => Err(unresolved),
                value => Ok(value),
            }
        })?;
        if let Some(unresolved) = value.unresolved() {
            self.note(format!(
                "parameter '{name}' of stack '{}' has its default: {}",
                self.stack().path,
                unresolved.reason
            ));
        }
        Ok(match value {
            Value::List(items) => {
                let texts: Option<Vec<_>> = items.iter().map(Value::scalar_text).collect();
                texts.map(|texts| texts.join(","))
            }
            // What cannot be resolved leaves the default, as in SAM CLI.
            value => value.scalar_text(),
        })
    }

    fn resource_reference(&self, logical_id: &str, span: Span, depth: usize) -> Resolved {
        let Some(resource) = self.stack().resource(logical_id) else {
            let declared = self.stack().section("Parameters", logical_id).is_some();
            if declared {
                self.note(format!(
                    "parameter '{logical_id}' has no value; its name stands in for it"
                ));
            } else if !self.stack().may_generate(logical_id) {
                self.note(format!(
                    "the template has no '{logical_id}'; its name stands in for it"
                ));
            }
            return Ok(Value::String(logical_id.to_owned()));
        };
        match resource.kind.as_str() {
            _ if resource.is_layer() => self.layer(resource, span, depth),
            "AWS::Lambda::Alias" => self.alias(resource, span, depth),
            "AWS::Lambda::Version" => {
                let function = self.function_of(resource, span, depth)?;
                Ok(Value::String(format!("{function}:1")))
            }
            _ => self
                .resource_name(logical_id, span, depth)
                .map(Value::String),
        }
    }

    /// The name that a resource has in its service where the template says so, else its logical id.
    pub(super) fn resource_name(
        &self,
        logical_id: &str,
        span: Span,
        depth: usize,
    ) -> Result<String, Unresolved> {
        let resource = self.stack().resource(logical_id);
        let name = resource.and_then(|resource| resource.property(resource.name_property()?));
        let Some(name) = name else {
            return Ok(logical_id.to_owned());
        };
        self.follow(logical_id, span, || match self.node(name, depth + 1) {
            Value::Unresolved(unresolved) if unresolved.cycle => Err(unresolved),
            name => Ok(name.scalar_text().unwrap_or_else(|| logical_id.to_owned())),
        })
    }

    /// An attribute of a resource.
    pub(super) fn attribute(
        &self,
        logical_id: &str,
        attribute: &str,
        span: Span,
        depth: usize,
    ) -> Resolved {
        let resource = self.stack().resource(logical_id);
        if let Some(output) = attribute.strip_prefix("Outputs.") {
            return self.output(logical_id, output, span, depth);
        }
        match (attribute, resource) {
            ("Arn" | "LayerVersionArn", Some(layer)) if layer.is_layer() => {
                self.layer(layer, span, depth)
            }
            // The function's for every type: a stand-in of SAM CLI's that is seldom wrong to have.
            ("Arn", _) => {
                let function = resource.is_some_and(Resource::is_function);
                let name = if function {
                    self.resource_name(logical_id, span, depth)?
                } else {
                    logical_id.to_owned()
                };
                Ok(Value::String(self.function_arn(&name)))
            }
            ("RootResourceId", Some(resource)) if resource.kind == "AWS::ApiGateway::RestApi" => {
                Ok(Value::String("/".to_owned()))
            }
            _ => fail(
                format!("only a deployed stack knows '{attribute}' of '{logical_id}'"),
                span,
            ),
        }
    }

    /// What a nested stack gives out.
    fn output(&self, logical_id: &str, output: &str, span: Span, depth: usize) -> Resolved {
        let child = (0..self.application.stacks.len()).find(|index| {
            let parent = self.application.stacks[*index].parent.as_ref();
            parent.is_some_and(|(above, id)| *above == self.stack && id == logical_id)
        });
        let Some(child) = child else {
            return fail(
                format!("'{logical_id}' is not a nested stack on this machine"),
                span,
            );
        };
        let child = self.application.scope(child);
        let value = child.stack().section("Outputs", output);
        let Some(value) = value.and_then(|declared| declared.get("Value")) else {
            let path = &child.stack().path;
            return fail(format!("stack '{path}' has no output '{output}'"), span);
        };
        child.follow(&format!("Outputs.{output}"), span, || {
            Ok(child.node(value, depth + 1))
        })
    }

    /// Whether a condition holds.
    pub(super) fn condition(
        &self,
        name: &str,
        span: Span,
        depth: usize,
    ) -> Result<bool, Unresolved> {
        if depth > MAX_DEPTH {
            return fail("it is nested too deeply", span);
        }
        let Some(node) = self.stack().section("Conditions", name) else {
            return fail(format!("there is no condition '{name}'"), span);
        };
        self.follow(name, span, || self.truth(node, depth + 1))
    }
}
