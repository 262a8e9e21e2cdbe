//! What a function or a layer is published as: ARNs of functions, their aliases and versions, and layers.

use super::intrinsics::{Resolved, fail};
use super::node::Span;
use super::resource::Resource;
use super::scope::Scope;
use super::value::{LayerRef, Unresolved, Value};
use crate::lambda::{Arn, partition};

impl Scope<'_> {
    /// The ARN of an alias.
    pub(super) fn alias(&self, resource: &Resource, span: Span, depth: usize) -> Resolved {
        let function = self.function_of(resource, span, depth)?;
        let name = resource.property("Name").map(|node| self.node(node, depth));
        let name = name.and_then(|name| name.scalar_text()).unwrap_or_default();
        Ok(Value::String(format!("{function}:{name}")))
    }

    /// The ARN of the function that an alias or a version is of.
    pub(super) fn function_of(
        &self,
        resource: &Resource,
        span: Span,
        depth: usize,
    ) -> Result<String, Unresolved> {
        let id = &resource.logical_id;
        let name = resource.property("FunctionName");
        let name = self.follow(id, span, || Ok(name.map(|name| self.node(name, depth + 1))))?;
        let name = name.and_then(|name| name.scalar_text());
        let name = name.unwrap_or_else(|| id.clone());
        if name.starts_with("arn:") {
            return Ok(name);
        }
        Ok(self.function_arn(&name))
    }

    pub(super) fn function_arn(&self, name: &str) -> String {
        Arn::function(self.region(), self.account(), name)
            .as_str()
            .to_owned()
    }

    /// What `AutoPublishAlias` makes: `Function.Alias` and `Function.Version`.
    pub(super) fn published(
        &self,
        logical_id: &str,
        what: &str,
        span: Span,
        depth: usize,
    ) -> Resolved {
        let function = self.resource_name(logical_id, span, depth)?;
        let resource = self.stack().resource(logical_id);
        let alias = resource.and_then(|resource| resource.property("AutoPublishAlias"));
        let alias = alias.and_then(|alias| self.node(alias, depth + 1).scalar_text());
        match (what, alias) {
            ("Alias", Some(alias)) => Ok(Value::String(format!(
                "{}:{alias}",
                self.function_arn(&function)
            ))),
            ("Version", Some(_)) => {
                Ok(Value::String(format!("{}:1", self.function_arn(&function))))
            }
            _ => fail(
                format!("'{logical_id}' has no AutoPublishAlias, so there is no {what} of it"),
                span,
            ),
        }
    }

    /// A layer: its ARN as text, and which one it is for a function that uses it.
    pub(super) fn layer(&self, resource: &Resource, span: Span, depth: usize) -> Resolved {
        let named = resource.property("LayerName");
        let name = self.follow(&resource.logical_id, span, || {
            Ok(named.map(|name| self.node(name, depth + 1)))
        })?;
        let name = name.and_then(|name| name.scalar_text());
        let name = name.unwrap_or_else(|| resource.logical_id.clone());
        let (region, account) = (self.region(), self.account());
        Ok(Value::Layer(LayerRef {
            stack: self.stack,
            logical_id: resource.logical_id.clone(),
            arn: format!(
                "arn:{}:lambda:{region}:{account}:layer:{name}:1",
                partition(region)
            ),
        }))
    }
}
