//! [`Sending`]: one way of a body through the client, and [`Shared`], what all of them have in
//! common.

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use hallpass_core::BoxError;
use http_body::{Body, Frame, SizeHint};

use super::kept::{Kept, in_bytes, weight};

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// The original, and what was kept of it.
pub(crate) struct Shared<B>(Mutex<State<B>>);

struct State<B> {
    original: B,
    limit: usize,
    kept: Kept,
    progress: Progress,
    /// What the original said of its length before it was asked for anything.
    announced: Option<SizeHint>,
    /// Raised by a replay, which ends every sending from before.
    epoch: u32,
    /// The sending that began last. It alone may ask the original.
    turn: u32,
    /// Who waits for the original's next frame.
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// All frames so far are kept, and more may come.
    Keeping,
    /// The original has ended, and all of it is kept.
    Ended,
    /// Something was not kept: it was too long, it failed, or nobody could ask for it again.
    Lost,
}

/// One sending. It announces, from the start, what the first one did.
pub(crate) struct Sending<B> {
    shared: Arc<Shared<B>>,
    epoch: u32,
    /// Taken with the first poll.
    turn: Option<u32>,
    /// How many of the kept bytes it has sent.
    sent: usize,
    sent_trailers: bool,
}

impl<B> Shared<B> {
    pub(super) fn new(original: B, limit: usize) -> Self {
        Self(Mutex::new(State {
            original,
            limit,
            kept: Kept::default(),
            progress: Progress::Keeping,
            announced: None,
            epoch: 0,
            turn: 0,
            waiting: None,
        }))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.lock().progress != Progress::Lost
    }

    /// Never contended for long: it is held for one poll of the body.
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Sending<B> {
    pub(super) fn new(shared: Arc<Shared<B>>) -> Self {
        Self {
            shared,
            epoch: 0,
            turn: None,
            sent: 0,
            sent_trailers: false,
        }
    }

    /// A sending that ends all those before it.
    pub(super) fn again(shared: &Arc<Shared<B>>) -> Option<Self> {
        let mut state = shared.lock();
        if state.progress == Progress::Lost {
            return None;
        }
        state.epoch += 1;
        let epoch = state.epoch;
        let waiting = state.waiting.take();
        drop(state);
        // The sending before it has to find out, or its connection waits for ever.
        if let Some(waker) = waiting {
            waker.wake();
        }
        let shared = Arc::clone(shared);
        Some(Self {
            epoch,
            ..Self::new(shared)
        })
    }

    /// One more sending, beside this one.
    pub(super) fn try_clone(&self) -> Option<Self> {
        let state = self.shared.lock();
        let whole = state.progress != Progress::Lost && state.epoch == self.epoch;
        whole.then(|| Self {
            epoch: self.epoch,
            ..Self::new(Arc::clone(&self.shared))
        })
    }
}

impl<B> Sending<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    pub(super) fn poll_frame(&mut self, context: &mut Context<'_>) -> Polled {
        let alone = Arc::strong_count(&self.shared) == 1;
        let mut state = self.shared.lock();
        if state.epoch != self.epoch {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        let turn = match self.turn {
            Some(turn) => turn,
            None if state.progress == Progress::Lost => {
                return Poll::Ready(Some(Err(NotWhole.into())));
            }
            None => *self.turn.insert(state.begin()),
        };
        if let Some(data) = state.kept.from(self.sent) {
            self.sent += data.len();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = state.kept.trailers().filter(|_| !self.sent_trailers) {
            self.sent_trailers = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.clone()))));
        }
        if state.progress == Progress::Ended {
            return Poll::Ready(None);
        }
        if state.turn != turn {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        if alone {
            state.let_go();
        }
        let next = ready!(state.poll_original(context));
        if let Some(Ok(frame)) = &next {
            self.sent = state.kept.length();
            self.sent_trailers |= frame.is_trailers();
        }
        Poll::Ready(next)
    }
}

impl<B: Body> Sending<B> {
    pub(super) fn is_end_stream(&self) -> bool {
        let state = self.shared.lock();
        if state.epoch != self.epoch {
            return false;
        }
        match (self.turn, &state.announced) {
            (None, None) => state.original.is_end_stream(),
            // The first sending had a body, if an empty one, and so has this.
            (None, Some(_)) => false,
            (Some(turn), _) => {
                let all = self.sent >= state.kept.length()
                    && (self.sent_trailers || state.kept.trailers().is_none());
                let ended = state.progress == Progress::Ended
                    || (state.turn == turn && state.original.is_end_stream());
                all && ended
            }
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let state = self.shared.lock();
        let rest = state.original.size_hint();
        if self.sent == 0 && state.progress != Progress::Lost {
            return state.announced.as_ref().map_or(rest, SizeHint::clone);
        }
        let kept = state.kept.length().saturating_sub(self.sent) as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(kept));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(kept));
        }
        hint
    }
}

impl<B> State<B> {
    /// Whatever was kept can't be had again from now on.
    fn let_go(&mut self) {
        self.progress = Progress::Lost;
        self.kept = Kept::default();
    }

    fn has_room_for(&self, more: usize) -> bool {
        self.kept.length().saturating_add(more) <= self.limit
    }
}

impl<B> State<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// The number of a new sending, which may ask the original from now on.
    fn begin(&mut self) -> u32 {
        if self.announced.is_none() {
            self.announced = Some(self.original.size_hint());
        }
        self.turn += 1;
        self.turn
    }

    fn poll_original(&mut self, context: &mut Context<'_>) -> Polled {
        let Poll::Ready(next) = Pin::new(&mut self.original).poll_frame(context) else {
            self.waiting = Some(context.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(match next {
            Some(Ok(frame)) => {
                let at = frame.data_ref().map(|data| data.chunk().as_ptr());
                let frame = in_bytes(frame);
                self.keep(&frame, at);
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                self.let_go();
                Some(Err(error.into()))
            }
            None => {
                if self.progress == Progress::Keeping {
                    self.progress = Progress::Ended;
                }
                None
            }
        })
    }

    /// Keeps this frame, whose data was in this place before, or lets go of everything.
    fn keep(&mut self, frame: &Frame<Bytes>, place: Option<*const u8>) {
        // Nothing comes after trailers; if something does, it can't be repeated in its order.
        if self.progress != Progress::Keeping || self.kept.trailers().is_some() {
            return self.let_go();
        }
        match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) if data.is_empty() => {}
            (Some(data), _) => {
                let shared = place == Some(data.as_ptr());
                if self.has_room_for(data.len()) || (shared && self.is_all_of_it(data)) {
                    self.kept.push(data);
                } else {
                    self.let_go();
                }
            }
            (None, Some(trailers)) if self.has_room_for(weight(trailers)) => {
                self.kept.push_trailers(trailers);
            }
            (None, _) => self.let_go(),
        }
    }

    /// Whether these bytes were the whole body, in memory all along: then keeping them costs
    /// nothing, however many they are.
    fn is_all_of_it(&self, data: &Bytes) -> bool {
        let announced = self.announced.as_ref().and_then(SizeHint::exact);
        self.limit > 0 && announced == Some(data.len() as u64) && self.original.is_end_stream()
    }
}

/// Another sending has taken over.
#[derive(Debug)]
struct Superseded;

impl fmt::Display for Superseded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is replayed elsewhere")
    }
}

impl StdError for Superseded {}

/// The body can't be had from its beginning any more.
#[derive(Debug)]
pub(super) struct NotWhole;

impl fmt::Display for NotWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body can't be sent again: it was too long to be kept, or has failed")
    }
}

impl StdError for NotWhole {}
