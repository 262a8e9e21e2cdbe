//! Keys of maps: those that a merge key adds, and those that are there twice.

use std::collections::{HashMap, HashSet};

use smol_str::SmolStr;

use super::node::{Entry, Kind, Node, Span};

/// Entries that are compared with each other sooner than hashed.
const SMALL: usize = 12;

/// Adds what `<<` names. Of several maps the first wins, which is why they are added from the last. The error is for people,
/// with its place.
pub(super) fn merge_into(merged: &mut Vec<Entry>, value: &Node) -> Result<(), (String, Span)> {
    let refuse = |node: &Node| {
        let text = format!(
            "expected a mapping or list of mappings for merging, but found {}",
            node.describe()
        );
        (text, node.span)
    };
    match &value.kind {
        Kind::Map(entries) => merged.extend(entries.iter().cloned()),
        Kind::List(maps) => {
            for map in maps.iter().rev() {
                if !map.is_map() {
                    return Err(refuse(map));
                }
                merged.extend(map.entries().iter().cloned());
            }
        }
        _ => return Err(refuse(value)),
    }
    Ok(())
}

/// Keeps the last value of each key, at the place of the first, and tells of the others.
pub(super) fn last_of_each(
    entries: impl ExactSizeIterator<Item = Entry>,
    mut replaced: impl FnMut(&Entry),
) -> Vec<Entry> {
    let mut places: HashMap<SmolStr, usize> = HashMap::with_capacity(entries.len());
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(at) = places.get(&entry.key) {
            replaced(&kept[*at]);
            kept[*at] = entry;
        } else {
            places.insert(entry.key.clone(), kept.len());
            kept.push(entry);
        }
    }
    kept
}

/// Whether a key is there twice. Nearly all maps are small, and none has one twice.
pub(super) fn has_twice(entries: &[Entry]) -> bool {
    if entries.len() <= SMALL {
        let mut rest = entries.iter().enumerate();
        return rest.any(|(at, entry)| entries[..at].iter().any(|known| known.key == entry.key));
    }
    let mut keys = HashSet::with_capacity(entries.len());
    entries.iter().any(|entry| !keys.insert(entry.key.as_str()))
}
