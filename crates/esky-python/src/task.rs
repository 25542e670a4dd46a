//! Work on a thread of its own, seen from Python as an iterator over events with a result at its end.

mod calls;
mod finder;

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use esky::{CancelToken, Event, Monitor};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::bridge::{Bridge, Call, mailbox};
use crate::failure::Failure;
use calls::PythonSide;

pub(crate) use calls::{PythonParts, header_list};

/// How often a waiting thread looks for Ctrl-C and for its cancel token.
const POLL: Duration = Duration::from_millis(50);
/// How long a cancelled task may take to end before it is left alone.
const GRACE: Duration = Duration::from_millis(120);

/// Sends to the thread that waits for a worker.
pub(crate) type Outbox = Sender<Message>;

/// What a worker tells the thread that waits for it.
pub(crate) enum Message {
    Event(RawEvent),
    Call(Call),
    Finished(Outcome),
}

/// Phase, bytes done, bytes in total, version, message.
type RawEvent = (
    &'static str,
    u64,
    Option<u64>,
    Option<String>,
    Option<String>,
);
type Outcome = Result<Convert, Failure>;
type Convert = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// What happened in a task: a step of the native core, or a status that a finder written in Python has told.
pub(crate) enum Step {
    Event(RawEvent),
    Status(Py<PyAny>),
}

/// What the work needs besides its own arguments.
#[derive(Default)]
pub(crate) struct Setting {
    /// Cancels the work from outside.
    pub(crate) cancel: Option<CancelToken>,
    /// What of it runs in Python.
    pub(crate) python: PythonParts,
    /// How long the work may take to end after Ctrl-C, if it needs longer than usual.
    pub(crate) grace: Option<Duration>,
}

/// Work on a thread of its own. Iterate over its events, then ask for its result.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct Task {
    state: Mutex<State>,
    own_cancel: CancelToken,
    outer_cancel: Option<CancelToken>,
    python: Mutex<PythonSide>,
    grace: Duration,
}

struct State {
    inbox: Receiver<Message>,
    outcome: Option<Outcome>,
    ended: bool,
}

impl Task {
    /// Starts the work.
    pub(crate) fn spawn<T, Work>(setting: Setting, work: Work) -> PyResult<Self>
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        Work: FnOnce(&Monitor) -> Result<T, Failure> + Send + 'static,
    {
        let (outbox, inbox) = mailbox();
        let own_cancel = CancelToken::new();
        let monitor = monitor(outbox.clone(), own_cancel.clone());
        let opens_urls = setting.python.open_url.is_some();
        let worker = move || {
            Bridge::install(outbox.clone(), opens_urls);
            let outcome = without_panic(|| work(&monitor))
                .map(|value| Box::new(move |py: Python<'_>| value.into_py_any(py)) as Convert);
            let _ = outbox.send(Message::Finished(outcome));
        };
        thread::Builder::new()
            .name("esky".to_owned())
            .spawn(worker)?;
        Ok(Self {
            state: Mutex::new(State {
                inbox,
                outcome: None,
                ended: false,
            }),
            own_cancel,
            outer_cancel: setting.cancel,
            python: Mutex::new(PythonSide::new(setting.python)),
            grace: setting.grace.unwrap_or(GRACE),
        })
    }

    /// Waits for the end, and returns the result.
    pub(crate) fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        while self.next_step(py)?.is_some() {}
        let outcome = locked(&self.state).outcome.take();
        match outcome {
            Some(Ok(convert)) => convert(py),
            Some(Err(failure)) => Err(failure.into_exception(py)),
            None => Err(PyRuntimeError::new_err("the result was taken already")),
        }
    }

    /// Waits for the next step, doing in Python what the worker asks for; `None` at the end.
    fn next_step(&self, py: Python<'_>) -> PyResult<Option<Step>> {
        loop {
            match self.next_message(py)? {
                Some(Message::Event(event)) => return Ok(Some(Step::Event(event))),
                Some(Message::Call(call)) => {
                    if let Some(status) = self.answer(py, call)? {
                        return Ok(Some(Step::Status(status)));
                    }
                }
                Some(Message::Finished(outcome)) => self.end(outcome),
                None => return Ok(None),
            }
        }
    }

    fn next_message(&self, py: Python<'_>) -> PyResult<Option<Message>> {
        loop {
            self.pass_on_cancel();
            match py.detach(|| self.receive(POLL)) {
                Received::Message(message) => return Ok(Some(message)),
                Received::End => return Ok(None),
                Received::NothingYet => {}
            }
            if let Err(interrupt) = py.check_signals() {
                self.give_up(py);
                return Err(interrupt);
            }
        }
    }

    fn receive(&self, patience: Duration) -> Received {
        let state = locked(&self.state);
        if state.ended {
            return Received::End;
        }
        match state.inbox.recv_timeout(patience) {
            Ok(message) => Received::Message(message),
            Err(RecvTimeoutError::Timeout) => Received::NothingYet,
            Err(RecvTimeoutError::Disconnected) => Received::Message(Message::Finished(Err(
                Failure::internal("a worker thread ended without a result"),
            ))),
        }
    }

    fn pass_on_cancel(&self) {
        if self
            .outer_cancel
            .as_ref()
            .is_some_and(CancelToken::is_cancelled)
        {
            self.own_cancel.cancel();
        }
    }

    fn answer(&self, py: Python<'_>, call: Call) -> PyResult<Option<Py<PyAny>>> {
        // Another thread in here would wait for this lock with the interpreter's lock held.
        let answered = match self.python.try_lock() {
            Ok(mut python) => inside_answer(|| python.answer(py, call)),
            Err(_) => Err(PyRuntimeError::new_err(
                "two threads wait for the same task",
            )),
        };
        if answered.is_err() {
            self.give_up(py);
        }
        answered
    }

    fn end(&self, outcome: Outcome) {
        let mut state = locked(&self.state);
        if !state.ended {
            state.outcome = Some(outcome);
            state.ended = true;
        }
    }

    /// Cancels, and waits a moment for the end. A worker that hangs in the network is left to itself: it holds nothing
    /// of Python, and what it tells goes nowhere.
    fn give_up(&self, py: Python<'_>) {
        self.own_cancel.cancel();
        let deadline = Instant::now() + self.grace;
        let is_long = self.grace > GRACE;
        // A second Ctrl-C ends a long wait; after a short one Python sees it by itself.
        while Instant::now() < deadline && !(is_long && py.check_signals().is_err()) {
            match py.detach(|| self.receive(POLL)) {
                Received::Message(Message::Finished(outcome)) => self.end(outcome),
                Received::End => return,
                // Events nobody waits for; calls without an answer fail.
                Received::Message(_) | Received::NothingYet => {}
            }
        }
        self.end(Err(Failure::from(esky::Error::Cancelled)));
    }
}

enum Received {
    Message(Message),
    NothingYet,
    End,
}

#[pymethods]
impl Task {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// A tuple for a step of the native core, a dictionary for a status of a finder written in Python.
    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match self.next_step(py)? {
            Some(Step::Event(event)) => event.into_py_any(py).map(Some),
            Some(Step::Status(status)) => Ok(Some(status)),
            None => Ok(None),
        }
    }

