//! [`ReplayBody`]: a body that can be sent a second time.

use std::{
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use hallpass_core::BoxError;
use http_body::{Body, Frame, SizeHint};

/// How much of a body is kept for a replay, unless set otherwise: 64 KiB, more than nearly every
/// API call and gRPC message, and little enough for a thousand calls at once.
pub const REPLAY_LIMIT: usize = 64 * 1024;

/// A body whose frames are kept as they go by, to be sent again.
///
/// The bytes are shared, not copied. A body of known length that fits is asked for its first frame
/// right before it is sent; where that is all of it, as with bytes in memory, nothing else is
/// needed. Streaming bodies work too: if a server answers before it has read everything, the replay
/// sends what was kept and goes on with the rest of the original. Past the limit everything kept is
/// let go, and the request can't be replayed any more.
pub struct ReplayBody<B>(Kind<B>);

enum Kind<B> {
    /// Nothing to send; nothing is shared.
    Empty,
    /// All of it, until it is sent.
    Whole(Bytes),
    /// It failed before it was sent.
    Failed(Option<BoxError>),
    /// Not kept, because the request takes no credential of ours.
    Passing(B),
    Kept(Handle<B>),
}

/// One sending of a shared body.
struct Handle<B> {
    shared: Arc<Mutex<Shared<B>>>,
    /// Which sending it is. Only the latest may take frames from the original.
    turn: u8,
    /// How many of the kept frames it has sent.
    sent: usize,
}

pub(crate) struct Shared<B> {
    original: B,
    turn: u8,
    /// What it said of its length before it was asked for anything.
    announced: Option<u64>,
    kept: Vec<Frame<Bytes>>,
    /// Bytes kept.
    size: usize,
    limit: usize,
    state: State,
    /// Who waits for the original's next frame.
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Frames come and are kept.
    Keeping,
    /// The original has ended and all of it is kept.
    Ended,
    /// Something is lost: it was too long, or failed.
    Lost,
}

/// What stays with the request's future to send the body again.
#[doc(hidden)]
pub struct Original<B>(Rest<B>);

enum Rest<B> {
    Empty,
    Whole(Bytes),
    Failed,
    Shared(Arc<Mutex<Shared<B>>>),
}

/// Nothing to send; a redirect follower below asks for it.
impl<B> Default for ReplayBody<B> {
    fn default() -> Self {
        Self(Kind::Empty)
    }
}

impl<B> ReplayBody<B> {
    pub(crate) fn passing(body: B) -> Self {
        Self(Kind::Passing(body))
    }
}

impl<B> ReplayBody<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    #[inline]
    pub(crate) fn keeping(mut body: B, limit: usize) -> (Self, Original<B>) {
        if body.is_end_stream() {
            return (Self(Kind::Empty), Original(Rest::Empty));
        }
        let announced = body.size_hint().exact();
        let Some(length) = announced.filter(|length| *length <= limit as u64) else {
            return Self::sharing(body, limit, announced, None);
        };
        // If it is pending, whoever sends it polls it again.
        let mut context = Context::from_waker(Waker::noop());
        let first = match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(mut data) => {
                    let data = data.copy_to_bytes(data.remaining());
                    // Of another length, it is for the client to find out, as without us.
                    if data.len() as u64 == length && body.is_end_stream() {
                        return (Self(Kind::Whole(data.clone())), Original(Rest::Whole(data)));
                    }
                    Some(Frame::data(data))
                }
                Err(trailers) => Some(in_bytes(trailers)),
            },
            Poll::Ready(Some(Err(error))) => return Self::failed(error.into()),
            Poll::Ready(None) if length > 0 => {
                return Self::failed(format!("the body said {length} bytes and has none").into());
            }
            Poll::Ready(None) => return (Self(Kind::Empty), Original(Rest::Empty)),
            Poll::Pending => None,
        };
        Self::sharing(body, limit, announced, first)
    }

    /// The same for a body that is not sent yet, and so not to be asked for anything.
    pub(crate) fn keeping_unread(body: B, limit: usize) -> (Self, Original<B>) {
        if body.is_end_stream() {
            return (Self(Kind::Empty), Original(Rest::Empty));
        }
        let announced = body.size_hint().exact();
        Self::sharing(body, limit, announced, None)
    }

    fn failed(error: BoxError) -> (Self, Original<B>) {
        (Self(Kind::Failed(Some(error))), Original(Rest::Failed))
    }

    /// `first` was taken from it already.
    fn sharing(
        body: B,
        limit: usize,
        announced: Option<u64>,
        first: Option<Frame<Bytes>>,
    ) -> (Self, Original<B>) {
        let mut shared = Shared {
            original: body,
            turn: 0,
            announced,
            kept: Vec::new(),
            size: 0,
            limit,
            state: State::Keeping,
            waiting: None,
        };
        // It is sent even if it belies the announced length.
        if let Some(frame) = first
            && !shared.keep(&frame)
        {
            shared.kept.push(frame);
        }
        let shared = Arc::new(Mutex::new(shared));
        let handle = Handle {
            shared: Arc::clone(&shared),
            turn: 0,
            sent: 0,
        };
        (Self(Kind::Kept(handle)), Original(Rest::Shared(shared)))
    }
}

