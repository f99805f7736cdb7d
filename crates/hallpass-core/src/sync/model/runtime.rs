//! Runtimes that a test ends, or lets stand still, at any moment.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use super::Point;

pub(crate) type Id = u64;

/// A runtime. Its tasks are the checker's.
#[derive(Debug, Clone)]
pub(crate) struct Handle(Arc<Runtime>);

#[derive(Debug)]
struct Runtime {
    id: Id,
    point: Point,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    condition: Condition,
    /// Of tasks that are to look at the condition again.
    wakers: Vec<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Driven,
    StandsStill,
    Gone,
}

#[derive(Debug)]
pub(crate) struct NoRuntime;

shuttle::thread_local! {
    static CURRENT: RefCell<Option<Handle>> = RefCell::new(None);
}

/// What the thread was in before.
pub(crate) struct Entered(Option<Handle>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| *current.borrow_mut() = self.0.take());
    }
}

impl Handle {
    pub(crate) fn new() -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Runtime {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            point: Point::default(),
            inner: Mutex::new(Inner {
                condition: Condition::Driven,
                wakers: Vec::new(),
            }),
        }))
    }

    pub(crate) fn try_current() -> Result<Self, NoRuntime> {
        let current = CURRENT.with(|current| current.borrow().clone());
        current.ok_or(NoRuntime)
    }

    pub(crate) fn id(&self) -> Id {
        self.0.id
    }

    pub(crate) fn enter(&self) -> Entered {
        let this = self.clone();
        Entered(CURRENT.with(|current| current.borrow_mut().replace(this)))
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let entered = self.enter();
        let output = shuttle::future::block_on(future);
        drop(entered);
        output
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> JoinHandle {
        let abort = AbortHandle {
            aborted: Arc::default(),
            runtime: self.clone(),
        };
        let task = Task {
            abort: abort.clone(),
            future: Some(Box::pin(future)),
        };
        self.0.point.pass();
        if self.condition() == Condition::Gone {
            // As tokio: dropped at once, by whoever spawns.
            drop(task);
        } else {
            // Never detached: a schedule is over when every task is.
            std::mem::forget(shuttle::future::spawn(task));
        }
        JoinHandle(abort)
    }

    /// Its tasks are dropped, each wherever it stands.
    pub(crate) fn shut_down(&self) {
        self.become_(Condition::Gone);
    }

    /// Nobody drives it for a while.
    pub(crate) fn stand_still(&self) {
        self.become_(Condition::StandsStill);
    }

    pub(crate) fn go_on(&self) {
        self.become_(Condition::Driven);
    }

    fn become_(&self, condition: Condition) {
        self.0.point.pass();
        self.0.inner.lock().unwrap().condition = condition;
        self.wake();
    }

    fn condition(&self) -> Condition {
        self.0.inner.lock().unwrap().condition
    }

    fn wake(&self) {
        let wakers = std::mem::take(&mut self.0.inner.lock().unwrap().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

pub(crate) struct JoinHandle(AbortHandle);

impl JoinHandle {
    pub(crate) fn abort_handle(&self) -> AbortHandle {
        self.0.clone()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct AbortHandle {
    aborted: Arc<AtomicBool>,
    runtime: Handle,
}

impl AbortHandle {
    pub(crate) fn abort(&self) {
        self.runtime.0.point.pass();
        self.aborted.store(true, Ordering::SeqCst);
        self.runtime.wake();
    }
}

struct Task {
    abort: AbortHandle,
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let runtime = self.abort.runtime.clone();
        let waker = context.waker().clone();
        runtime.0.inner.lock().unwrap().wakers.push(waker);
        let condition = runtime.condition();
        if condition == Condition::StandsStill {
            return Poll::Pending;
        }
        let entered = runtime.enter();
        let aborted = self.abort.aborted.load(Ordering::SeqCst);
        let polled = match &mut self.future {
            Some(future) if condition == Condition::Driven && !aborted => {
                future.as_mut().poll(context)
            }
            _ => Poll::Ready(()),
        };
        if polled.is_ready() {
            // Within the runtime, as tokio drops it.
            self.future = None;
        }
        drop(entered);
        polled
    }
}
