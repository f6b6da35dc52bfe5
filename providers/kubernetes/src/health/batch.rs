//! Kinds that come to an end.

use super::Health;
use super::live::Live;

pub(super) fn job(live: &Live<'_>) -> Health {
    let told =
        live.conditions().filter(|condition| condition.status == Some(true)).find_map(|condition| {
            match condition.kind {
                "Failed" => Some(Health::failed(condition.words())),
                "Complete" => Some(Health::ready("it has run to its end")),
                "Suspended" => Some(Health::suspended("it is suspended")),
                _ => None,
            }
        });
    told.unwrap_or_else(|| {
        if live.number("/spec/parallelism") == Some(0) {
            return Health::suspended("it is to run no pods");
        }
        if live.text("/status/startTime").is_empty() {
            return Health::progressing("it has not started yet");
        }
        let wanted = live.number("/spec/completions").unwrap_or(1);
        Health::progressing(format!("{} of {wanted} completions are done", live.count("/status/succeeded")))
    })
}

pub(super) fn cron_job(live: &Live<'_>) -> Health {
    if live.is_set("/spec/suspend") {
        return Health::ready("it is suspended");
    }
    let [scheduled, succeeded] =
        ["/status/lastScheduleTime", "/status/lastSuccessfulTime"].map(|pointer| live.time(pointer));
    match (scheduled, succeeded) {
        (None, _) => Health::ready("it has not been due yet"),
        _ if !live.list("/status/active").is_empty() => Health::ready("it is running"),
        (Some(_), None) => Health::ready("no run has succeeded yet"),
        (Some(scheduled), Some(succeeded)) if succeeded < scheduled => Health::degraded("its last run did not succeed"),
        _ => Health::ready("its last run succeeded"),
    }
}
