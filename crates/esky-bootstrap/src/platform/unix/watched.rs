//! Running the program of a trial as a child: only the parent of a process knows how it really ends.
//!
//! To everybody else it looks as if this process were the program: signals are passed on, stopping and continuing
//! works, and the end is the same, be it an exit code or a signal. It lasts for the few starts that a trial has; all
//! later ones become the program directly.
#![allow(unsafe_code)]

use super::file::Descriptor;
use super::last_error;
use super::process::Process;
use crate::platform::Watch;
use core::ffi::c_int;
use core::mem::{MaybeUninit, zeroed};
use core::ptr;

/// Signals that are for this process.
#[cfg(target_os = "linux")]
const OWN: [c_int; 3] = [libc::SIGCHLD, libc::SIGALRM, TOLD];
#[cfg(not(target_os = "linux"))]
const OWN: [c_int; 4] = [libc::SIGCHLD, libc::SIGALRM, TOLD, libc::SIGINFO];
/// The signals that are passed on.
const PASSED_ON: [c_int; 9] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGCONT,
    libc::SIGWINCH,
];
/// By this signal the program says that it has become another version. Linux queues signals from 34 on, and discards a second
/// one of a lower number while the first one waits: but what was said last counts. The number is a fixed one, because the C
/// libraries do not agree where theirs begin.
#[cfg(target_os = "linux")]
const TOLD: c_int = 50;
/// Elsewhere nothing is queued. The other signal has the higher number, so that it is delivered last.
#[cfg(not(target_os = "linux"))]
const TOLD: c_int = libc::SIGURG;
/// What shells add to the number of the signal that ended a program.
const EXIT_BY_SIGNAL: c_int = 128;

/// What a watcher asks of the app directory.
pub(super) trait Watcher {
    /// The watch over the trial that is going on now.
    fn watch(&self) -> Option<Watch>;
    /// Confirms a trial, unless the app has said that it does that itself.
    fn confirm(&self, watch: &Watch);
}

/// Starts the program, waits for its end and gives its exit code; the system's error number if it does not start.
///
/// The trial is confirmed when the program has run for the time of the watch or has exited with 0. A program that starts
/// the app anew becomes the start-up program and then the newest version, as the same child of this process: so there
/// is never more than one watcher. It says so ([`tell`]), and this process watches the next trial, if there is one. The
/// lock of the version that was started first is then given back.
pub(super) fn run(
    process: &Process,
    path: &[u8],
    watch: &Watch,
    watcher: &impl Watcher,
    lock: &mut Option<Descriptor>,
) -> Result<i32, c_int> {
    let signals = Signals::take_over();
    let child = spawn(process, path, &signals)?;
    set_alarm(watch.seconds);
    let mut pending = Some(watch.clone());
    let mut watch_what_follows = |watch_again: bool, pending: &mut Option<Watch>| {
        *lock = None;
        *pending = watch_again.then(|| watcher.watch()).flatten();
        set_alarm(pending.as_ref().map_or(0, |watch| watch.seconds));
    };
    loop {
        let received = signals.next();
        let end = match received.signal {
            libc::SIGALRM => {
                if let Some(watch) = pending.take() {
                    watcher.confirm(&watch);
                }
                continue;
            }
            TOLD => {
                watch_what_follows(received.watch_again, &mut pending);
                continue;
            }
            libc::SIGCHLD => state_of(child),
            signal => {
                pass_on(child, signal, received.from_terminal);
                continue;
            }
        };
        match end {
            State::Running => {}
            State::Stopped => stop_as_well(child),
            State::Exited(code) => {
                // The system tells of the end first, although the program has said before what it was to become.
                while let Some(received) = signals.waiting() {
                    watch_what_follows(received.watch_again, &mut pending);
                }
                if let Some(watch) = pending.filter(|_| code == 0) {
                    watcher.confirm(&watch);
                }
                return Ok(code);
            }
            State::Killed(signal) => return Ok(die_by(signal, &signals)),
        }
    }
}

/// 0 takes the alarm back.
fn set_alarm(seconds: u32) {
    // SAFETY: no pointers.
    unsafe { libc::alarm(seconds) };
}

/// Tells the watcher of this process that this process becomes another version, and whether that is on trial.
#[cfg(target_os = "linux")]
pub(super) fn tell(watcher: libc::pid_t, watch_again: bool) {
    let value = libc::sigval {
        sival_ptr: ptr::without_provenance_mut(usize::from(watch_again)),
    };
    // SAFETY: the value is a number and not used as a pointer.
    unsafe { libc::sigqueue(watcher, TOLD, value) };
}

