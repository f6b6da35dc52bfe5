//! A terminal that passes every key on.

use std::io;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Until this is dropped, the terminal shows nothing by itself and interprets no keys.
pub(crate) struct Raw {
    before: Termios,
}

impl Raw {
    pub(crate) fn enter() -> io::Result<Raw> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Raw { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Where the terminal is gone, nothing is to be restored.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}
