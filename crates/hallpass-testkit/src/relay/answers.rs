//! [`Answers`]: where the head and the body of an answer lie in what a server sends.

/// Where an answer is to break off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    BeforeHead,
    AfterHead,
    InBody,
}

/// What a server sends, followed from the connection's first byte.
pub(super) enum Answers {
    Http1(Http1),
    Http2(Http2),
}

impl Answers {
    pub(super) fn new(http2: bool) -> Self {
        if http2 {
            Self::Http2(Http2::default())
        } else {
            Self::Http1(Http1::default())
        }
    }

    /// A request has passed, so that an answer comes next.
    pub(super) fn asked(&mut self) {
        if let Self::Http1(http1) = self {
            *http1 = Http1::default();
        }
    }

    /// Whether an answer has begun.
    pub(super) fn any(&self) -> bool {
        match self {
            Self::Http1(http1) => http1.begun,
            Self::Http2(http2) => http2.heads > 0,
        }
    }

    /// Follows what arrived; how much of it may pass, if an answer is to break off in it.
    pub(super) fn cut(&mut self, bytes: &[u8], at: Option<Point>) -> Option<usize> {
        match self {
            Self::Http1(http1) => http1.cut(bytes, at),
            Self::Http2(http2) => http2.cut(bytes, at),
        }
    }
}

const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// One answer, from its first byte.
#[derive(Default)]
pub(super) struct Http1 {
    /// How much of [`BLANK_LINE`] the head has ended with so far.
    matched: usize,
    begun: bool,
}

impl Http1 {
    fn cut(&mut self, bytes: &[u8], at: Option<Point>) -> Option<usize> {
        self.begun = true;
        if at == Some(Point::BeforeHead) {
            return Some(0);
        }
        let mut end = 0;
        while self.matched < BLANK_LINE.len() {
            let byte = bytes.get(end)?;
            self.matched = if BLANK_LINE[self.matched] == *byte {
                self.matched + 1
            } else {
                usize::from(*byte == BLANK_LINE[0])
            };
            end += 1;
        }
        let body = bytes.len() - end;
        match at? {
            Point::InBody if body == 0 => None,
            Point::InBody => Some(end + body / 2),
            _ => Some(end),
        }
    }
}

const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// Frames (RFC 9113 §4.1), one after the other.
#[derive(Default)]
pub(super) struct Http2 {
    head: Vec<u8>,
    /// How much of the present frame is still to come, once its head is complete.
    left: usize,
    heads: usize,
}

impl Http2 {
    /// Frames that begin after so many bytes of something else.
    pub(super) fn after(left: usize) -> Self {
        Self {
            head: vec![u8::MAX; FRAME_HEAD],
            left,
            heads: 0,
        }
    }

    /// How many heads have begun.
    pub(super) fn heads(&self) -> usize {
        self.heads
    }

    pub(super) fn cut(&mut self, bytes: &[u8], at: Option<Point>) -> Option<usize> {
        let mut here = 0;
        while here < bytes.len() {
            if self.left == 0 {
                let start = here;
                let wanted = FRAME_HEAD - self.head.len();
                let piece = &bytes[here..bytes.len().min(here + wanted)];
                self.head.extend_from_slice(piece);
                here += piece.len();
                if self.head.len() < FRAME_HEAD {
                    return None;
                }
                self.left =
                    u32::from_be_bytes([0, self.head[0], self.head[1], self.head[2]]) as usize;
                self.heads += usize::from(self.head[3] == HEADERS);
                match (self.head[3], at) {
                    (HEADERS, Some(Point::BeforeHead)) => return Some(start),
                    // A frame of two bytes at least, so that one of them is missing.
                    (DATA, Some(Point::InBody)) if self.left > 1 => {
                        return Some(bytes.len().min(here + self.left / 2));
                    }
                    _ => {}
                }
            }
            let piece = self.left.min(bytes.len() - here);
            here += piece;
            self.left -= piece;
            if self.left == 0 {
                let kind = self.head[3];
                self.head.clear();
                if kind == HEADERS && at == Some(Point::AfterHead) {
                    return Some(here);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        [&[0, 0, length, kind, 0, 0, 0, 0, 1], payload].concat()
    }

    /// Fed byte by byte, it breaks off as well where it does when fed in one piece.
    fn breaks_at(http2: bool, bytes: &[u8], at: Point) -> Option<usize> {
        let whole = Answers::new(http2).cut(bytes, Some(at));
        let mut answers = Answers::new(http2);
        let single = (0..bytes.len()).find_map(|n| Some(n + answers.cut(&bytes[n..=n], Some(at))?));
        if at != Point::InBody {
            assert_eq!(single.is_some(), whole.is_some(), "{at:?}");
        }
        if at == Point::AfterHead {
            assert_eq!(single, whole);
        }
        whole
    }

    #[test]
    fn answers_of_http1_break_off_where_they_should() {
        let answer = b"HTTP/1.1 200 OK\r\na: b\r\n\r\nbody";
        assert_eq!(breaks_at(false, answer, Point::BeforeHead), Some(0));
        let head = answer.len() - 4;
        assert_eq!(breaks_at(false, answer, Point::AfterHead), Some(head));
        assert_eq!(breaks_at(false, answer, Point::InBody), Some(head + 2));
        assert_eq!(breaks_at(false, &answer[..head], Point::InBody), None);
    }

    #[test]
    fn answers_of_http2_break_off_where_they_should() {
        let answer = [frame(4, b""), frame(HEADERS, b"head"), frame(DATA, b"body")].concat();
        assert_eq!(breaks_at(true, &answer, Point::BeforeHead), Some(9));
        assert_eq!(breaks_at(true, &answer, Point::AfterHead), Some(22));
        assert_eq!(breaks_at(true, &answer, Point::InBody), Some(33));
        assert_eq!(breaks_at(true, &answer[..22], Point::InBody), None);
    }
}
