//! Marks by which a sandbox can be traced to the process that owns it.
//!
//! A sandbox that outlived its owner may only be removed by who can tell that the owner is gone: on the same host, in
//! the same boot, in a process table where the owner's entry is absent or belongs to a later process.

use std::collections::BTreeMap;
use std::fs;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const HOST: &str = "sam-rs.owner.host";
const USER: &str = "sam-rs.owner.user";
const BOOT: &str = "sam-rs.owner.boot";
const NAMESPACE: &str = "sam-rs.owner.pid-namespace";
const START: &str = "sam-rs.owner.start";
/// Carried by every sandbox.
pub const PID: &str = "sam-rs.owner.pid";

/// The labels of this process.
#[must_use]
pub fn labels() -> BTreeMap<String, String> {
    let pid = std::process::id().to_string();
    let start = started(&pid).unwrap_or_default();
    let mut labels = table();
    labels.extend(
        [
            (PID, pid),
            (START, start),
            ("sam-rs.version", VERSION.to_owned()),
        ]
        .map(owned),
    );
    labels
}

/// What names the process table that this process is in.
fn table() -> BTreeMap<String, String> {
    let read = |path: &str| {
        fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let marks = [
        (HOST, read("/proc/sys/kernel/hostname")),
        (BOOT, read("/proc/sys/kernel/random/boot_id")),
        // Of other users' processes it cannot always be seen whether they live.
        (USER, rustix::process::getuid().as_raw().to_string()),
        (NAMESPACE, namespace.to_string_lossy().into_owned()),
    ];
    marks.map(owned).into_iter().collect()
}

fn owned((name, value): (&str, String)) -> (String, String) {
    (name.to_owned(), value)
}

/// The labels that all sandboxes of this process table have: to ask an engine for no others.
#[must_use]
pub fn selector() -> Vec<String> {
    table()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// Whether a sandbox with these labels has lost its owner, for certain.
#[must_use]
pub fn is_lost(labels: &BTreeMap<String, String>) -> bool {
    lost(labels, &table(), started)
}

fn lost(
    labels: &BTreeMap<String, String>,
    table: &BTreeMap<String, String>,
    started: impl Fn(&str) -> Option<String>,
) -> bool {
    // Another host, another boot, another process table: the owner may live where it cannot be seen.
    let ours = table
        .iter()
        .all(|(name, value)| !value.is_empty() && labels.get(name) == Some(value));
    let (Some(pid), Some(start)) = (labels.get(PID), labels.get(START)) else {
        return false;
    };
    // A later process may have the owner's number, but not its start.
    ours && !start.is_empty() && started(pid).as_ref() != Some(start)
}

/// A mark of this process for the name of a file.
#[must_use]
pub fn mark() -> String {
    let pid = std::process::id().to_string();
    let start = started(&pid).unwrap_or_default();
    format!("{pid}-{start}")
}

/// Whether the process of a mark is gone; what is no mark is nobody's business.
#[must_use]
pub fn is_mark_lost(mark: &str) -> bool {
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match mark.split_once('-') {
        Some((pid, start)) if numbers(pid) && numbers(start) => {
            started(pid).as_deref() != Some(start)
        }
        _ => false,
    }
}

/// When a process was started; none when there is no such process.
fn started(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    start_time(&stat).map(str::to_owned)
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
    fn only_a_sandbox_of_this_process_table_without_its_owner_is_lost() {
        let table: BTreeMap<_, _> = [(HOST, "h".into()), (BOOT, "b".into())].map(owned).into();
        let labels = |host: &str, pid: &str| {
            let marks = [
                (HOST, host.into()),
                (BOOT, "b".into()),
                (PID, pid.into()),
                (START, "5".into()),
            ];
            marks.map(owned).into_iter().collect::<BTreeMap<_, _>>()
        };
        // 1 lives, 2 was started later than the owner, everything else is gone.
        let started = |pid: &str| match pid {
            "1" => Some("5".to_owned()),
            "2" => Some("9".to_owned()),
            _ => None,
        };
        assert!(!lost(&labels("h", "1"), &table, started));
        assert!(lost(&labels("h", "2"), &table, started));
        assert!(lost(&labels("h", "3"), &table, started));
        assert!(
            !lost(&labels("other", "3"), &table, started),
            "a colleague's"
        );
        assert!(!lost(&BTreeMap::new(), &table, started), "somebody else's");
        let mut unmarked = labels("h", "3");
        unmarked.remove(START);
        assert!(!lost(&unmarked, &table, started));
        assert!(
            is_lost(&labels_of_a_dead_process())
                && !is_lost(&super::labels().into_iter().collect())
        );
    }

    fn labels_of_a_dead_process() -> BTreeMap<String, String> {
        let mut labels: BTreeMap<_, _> = super::labels().into_iter().collect();
        labels.insert(PID.to_owned(), "4194304".to_owned());
        labels
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
        assert_eq!(start_time(stat), Some("12345"));
    }
}