impl<B> Original<B> {
    pub(crate) fn is_whole(&self) -> bool {
        match &self.0 {
            Rest::Empty | Rest::Whole(_) => true,
            Rest::Failed => false,
            Rest::Shared(shared) => lock(shared).state != State::Lost,
        }
    }

    /// The body from its start. A sending before it that still asks the original fails from now on.
    pub(crate) fn again(&self) -> Option<ReplayBody<B>> {
        let shared = match &self.0 {
            Rest::Empty => return Some(ReplayBody(Kind::Empty)),
            Rest::Whole(data) => return Some(ReplayBody(Kind::Whole(data.clone()))),
            Rest::Failed => return None,
            Rest::Shared(shared) => shared,
        };
        let mut state = lock(shared);
        if state.state == State::Lost {
            return None;
        }
        state.turn += 1;
        let again = Handle {
            shared: Arc::clone(shared),
            turn: state.turn,
            sent: 0,
        };
        let waiting = state.waiting.take();
        drop(state);
        // The sending before it has to find out, or its connection waits for ever.
        if let Some(waker) = waiting {
            waker.wake();
        }
        Some(ReplayBody(Kind::Kept(again)))
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(data) if data.is_empty() => Poll::Ready(None),
            Kind::Whole(data) => Poll::Ready(Some(Ok(Frame::data(mem::take(data))))),
            Kind::Failed(error) => Poll::Ready(error.take().map(Err)),
            Kind::Passing(body) => poll_bytes(body, context),
            Kind::Kept(handle) => handle.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Whole(data) => data.is_empty(),
            Kind::Failed(error) => error.is_none(),
            Kind::Passing(body) => body.is_end_stream(),
            Kind::Kept(handle) => {
                let shared = lock(&handle.shared);
                handle.turn == shared.turn
                    && handle.sent >= shared.kept.len()
                    && (shared.state == State::Ended || shared.original.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(data) => SizeHint::with_exact(data.len() as u64),
            Kind::Failed(_) => SizeHint::new(),
            Kind::Passing(body) => body.size_hint(),
            Kind::Kept(handle) => handle.size_hint(),
        }
    }
}

impl<B> Handle<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut shared = lock(&self.shared);
        if shared.turn != self.turn {
            return Poll::Ready(Some(Err("the request was replayed elsewhere".into())));
        }
        // What is past the limit already only waits to be sent.
        if shared.state == State::Lost
            && let Some(frame) = shared.kept.pop()
        {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(frame) = shared.kept.get(self.sent) {
            self.sent += 1;
            return Poll::Ready(Some(Ok(copy(frame))));
        }
        if shared.state == State::Ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(next) = poll_bytes(&mut shared.original, context) else {
            shared.waiting = Some(context.waker().clone());
            return Poll::Pending;
        };
        match &next {
            Some(Ok(frame)) if shared.keep(frame) => self.sent += 1,
            Some(Err(_)) => shared.let_go(),
            None if shared.state == State::Keeping => shared.state = State::Ended,
            Some(Ok(_)) | None => {}
        }
        Poll::Ready(next)
    }
}

impl<B: Body> Handle<B> {
    fn size_hint(&self) -> SizeHint {
        let shared = lock(&self.shared);
        if let (0, Some(length)) = (self.sent, shared.announced) {
            return SizeHint::with_exact(length);
        }
        let kept: usize = shared.kept[self.sent.min(shared.kept.len())..]
            .iter()
            .filter_map(|frame| frame.data_ref().map(Bytes::len))
            .sum();
        let rest = shared.original.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(kept as u64));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(kept as u64));
        }
        hint
    }
}

impl<B> Shared<B> {
    fn keep(&mut self, frame: &Frame<Bytes>) -> bool {
        // Trailers count as one byte each way: they are few, and never what fills memory.
        let length = frame.data_ref().map_or(1, Bytes::len);
        if length == 0 {
            return false;
        }
        if self.state != State::Keeping || self.size.saturating_add(length) > self.limit {
            self.let_go();
            return false;
        }
        self.size += length;
        self.kept.push(copy(frame));
        true
    }

    fn let_go(&mut self) {
        self.state = State::Lost;
        self.kept = Vec::new();
    }
}

fn copy(frame: &Frame<Bytes>) -> Frame<Bytes> {
    match (frame.data_ref(), frame.trailers_ref()) {
        (Some(data), _) => Frame::data(data.clone()),
        (None, trailers) => Frame::trailers(trailers.cloned().unwrap_or_default()),
    }
}

fn poll_bytes<B>(
    body: &mut B,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let polled = Pin::new(body).poll_frame(context);
    polled.map(|next| next.map(|outcome| outcome.map(in_bytes).map_err(Into::into)))
}

fn in_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

/// Never contended for long: it is held for one poll of the body.
fn lock<B>(shared: &Mutex<Shared<B>>) -> MutexGuard<'_, Shared<B>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}

impl<B> fmt::Debug for Original<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Original").finish_non_exhaustive()
    }
}
