//! Looking again and again, ever less often, up to a limit.

use std::time::Duration;

use tokio::time::Instant;

/// How long a deleted object may take to go away, and a new kind to be served.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// The shortest and the longest time between two looks.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Looks at growing intervals, up to a limit.
pub(super) struct Looks {
    until: Instant,
    pause: Duration,
}

impl Looks {
    pub(super) fn new() -> Self {
        Looks { until: Instant::now() + PATIENCE, pause: LOOKS.0 }
    }

    /// How long it is until the next look.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// Waits for the next look; `false` once there is none.
    pub(super) async fn wait(&mut self) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LOOKS.1);
        true
    }
}
