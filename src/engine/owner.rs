//! Marks by which a sandbox can be traced to the process that owns it.
//!
//! A sandbox that outlived its owner may only be removed by who can tell that the owner is gone: on the same host, in
//! the same boot, in a process table where the owner's entry is absent or belongs to a later process.

use std::collections::BTreeMap;
use std::fs;

/// The labels of this process.
#[must_use]
pub fn labels() -> BTreeMap<String, String> {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let marks = [
        ("sam-rs.owner.host", read("/proc/sys/kernel/hostname")),
        ("sam-rs.owner.boot", read("/proc/sys/kernel/random/boot_id")),
        ("sam-rs.owner.pid", std::process::id().to_string()),
        (
            "sam-rs.owner.pid-namespace",
            namespace.to_string_lossy().into_owned(),
        ),
        (
            "sam-rs.owner.start",
            start_time(&read("/proc/self/stat"))
                .unwrap_or_default()
                .to_owned(),
        ),
        ("sam-rs.version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    marks
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The start time in clock ticks since the boot: field 22. The program's name before it may hold anything, so the
/// fields are counted from its closing bracket.
fn start_time(stat: &str) -> Option<&str> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
        assert_eq!(start_time(stat), Some("12345"));
    }
}
