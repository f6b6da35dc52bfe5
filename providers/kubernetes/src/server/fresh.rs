//! An answer that many share, as long as it is fresh enough for each of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The least pause between two questions, and how much longer than the last answer took.
const GAP: Duration = Duration::from_millis(500);
const GAP_BY_COST: u32 = 5;

/// The longest pause between two questions.
const LONGEST_GAP: Duration = Duration::from_secs(10);

/// The last answer to a question. Whoever finds it too old asks again, while the others wait; who
/// gives up waiting, or asking, does no harm to the others.
pub(super) struct Fresh<T> {
    held: Mutex<Option<Held<T>>>,
}

struct Held<T> {
    begun: Instant,
    took: Duration,
    answer: Arc<T>,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Fresh { held: Mutex::new(None) }
    }
}

impl<T> Fresh<T> {
    /// An answer to a question that was asked at this time or later. The question is asked no
    /// more often than its cost allows.
    pub(super) async fn get<F: Future<Output = T>>(&self, not_before: Instant, ask: impl FnOnce() -> F) -> Arc<T> {
        let mut held = self.held.lock().await;
        if let Some(held) = &*held {
            if held.begun >= not_before {
                return held.answer.clone();
            }
            let gap = (held.took * GAP_BY_COST).clamp(GAP, LONGEST_GAP);
            sleep_until(held.begun + held.took + gap).await;
        }
        let begun = Instant::now();
        let answer = Arc::new(ask().await);
        *held = Some(Held { begun, took: begun.elapsed(), answer: answer.clone() });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;
    use tokio::time::sleep;

    use super::*;

    /// Asks, which takes this long, and counts.
    async fn ask(times: &AtomicU32, takes: Duration) -> u32 {
        sleep(takes).await;
        times.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[tokio::test(start_paused = true)]
    async fn many_share_an_answer_that_is_fresh_enough_for_each() {
        let (fresh, times) = (Fresh::default(), AtomicU32::new(0));
        let short = Duration::from_millis(10);
        let start = Instant::now();
        let answers = join_all((0..100).map(|_| fresh.get(start, || ask(&times, short)))).await;
        assert!(answers.iter().all(|answer| **answer == 1));
        assert_eq!(*fresh.get(start, || ask(&times, short)).await, 1);
        let later = Instant::now();
        assert_eq!(*fresh.get(later, || ask(&times, short)).await, 2, "what was asked before is too old");
        assert!(later.elapsed() >= GAP);
    }

    #[tokio::test(start_paused = true)]
    async fn dear_questions_are_asked_less_often() {
        let (fresh, times) = (Fresh::default(), AtomicU32::new(0));
        let long = Duration::from_secs(1);
        fresh.get(Instant::now(), || ask(&times, long)).await;
        let later = Instant::now();
        fresh.get(later, || ask(&times, long)).await;
        assert!(later.elapsed() >= long * GAP_BY_COST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_question_to_the_next() {
        let (fresh, times) = (Fresh::default(), AtomicU32::new(0));
        let start = Instant::now();
        let never = fresh.get(start, std::future::pending);
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        assert_eq!(*fresh.get(start, || ask(&times, Duration::ZERO)).await, 1);
    }
}
