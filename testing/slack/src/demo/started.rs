//! The processes of a demo, so that each is ended by its id when somebody has seen enough.

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

/// Those that run. Each is killed by its owner as well, when it is dropped.
#[derive(Default, Debug)]
pub(crate) struct Started(Mutex<Processes>);

#[derive(Default, Debug)]
struct Processes {
    ids: Vec<u32>,
    is_over: bool,
}

impl Started {
    /// An error once the end has come.
    pub(crate) fn add(&self, ids: impl IntoIterator<Item = u32>) -> Result<()> {
        let mut processes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        processes.ids.extend(ids);
        if processes.is_over {
            processes.kill();
            bail!("interrupted");
        }
        Ok(())
    }

    /// Ends them, and each one that is still to come.
    pub(crate) fn end(&self) {
        let mut processes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        processes.is_over = true;
        processes.kill();
    }
}

impl Processes {
    fn kill(&mut self) {
        for id in self.ids.drain(..) {
            // Gone already, perhaps: at a terminal they get the signal too.
            crossfade_testing_fleet::process::send("-KILL", &id.to_string());
        }
    }
}
