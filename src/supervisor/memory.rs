//! Memory figures of the sandbox, from its control group where one can be read.

use std::fs::{self, File};
use std::io::Read;

use crate::channel::frame::{Controller, Usage};

/// The files of one kind of controller.
struct Files {
    current: &'static str,
    peak: &'static str,
    events: &'static str,
}

const V1: Files = Files {
    current: "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    peak: "/sys/fs/cgroup/memory/memory.max_usage_in_bytes",
    events: "/sys/fs/cgroup/memory/memory.oom_control",
};
const V2: Files = Files {
    current: "/sys/fs/cgroup/memory.current",
    peak: "/sys/fs/cgroup/memory.peak",
    events: "/sys/fs/cgroup/memory.events",
};

/// The sandbox's memory, and how often the kernel has killed in it.
pub(crate) struct Memory {
    pub(crate) controller: Controller,
    kills: u64,
}

impl Memory {
    /// Finds out which controller there is.
    pub(crate) fn find() -> Self {
        let controller = if fs::metadata(V1.current).is_ok() {
            Controller::V1
        } else if fs::metadata(V2.current).is_ok() {
            Controller::V2
        } else {
            Controller::None
        };
        let mut memory = Self {
            controller,
            kills: 0,
        };
        memory.killed();
        memory
    }

    fn files(&self) -> Option<&'static Files> {
        match self.controller {
            Controller::None => None,
            Controller::V1 => Some(&V1),
            Controller::V2 => Some(&V2),
        }
    }

    /// Whether the kernel has killed for lack of memory since the last call.
    pub(crate) fn killed(&mut self) -> bool {
        let text = self
            .files()
            .and_then(|files| fs::read_to_string(files.events).ok())
            .unwrap_or_default();
        let kills = field(&text, "oom_kill").unwrap_or(0);
        kills > std::mem::replace(&mut self.kills, kills)
    }

    /// Most bytes in use since the sandbox started, where the controller knows.
    pub(crate) fn peak(&self) -> Option<u64> {
        self.files().and_then(|files| number(files.peak))
    }

    /// Figures of now; those of the given processes where there is no controller.
    pub(crate) fn usage(&self, pids: impl Iterator<Item = u32>) -> Usage {
        let current = self.files().and_then(|files| number(files.current));
        let (memory, peak_memory) = match (current, self.peak()) {
            (Some(current), Some(peak)) => (current, peak),
            (current, peak) => {
                let own = of_processes(pids);
                (current.unwrap_or(own.0), peak.unwrap_or(own.1))
            }
        };
        Usage {
            memory,
            peak_memory,
            processes: processes(),
        }
    }
}

/// Bytes in use by processes now, and the sum of the most that each had.
fn of_processes(pids: impl Iterator<Item = u32>) -> (u64, u64) {
    let (mut now, mut peak) = (0, 0);
    for pid in pids {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        now += field(&text, "VmRSS:").unwrap_or(0) * 1024;
        peak += field(&text, "VmHWM:").unwrap_or(0) * 1024;
    }
    (now, peak)
}

/// Processes of the sandbox but this one.
fn processes() -> u32 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |name: std::ffi::OsString| {
        name.to_string_lossy()
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    };
    let count = entries
        .filter(|entry| is_process(entry.file_name()))
        .count();
    u32::try_from(count).unwrap_or(u32::MAX).saturating_sub(1)
}

/// The number that a file of the kernel consists of. It is asked for with every invocation: one call reads it.
fn number(path: &str) -> Option<u64> {
    let mut text = [0; 32];
    let length = File::open(path).ok()?.read(&mut text).ok()?;
    std::str::from_utf8(&text[..length])
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The number after a word at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_ascii_whitespace);
    words.find_map(|mut words| (words.next()? == name).then(|| words.next()?.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let v1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(v1, "oom_kill"), Some(3));
        assert_eq!(field("VmHWM:\t  2048 kB\n", "VmHWM:"), Some(2048));
        assert_eq!(field(v1, "oom"), None);
    }
}
