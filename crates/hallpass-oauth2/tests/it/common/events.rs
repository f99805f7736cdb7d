//! The events of one thread, at every level.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Gathers them for as long as it lives.
pub(crate) struct Events {
    told: Told,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Events {
    pub(crate) fn gather() -> Self {
        let told = Told::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(told.clone())
            .with_ansi(false)
            .finish();
        Self {
            told,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Those since they were last taken.
    pub(crate) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.told.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Told {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