/// As above, where no value can be sent: another signal says that there is nothing to watch.
#[cfg(not(target_os = "linux"))]
pub(super) fn tell(watcher: libc::pid_t, watch_again: bool) {
    let signal = if watch_again { TOLD } else { libc::SIGINFO };
    // SAFETY: no pointers.
    unsafe { libc::kill(watcher, signal) };
}

/// A signal that this process got.
struct Received {
    signal: c_int,
    /// The terminal sent it, which sends it to the child too.
    from_terminal: bool,
    /// For [`TOLD`]: the program has become a version on trial.
    watch_again: bool,
}

impl Received {
    #[cfg(target_os = "linux")]
    fn of(signal: c_int, information: &libc::siginfo_t) -> Self {
        let has_value = information.si_code == libc::SI_QUEUE;
        // SAFETY: a signal that was queued with a value has one.
        let value = has_value.then(|| unsafe { information.si_value().sival_ptr });
        Self {
            signal,
            from_terminal: information.si_code > 0,
            watch_again: value.is_some_and(|value| !value.is_null()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(signal: c_int) -> Self {
        let of_terminals = [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGWINCH];
        let says_no = signal == libc::SIGINFO;
        Self {
            signal: if says_no { TOLD } else { signal },
            from_terminal: of_terminals.contains(&signal),
            watch_again: signal == TOLD,
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_for(set: &libc::sigset_t) -> c_int {
    let mut signal = MaybeUninit::<c_int>::zeroed();
    // SAFETY: both pointers are to valid variables, and zero is a valid number.
    unsafe {
        libc::sigwait(set, signal.as_mut_ptr());
        signal.assume_init()
    }
}

/// Signals that wait until they are asked for; what was set before is put back when this is dropped.
struct Signals {
    set: libc::sigset_t,
    mask_before: libc::sigset_t,
    child_before: libc::sigaction,
}

impl Signals {
    fn take_over() -> Self {
        // SAFETY: all-zero bytes are valid for these structures, and all pointers are to local variables. A parent may
        // have left SIGCHLD ignored: then nobody could wait for a child.
        unsafe {
            let mut taken: Self = zeroed();
            libc::sigemptyset(&raw mut taken.set);
            for signal in PASSED_ON.into_iter().chain(OWN) {
                libc::sigaddset(&raw mut taken.set, signal);
            }
            libc::sigprocmask(
                libc::SIG_BLOCK,
                &raw const taken.set,
                &raw mut taken.mask_before,
            );
            let mut default: libc::sigaction = zeroed();
            default.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(
                libc::SIGCHLD,
                &raw const default,
                &raw mut taken.child_before,
            );
            taken
        }
    }

    /// Waits for a signal.
    #[cfg(target_os = "linux")]
    fn next(&self) -> Received {
        let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
        loop {
            // SAFETY: both pointers are to valid variables; zeroed information is valid, and has a value or zero there.
            unsafe {
                let signal = libc::sigwaitinfo(&raw const self.set, information.as_mut_ptr());
                if signal > 0 {
                    return Received::of(signal, information.assume_init_ref());
                }
            }
        }
    }

    /// What the program has said and nobody has heard yet; the oldest first.
    #[cfg(target_os = "linux")]
    fn waiting(&self) -> Option<Received> {
        let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: all pointers are to valid variables; zeroed information is valid, and the time 0 means not to wait.
        unsafe {
            let mut told: libc::sigset_t = zeroed();
            libc::sigemptyset(&raw mut told);
            libc::sigaddset(&raw mut told, TOLD);
            let no_time: libc::timespec = zeroed();
            let signal = libc::sigtimedwait(
                &raw const told,
                information.as_mut_ptr(),
                &raw const no_time,
            );
            (signal > 0).then(|| Received::of(signal, information.assume_init_ref()))
        }
    }

    /// As above, for systems that do not tell who sent a signal: those that a terminal sends count as sent by it.
    #[cfg(not(target_os = "linux"))]
    fn next(&self) -> Received {
        Received::of(wait_for(&self.set))
    }

    /// As above.
    #[cfg(not(target_os = "linux"))]
    fn waiting(&self) -> Option<Received> {
        // SAFETY: all pointers are to local variables, and the signals are valid.
        unsafe {
            let mut all: libc::sigset_t = zeroed();
            libc::sigpending(&raw mut all);
            let mut told = [TOLD, libc::SIGINFO].into_iter();
            let signal = told.find(|signal| libc::sigismember(&raw const all, *signal) == 1)?;
            let mut only: libc::sigset_t = zeroed();
            libc::sigemptyset(&raw mut only);
            libc::sigaddset(&raw mut only, signal);
            Some(Received::of(wait_for(&only)))
        }
    }

    fn put_back(&self) {
        // SAFETY: both were filled in by the system.
        unsafe {
            libc::sigaction(libc::SIGCHLD, &raw const self.child_before, ptr::null_mut());
            libc::sigprocmask(
                libc::SIG_SETMASK,
                &raw const self.mask_before,
                ptr::null_mut(),
            );
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.put_back();
    }
}

/// Starts the child and waits until it has become the program. Through a pipe that closes itself then, it tells why it
/// could not. The same pipe tells the child whether this process still lives.
fn spawn(process: &Process, path: &[u8], signals: &Signals) -> Result<libc::pid_t, c_int> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return Err(last_error());
    }
    let (read, write) = (Descriptor(ends[0]), Descriptor(ends[1]));
    // SAFETY: no pointers.
    let watcher = unsafe { libc::getpid() };
    // SAFETY: the descriptors are open. This process has one thread, so the child may do what it likes after the fork.
    let child = unsafe {
        libc::fcntl(read.0, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(write.0, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fork()
    };
    match child {
        0 => {
            // Only this process reads, so the pipe breaks when it dies.
            drop(read);
            become_child(process, path, watcher, signals, &write)
        }
        -1 => Err(last_error()),
        _ => {
            drop(write);
            failure(&read).map_or(Ok(child), |code| {
                // SAFETY: our own child, which is about to exit.
                unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
                Err(code)
            })
        }
    }
}

fn become_child(
    process: &Process,
    path: &[u8],
    watcher: libc::pid_t,
    signals: &Signals,
    report: &Descriptor,
) -> ! {
    signals.put_back();
    if !dies_with_its_parent(report) {
        // SAFETY: no pointers. There is nobody left to tell.
        unsafe { libc::_exit(super::EXIT_CANNOT_START) }
    }
    let code = process.become_watched_program(path, watcher).to_ne_bytes();
    // SAFETY: pointer and length are those of `code`.
    unsafe {
        libc::write(report.0, code.as_ptr().cast(), code.len());
        libc::_exit(super::EXIT_CANNOT_START)
    }
}

/// Who kills the parent means the program. A parent that was killed before the system knew of that has left a broken pipe.
#[cfg(target_os = "linux")]
fn dies_with_its_parent(report: &Descriptor) -> bool {
    let mut question = libc::pollfd {
        fd: report.0,
        events: 0,
        revents: 0,
    };
    // SAFETY: no pointers in the first call; the second has one structure, and the time 0 means not to wait.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::poll(&raw mut question, 1, 0);
    }
    question.revents & libc::POLLERR == 0
}

/// Elsewhere nothing binds a child to its parent.
#[cfg(not(target_os = "linux"))]
fn dies_with_its_parent(_report: &Descriptor) -> bool {
    true
}

/// The error number that the child has sent, or `None` when it has become the program.
fn failure(report: &Descriptor) -> Option<c_int> {
    let mut code = [0; size_of::<c_int>()];
    loop {
        // SAFETY: pointer and length are those of `code`.
        let count = unsafe { libc::read(report.0, code.as_mut_ptr().cast(), code.len()) };
        match usize::try_from(count) {
            Ok(length) => return (length == code.len()).then(|| c_int::from_ne_bytes(code)),
            Err(_) if last_error() == libc::EINTR => {}
            Err(_) => return None,
        }
    }
}

enum State {
    Running,
    Stopped,
    Exited(c_int),
    Killed(c_int),
}

fn state_of(child: libc::pid_t) -> State {
    let mut status = 0;
    // SAFETY: the pointer is to a local variable.
    let found = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    if found != child {
        State::Running
    } else if libc::WIFSTOPPED(status) {
        State::Stopped
    } else if libc::WIFSIGNALED(status) {
        State::Killed(libc::WTERMSIG(status))
    } else {
        State::Exited(libc::WEXITSTATUS(status))
    }
}

fn pass_on(child: libc::pid_t, signal: c_int, from_terminal: bool) {
    if !from_terminal {
        // SAFETY: no pointers; the child has not been waited for, so the number is still its own.
        unsafe { libc::kill(child, signal) };
    }
}

/// A shell that stops the program waits for this process to stop; when it is continued, so is the program.
fn stop_as_well(child: libc::pid_t) {
    // SAFETY: no pointers. The second call happens when this process was continued.
    unsafe {
        libc::kill(libc::getpid(), libc::SIGSTOP);
        libc::kill(child, libc::SIGCONT);
    }
}

/// Ends this process by the signal that has ended the program, so that the caller sees the same; without a second
/// memory dump. Where that is not possible, the exit code that shells use.
fn die_by(signal: c_int, signals: &Signals) -> c_int {
    // SAFETY: the structures are valid, and the set holds a valid signal.
    unsafe {
        let none: libc::rlimit = zeroed();
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        let mut default: libc::sigaction = zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &raw const default, ptr::null_mut());
        signals.put_back();
        libc::kill(libc::getpid(), signal);
    }
    EXIT_BY_SIGNAL + signal
}
