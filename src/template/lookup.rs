//! The intrinsics that look something up: in a list, a mapping, a region, a network.

use std::net::IpAddr;

use super::intrinsics::{Resolved, fail};
use super::node::{Node, Span};
use super::scope::Scope;
use super::value::{Unresolved, Value};

/// Zones of the regions that do not have three.
const ZONES: [(&str, usize); 3] = [("us-east-1", 6), ("us-west-2", 4), ("ap-northeast-2", 4)];
/// Most networks that `Fn::Cidr` makes, as in the service.
const MAX_NETWORKS: usize = 256;

impl Scope<'_> {
    pub(super) fn select(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let Some([index, list]) = argument.items() else {
            return fail("Fn::Select wants an index and a list", span);
        };
        let index = self.text(index, "the index of Fn::Select", depth)?;
        let items = self.list(list, "Fn::Select", depth)?;
        let found = index
            .trim()
            .parse()
            .ok()
            .and_then(|at: usize| items.get(at));
        match found {
            Some(Value::Unresolved(unresolved)) => Err(unresolved.clone()),
            Some(value) => Ok(value.clone()),
            None => fail(
                format!(
                    "Fn::Select wants item {} of a list of {}",
                    written(argument, 0),
                    items.len()
                ),
                span,
            ),
        }
    }

    pub(super) fn find_in_map(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let (keys, default) = match argument.items() {
            Some(keys @ [_, _, _]) => (keys, None),
            Some([keys @ .., default]) if keys.len() == 3 => (keys, default.get("DefaultValue")),
            _ => return fail("Fn::FindInMap wants a mapping and two keys", span),
        };
        if default.is_some() && !self.stack().extended {
            let text = "the default of Fn::FindInMap needs `Transform: AWS::LanguageExtensions`";
            return fail(text, span);
        }
        let mut names = Vec::with_capacity(keys.len());
        for key in keys {
            names.push(self.text(key, "a key of Fn::FindInMap", depth)?);
        }
        let mut found = self.stack().section("Mappings", &names[0]);
        for name in &names[1..] {
            found = found.and_then(|map| map.get(name));
        }
        if let Some(value) = found.or(default) {
            self.argument(value, depth)
        } else {
            // As they are written: a value may be a secret.
            let keys: Vec<_> = (0..3).map(|at| written(argument, at)).collect();
            fail(format!("there is no mapping {}", keys.join(".")), span)
        }
    }

    pub(super) fn zones(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let region = match self.argument(argument, depth)? {
            Value::Null => String::new(),
            value => match value.scalar_text() {
                Some(region) => region,
                None => return fail("Fn::GetAZs wants the name of a region", span),
            },
        };
        let region = if region.is_empty() {
            self.region()
        } else {
            &region
        };
        let count = ZONES
            .iter()
            .find(|(name, _)| *name == region)
            .map_or(3, |(_, count)| *count);
        let zones = ('a'..='z').take(count);
        Ok(Value::List(
            zones
                .map(|zone| Value::String(format!("{region}{zone}")))
                .collect(),
        ))
    }

    pub(super) fn length(&self, argument: &Node, depth: usize) -> Resolved {
        let items = self.list(argument, "Fn::Length", depth)?;
        Ok(Value::Number(items.len().to_string()))
    }

    /// `Fn::Cidr`: networks of a size, one after the other, within a block.
    pub(super) fn cidr(&self, argument: &Node, span: Span, depth: usize) -> Resolved {
        let (block, count, bits) = match argument.items() {
            Some([block, count]) => (block, count, None),
            Some([block, count, bits]) => (block, count, Some(bits)),
            _ => return fail("Fn::Cidr wants a block, a count and a number of bits", span),
        };
        let block = self.text(block, "the block of Fn::Cidr", depth)?;
        let number = |node: &Node| -> Result<u32, Unresolved> {
            let text = self.text(node, "a number of Fn::Cidr", depth)?;
            text.trim()
                .parse()
                .or_else(|_| fail("a number of Fn::Cidr is none", node.span))
        };
        let (count, bits) = (number(count)?, bits.map(number).transpose()?);
        match networks(&block, count as usize, bits) {
            Some(networks) => Ok(Value::List(
                networks.into_iter().map(Value::String).collect(),
            )),
            None => fail(
                format!("Fn::Cidr cannot take {count} networks out of this block"),
                span,
            ),
        }
    }
}

/// An argument as it is written.
fn written(argument: &Node, at: usize) -> String {
    let node = argument.items().and_then(|items| items.get(at));
    node.map_or_else(String::new, |node| match node.as_str() {
        Some(text) => text.to_owned(),
        None => node.to_json(),
    })
}

fn networks(block: &str, count: usize, bits: Option<u32>) -> Option<Vec<String>> {
    let (address, prefix) = block.trim().split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok()?;
    let (base, width) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    // Without a size, the least that fits: the service asks for it.
    let bits = bits.unwrap_or(if width == 32 { 8 } else { 64 });
    let fits = prefix <= width && bits <= width - prefix && (1..=MAX_NETWORKS).contains(&count);
    if !fits
        || (count as u128)
            > 1_u128
                .checked_shl(width - prefix - bits)
                .unwrap_or(u128::MAX)
    {
        return None;
    }
    let size = 1_u128.checked_shl(bits).unwrap_or(0);
    let start = base
        & !(1_u128
            .checked_shl(width - prefix)
            .map_or(u128::MAX, |size| size - 1));
    let networks = (0..count as u128).map(|index| {
        let network = start + index * size;
        let address = match address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(network).unwrap_or(u32::MAX).into()),
            IpAddr::V6(_) => IpAddr::V6(network.into()),
        };
        format!("{address}/{}", width - bits)
    });
    Some(networks.collect())
}

#[cfg(test)]
mod tests {
    use super::networks;

    #[test]
    fn networks_follow_each_other_in_their_block() {
        let of = |block, count, bits| networks(block, count, bits).map(|all| all.join(" "));
        assert_eq!(
            of("10.0.0.0/16", 3, Some(8)).as_deref(),
            Some("10.0.0.0/24 10.0.1.0/24 10.0.2.0/24")
        );
        assert_eq!(
            of("192.168.0.7/24", 2, Some(5)).as_deref(),
            Some("192.168.0.0/27 192.168.0.32/27")
        );
        assert_eq!(
            of("2001:db8::/56", 2, Some(64)).as_deref(),
            Some("2001:db8::/64 2001:db8:0:1::/64")
        );
        assert_eq!(of("::/0", 1, Some(128)).as_deref(), Some("::/0"));
        for (block, count, bits) in [
            ("10.0.0.0/24", 2, Some(8)),
            ("10.0.0.0/33", 1, Some(0)),
            ("10.0.0.0", 1, Some(8)),
            ("x/8", 1, Some(8)),
            ("10.0.0.0/8", 257, Some(8)),
            ("10.0.0.0/16", 0, Some(8)),
        ] {
            assert_eq!(of(block, count, bits), None, "{block} {count}");
        }
    }
}
