//! What happens next: a queue of steps in front of one that stands until it is taken away.

use std::collections::VecDeque;

pub(crate) struct Script<T> {
    next: VecDeque<T>,
    standing: Option<T>,
}

impl<T: Clone> Script<T> {
    /// The step of one request; `None` where nothing is in its way.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.next.pop_front().or_else(|| self.standing.clone())
    }

    pub(crate) fn queue(&mut self, n: usize, step: &T) {
        self.next.extend(std::iter::repeat_n(step, n).cloned());
    }

    pub(crate) fn stand(&mut self, step: Option<T>) {
        self.standing = step;
    }

    pub(crate) fn queued(&self) -> usize {
        self.next.len()
    }

    pub(crate) fn is_standing(&self) -> bool {
        self.standing.is_some()
    }
}

impl<T> Default for Script<T> {
    fn default() -> Self {
        Self {
            next: VecDeque::new(),
            standing: None,
        }
    }
}
