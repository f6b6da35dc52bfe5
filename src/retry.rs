//! When to try again.
//!
//! Providers never do: one rule serves all systems. Only what may go away by itself is tried
//! again, a limited number of times, with pauses that double and are spread by chance so that
//! many operations that failed together do not come back together (full jitter over the upper
//! half, after Brooker 2015).

use std::future::Future;
use std::time::Duration;

use portolan_provider::{Error, ErrorKind};
use rand::Rng;

/// How often an operation is tried in all.
pub const ATTEMPTS: u32 = 6;
/// The longest pause after the first attempt.
pub const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause after any attempt.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest pause that a system is granted which asks for one.
pub const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// How long to wait after this many attempts, all of which failed, before the next one; `None`
/// where trying again is of no use.
pub fn pause_after(attempts: u32, error: &Error) -> Option<Duration> {
    if error.kind != ErrorKind::Transient || attempts >= ATTEMPTS {
        return None;
    }
    let asked = error.retry_after.unwrap_or_default().min(LONGEST_ASKED);
    let doubled = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(attempts.saturating_sub(1)));
    let longest = doubled.min(LONGEST_PAUSE);
    Some(longest.mul_f64(rand::rng().random_range(0.5..=1.0)) + asked)
}

/// Asks again while the answer is an error that may go away by itself.
pub(crate) async fn retrying<T, F: Future<Output = Result<T, Error>>>(mut ask: impl FnMut() -> F) -> Result<T, Error> {
    let mut attempts = 0;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        attempts += 1;
        match pause_after(attempts, &error) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_gets_the_pause_that_it_asks_for() {
        let busy = |seconds| Error::transient("busy").retry_after(Duration::from_secs(seconds));
        let pause = |seconds| pause_after(1, &busy(seconds)).expect("another attempt");
        assert!(pause(3) >= Duration::from_secs(3) && pause(3) < Duration::from_secs(4));
        assert!(pause(3600) < LONGEST_ASKED + Duration::from_secs(1));
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let error = Error::transient("busy");
        for attempts in 1..ATTEMPTS {
            let pause = pause_after(attempts, &error).expect("another attempt");
            let longest = (FIRST_PAUSE * 2u32.pow(attempts - 1)).min(LONGEST_PAUSE);
            assert!(pause >= longest / 2 && pause <= longest, "{attempts}: {pause:?}");
        }
        assert_eq!(pause_after(ATTEMPTS, &error), None);
        assert_eq!(pause_after(1, &Error::denied("no")), None);
    }
}
