//! `arc_swap::ArcSwapOption`, as far as the shell uses it.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
};

use super::Point;

pub(crate) struct ArcSwapOption<T> {
    point: Point,
    held: Mutex<Option<Arc<T>>>,
}

pub(crate) struct Loaded<T>(Option<Arc<T>>);

impl<T> ArcSwapOption<T> {
    pub(crate) fn empty() -> Self {
        Self {
            point: Point::default(),
            held: Mutex::default(),
        }
    }

    pub(crate) fn load(&self) -> Loaded<T> {
        Loaded(self.load_full())
    }

    pub(crate) fn load_full(&self) -> Option<Arc<T>> {
        self.point.pass();
        self.held.lock().unwrap().clone()
    }

    pub(crate) fn swap(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        self.point.pass();
        std::mem::replace(&mut *self.held.lock().unwrap(), new)
    }
}

impl<T> Deref for Loaded<T> {
    type Target = Option<Arc<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
