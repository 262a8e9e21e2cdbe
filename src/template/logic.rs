//! Conditions: the intrinsics that choose.

use super::intrinsics::{Resolved, fail, intrinsic};
use super::node::{Node, Span};
use super::scope::Scope;
use super::value::{Unresolved, Value};

impl Scope<'_> {
    /// Whether a node is true.
    pub(super) fn truth(&self, node: &Node, depth: usize) -> Result<bool, Unresolved> {
        match self.node(node, depth) {
            Value::Bool(value) => Ok(value),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Value::Unresolved(unresolved) => Err(unresolved),
            _ => fail("a condition is true or false", node.span),
        }
    }

    /// `Fn::If`: only the branch that is taken is resolved.
    pub(super) fn choose(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let Some([condition, yes, no]) = argument.items() else {
            return fail("Fn::If wants a condition and two values", span);
        };
        let holds = match condition.as_str() {
            Some(name) => self.condition(name, condition.span, depth)?,
            None => self.truth(condition, depth)?,
        };
        match self.node(if holds { yes } else { no }, depth) {
            Value::Unresolved(unresolved) => Err(unresolved),
            value => Ok(value),
        }
    }

    /// `Fn::Equals`: values are compared as the service does, by their text.
    pub(super) fn equals(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let Some([one, other]) = argument.items() else {
            return fail("Fn::Equals wants two values", span);
        };
        let (one, other) = (self.node(one, depth), self.node(other, depth));
        for value in [&one, &other] {
            if let Some(unresolved) = value.unresolved() {
                return Err(unresolved.clone());
            }
        }
        Ok(Value::Bool(
            match (one.scalar_text(), other.scalar_text()) {
                (Some(one), Some(other)) => one == other,
                _ => one == other,
            },
        ))
    }

    /// `Fn::And` and `Fn::Or`: operands up to the one that decides.
    pub(super) fn combine(
        &self,
        name: &str,
        argument: &Node,
        span: Span,
        depth: usize,
    ) -> Resolved {
        let decisive = name == "Fn::Or";
        let Some(operands) = argument.items() else {
            return fail(format!("{name} wants a list of conditions"), span);
        };
        for operand in operands {
            if self.truth(operand, depth)? == decisive {
                return Ok(Value::Bool(decisive));
            }
        }
        Ok(Value::Bool(!decisive))
    }

    pub(super) fn negate(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let operand = match argument.items() {
            Some([operand]) => operand,
            None if intrinsic(argument).is_some() => argument,
            _ => return fail("Fn::Not wants one condition", span),
        };
        Ok(Value::Bool(!self.truth(operand, depth)?))
    }
}
