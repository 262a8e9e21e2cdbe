//! The few system calls that the standard library lacks. The only unsafe code of the program, the step between fork
//! and exec included.

#![expect(
    unsafe_code,
    reason = "system calls that the standard library does not offer, declared by hand"
)]

use std::ffi::{CString, c_char, c_int, c_long, c_short, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGTERM: i32 = 15;
const SIGCHLD: i32 = 17;
pub(crate) const ENOENT: i32 = 2;

const F_DUPFD_CLOEXEC: c_int = 1030;
const F_GETFL: c_int = 3;
const F_SETFL: c_int = 4;
const O_NONBLOCK: c_int = 0o4000;
const SFD_FLAGS: c_int = 0o2_000_000 | O_NONBLOCK;
const SIG_BLOCK: c_int = 0;
const SIG_SETMASK: c_int = 2;
const PR_SET_DUMPABLE: c_int = 4;
const PR_SET_CHILD_SUBREAPER: c_int = 36;
const WNOHANG: c_int = 1;

/// A descriptor to wait for, as poll(2) has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollFd {
    fd: RawFd,
    events: c_short,
    revents: c_short,
}

/// Something can be read, or the other end has gone.
pub(crate) const READ: i16 = 0x1;
/// Something can be written.
pub(crate) const WRITE: i16 = 0x4;

impl PollFd {
    pub(crate) fn new(fd: RawFd, events: i16) -> Self {
        Self {
            fd,
            events,
            revents: 0,
        }
    }

    /// Whether there is something to do, or the descriptor is at its end.
    pub(crate) fn is_ready(self) -> bool {
        self.revents != 0
    }
}

/// 1,024 bits, as the C libraries of Linux have it.
#[repr(C)]
struct SignalSet([c_ulong; 1024 / c_ulong::BITS as usize]);

/// struct rusage: two times of two words, then fourteen words.
#[repr(C)]
struct ResourceUsage([c_long; 18]);

unsafe extern "C" {
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn wait4(pid: c_int, status: *mut c_int, options: c_int, usage: *mut ResourceUsage) -> c_int;
    fn signalfd(fd: c_int, mask: *const SignalSet, flags: c_int) -> c_int;
    fn sigemptyset(set: *mut SignalSet) -> c_int;
    fn sigaddset(set: *mut SignalSet, signal: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut c_void) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn dup2(old: c_int, new: c_int) -> c_int;
    #[link_name = "kill"]
    fn c_kill(pid: c_int, signal: c_int) -> c_int;
    fn getuid() -> u32;
    fn execve(
        path: *const c_char,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> c_int;
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Waits until a descriptor is ready or the time is up.
pub(crate) fn wait_ready(fds: &mut [PollFd], timeout: Option<Duration>) -> io::Result<()> {
    // Rounded up, or the last fraction of a millisecond would be spent spinning.
    let millis = timeout.map_or(-1, |left| {
        left.as_millis()
            .saturating_add(1)
            .try_into()
            .unwrap_or(c_int::MAX)
    });
    // SAFETY: the pointer and the count are those of one slice, borrowed mutably for the call.
    match check(unsafe { poll(fds.as_mut_ptr(), fds.len() as c_ulong, millis) }) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        other => other.map(drop),
    }
}

/// A process that ended.
pub(crate) struct Reaped {
    pub(crate) pid: u32,
    pub(crate) status: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) peak_memory: u64,
    pub(crate) cpu_micros: u64,
}

/// The next child, adopted ones included, that has ended; none where all still run.
pub(crate) fn reap() -> Option<Reaped> {
    let mut status = 0;
    let mut usage = ResourceUsage([0; 18]);
    // SAFETY: both pointers are to live locals of the layout that the call writes.
    let pid = unsafe { wait4(-1, &raw mut status, WNOHANG, &raw mut usage) };
    let pid = u32::try_from(pid).ok().filter(|pid| *pid != 0)?;
    let signal = status & 0x7f;
    let [user, user_micros, system, system_micros, peak_kib, ..] =
        usage.0.map(|word| u64::try_from(word).unwrap_or(0));
    Some(Reaped {
        pid,
        status: (signal == 0).then_some((status >> 8) & 0xff),
        signal: (signal != 0).then_some(signal),
        peak_memory: peak_kib * 1024,
        cpu_micros: (user + system) * 1_000_000 + user_micros + system_micros,
    })
}