    fn __enter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    #[pyo3(signature = (_kind, _value, _trace, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: Option<Bound<'_, PyAny>>,
        _value: Option<Bound<'_, PyAny>>,
        _trace: Option<Bound<'_, PyAny>>,
    ) {
        self.cancel(py);
    }

    /// Waits for the end and returns the result, or raises what went wrong.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.finish(py)
    }

    /// Stops the work at the next safe point, and waits a moment for it.
    fn cancel(&self, py: Python<'_>) {
        if !locked(&self.state).ended {
            self.give_up(py);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.own_cancel.cancel();
    }
}

thread_local! {
    /// How many calls of tasks this thread is answering.
    static ANSWERING: Cell<u32> = const { Cell::new(0) };
}

/// Whether Python code runs that a task has asked for. The work of that task holds the app for it.
pub(crate) fn is_answering() -> bool {
    ANSWERING.get() > 0
}

fn inside_answer<T>(answer: impl FnOnce() -> T) -> T {
    ANSWERING.set(ANSWERING.get() + 1);
    let answered = answer();
    ANSWERING.set(ANSWERING.get() - 1);
    answered
}

/// Runs something without the interpreter's lock; a panic becomes an `InternalError`.
pub(crate) fn detached<T: Send, E: Into<Failure>>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send,
) -> PyResult<T> {
    py.detach(|| without_panic(|| work().map_err(Into::into)))
        .map_err(|failure| failure.into_exception(py))
}

fn without_panic<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Nothing that the closure could have left half-done is used after a panic.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Failure::internal(&panic_text(&*panic))))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
        .to_owned()
}

fn monitor(outbox: Outbox, cancel: CancelToken) -> Monitor {
    // Sender is Sync, so events may come from any thread of the work.
    let tell = move |event: &Event| {
        if let Some(raw) = raw_event(event) {
            let _ = outbox.send(Message::Event(raw));
        }
    };
    Monitor::new(tell).with_cancel(cancel)
}

fn raw_event(event: &Event) -> Option<RawEvent> {
    let raw = match event {
        Event::Searching => ("searching", 0, None, None, None),
        Event::Found { version } => ("found", 0, None, Some(version.clone()), None),
        Event::ClockBehind { now, last_check } => {
            let message = format!(
                "the clock of this machine says {now}, which is earlier than the last check for updates on {last_check}"
            );
            ("clock behind", 0, None, None, Some(message))
        }
        Event::Planned { way, bytes } => ("planned", 0, Some(*bytes), None, Some(way.to_string())),
        Event::Downloading { received, total } => ("downloading", *received, *total, None, None),
        Event::Retrying { cause } => ("retrying", 0, None, None, Some(cause.clone())),
        Event::Unpacking { done, total } => ("unpacking", *done, Some(*total), None, None),
        Event::Verifying { done, total } => ("verifying", *done, Some(*total), None, None),
        Event::Ready { path } => (
            "ready",
            0,
            None,
            None,
            Some(path.to_string_lossy().into_owned()),
        ),
        Event::Installing { version } => ("installing", 0, None, Some(version.clone()), None),
        Event::LeftBehind { cause } => ("left behind", 0, None, None, Some(cause.clone())),
        Event::Kept(kept) => (
            "kept",
            kept.bytes,
            Some(kept.bytes),
            Some(kept.version.clone()),
            Some(kept.directory.to_string_lossy().into_owned()),
        ),
        Event::CleaningUp => ("cleaning up", 0, None, None, None),
        Event::Done => ("done", 0, None, None, None),
        _ => return None,
    };
    Some(raw)
}

/// The value behind a lock. What a panic interrupted is consistent here: each critical section is one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