/// Blocks the signals that the program answers to, and returns a descriptor that can be read when one is there.
pub(crate) fn signal_descriptor() -> io::Result<File> {
    let mut set = SignalSet([0; 1024 / c_ulong::BITS as usize]);
    // SAFETY: `set` is a live signal set; the descriptor is new and owned by the file that is made of it.
    unsafe {
        check(sigemptyset(&raw mut set))?;
        check(sigaddset(&raw mut set, SIGCHLD))?;
        check(sigaddset(&raw mut set, SIGTERM))?;
        check(sigprocmask(SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
        Ok(File::from_raw_fd(check(signalfd(
            -1,
            &raw const set,
            SFD_FLAGS,
        ))?))
    }
}

/// Keeps the sandbox's processes out of this program's descriptors and memory (`/proc/1/fd`), and makes orphans its
/// children where it is not process 1.
pub(crate) fn protect() {
    // SAFETY: both options take an integer and touch only this process.
    unsafe {
        prctl(
            PR_SET_DUMPABLE,
            0 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
        );
        prctl(
            PR_SET_CHILD_SUBREAPER,
            1 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
            0 as c_ulong,
        );
    }
}

/// Makes reads and writes return at once.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the descriptor is open for the length of the calls; the commands take and return integers.
    unsafe {
        let flags = check(fcntl(fd.as_raw_fd(), F_GETFL))?;
        check(fcntl(fd.as_raw_fd(), F_SETFL, flags | O_NONBLOCK)).map(drop)
    }
}

/// Moves a standard descriptor to one that no child inherits, and puts `/dev/null` in its place.
pub(crate) fn take_standard(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the duplicate is new, so it has no other owner; dup2 replaces a descriptor that nothing else here uses.
    unsafe {
        let own = OwnedFd::from_raw_fd(check(fcntl(fd, F_DUPFD_CLOEXEC, 3 as c_int))?);
        if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
            check(dup2(null.as_raw_fd(), fd))?;
        }
        Ok(own)
    }
}

/// Sends a signal to a process, a group (negative) or everything (-1).
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { c_kill(pid, signal) }).map(drop)
}

/// The user that the sandbox runs as.
pub(crate) fn user() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { getuid() }
}

/// A program with its arguments and environment, ready for execve(2).
pub(crate) struct Program {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    /// None where the program must be looked for in `PATH`, or something holds a NUL.
    pub(crate) fn new(argv: &[String], env: &[(String, String)]) -> Option<Self> {
        let path = argv.first().filter(|path| path.contains('/'))?;
        let environment = env
            .iter()
            .map(|(name, value)| CString::new(format!("{name}={value}")));
        Some(Self {
            path: CString::new(path.as_str()).ok()?,
            arguments: argv
                .iter()
                .map(|text| CString::new(text.as_str()).ok())
                .collect::<Option<_>>()?,
            environment: environment.collect::<Result<_, _>>().ok()?,
        })
    }

    /// Becomes the program; returns only when that fails. The standard library's way would give a file that is no
    /// program to the shell, which Lambda does not.
    fn exec(&self) -> io::Error {
        let pointers = |texts: &[CString]| {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([std::ptr::null()]).collect::<Vec<_>>()
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        // SAFETY: three pointers to NUL-terminated data that outlives the call, the arrays ended by a null pointer.
        unsafe { execve(self.path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// Lets a child undo between fork and exec what this program set for itself: the signal mask, the protection of its
/// `/proc` entries. The child is also made the first to go when memory runs out.
pub(crate) fn prepare_child(command: &mut Command, program: Option<Program>) {
    let prepare = move || {
        let none = SignalSet([0; 1024 / c_ulong::BITS as usize]);
        // SAFETY: both calls are safe between fork and exec, and touch only the child.
        unsafe {
            check(sigprocmask(
                SIG_SETMASK,
                &raw const none,
                std::ptr::null_mut(),
            ))?;
            prctl(
                PR_SET_DUMPABLE,
                1 as c_ulong,
                0 as c_ulong,
                0 as c_ulong,
                0 as c_ulong,
            );
        }
        // Only raised, which everyone may; where it cannot be, the supervisor may be chosen, and the channel tells.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        program
            .as_ref()
            .map_or(Ok(()), |program| Err(program.exec()))
    };
    // SAFETY: what the closure allocates cannot wait for a lock of another thread: the program has one.
    unsafe { command.pre_exec(prepare) };
}
