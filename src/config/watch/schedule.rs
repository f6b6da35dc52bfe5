//! When something happens again and again, as crontab(5) says it: five fields, in UTC.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan};

/// Minutes that come again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    /// From 0 for Sunday.
    weekdays: Field,
}

/// Which values of a field count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    /// A bit for each.
    values: u64,
    /// Whether it is written as `*`, which leaves the other field of days to decide.
    is_any: bool,
}

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// How far ahead the next time is looked for: each date of a leap year comes within eight years.
const YEARS: i32 = 8;

impl Schedule {
    /// The schedule that a text says, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!("A schedule has five fields, and {text:?} has {}.", fields.len()));
        };
        let weekdays = Field::parse(weekdays, 0..=7, 0, &WEEKDAYS)?;
        // Sunday is 0 and 7.
        let values = (weekdays.values | weekdays.values >> 7) & 0x7f;
        let schedule = Schedule {
            minutes: Field::parse(minutes, 0..=59, 0, &[])?,
            hours: Field::parse(hours, 0..=23, 0, &[])?,
            days: Field::parse(days, 1..=31, 1, &[])?,
            months: Field::parse(months, 1..=12, 1, &MONTHS)?,
            weekdays: Field { values, ..weekdays },
        };
        let now = Timestamp::UNIX_EPOCH;
        schedule.next(now).map(|_| schedule).ok_or_else(|| format!("There is no such day as {text:?} says."))
    }

    /// Whether one of the times came at most so long ago, or is now.
    pub fn was_within(&self, now: Timestamp, duration: Duration) -> bool {
        let now_seconds = now.as_second();
        let Ok(length) = i64::try_from(duration.as_secs()) else { return true };
        let Ok(earliest) = Timestamp::from_second(now_seconds.saturating_sub(length)) else { return true };
        // What began exactly so long ago is over.
        self.next(earliest).is_some_and(|start| start <= now)
    }

    /// The first of the times behind `now`; `None` where there is none.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let utc = jiff::tz::TimeZone::UTC;
        let last = now.to_zoned(utc.clone()).datetime();
        let mut at = last.with().second(0).subsec_nanosecond(0).build().ok()?.checked_add(1.minute()).ok()?;
        let end = last.checked_add(YEARS.years()).ok()?;
        while at <= end {
            if !self.is_day(at) {
                at = at.date().checked_add(1.day()).ok()?.at(0, 0, 0, 0);
            } else if !self.hours.has(at.hour()) {
                at = at.with().minute(0).build().ok()?.checked_add(1.hour()).ok()?;
            } else if !self.minutes.has(at.minute()) {
                at = at.checked_add(1.minute()).ok()?;
            } else {
                return utc.to_timestamp(at).ok();
            }
        }
        None
    }

    /// Where both fields of days are restricted, either will do, as crontab(5) has it.
    fn is_day(&self, at: DateTime) -> bool {
        let day = self.days.has(at.day());
        let weekday = self.weekdays.has(at.weekday().to_sunday_zero_offset());
        let is_day = match self.days.is_any || self.weekdays.is_any {
            true => day && weekday,
            false => day || weekday,
        };
        is_day && self.months.has(at.month())
    }
}

impl Field {
    /// `*`, `5`, `mon`, `1-5`, `*/15`, `1-10/3`, and lists of those with commas. Names stand for values
    /// from `first`.
    fn parse(text: &str, range: std::ops::RangeInclusive<u8>, first: u8, names: &[&str]) -> Result<Field, String> {
        let unsuitable =
            || format!("{text:?} is none of the values from {} to {}, nor a list of such.", range.start(), range.end());
        let value = |text: &str| {
            let named = names.iter().zip(first..).find(|(name, _)| name.eq_ignore_ascii_case(text));
            let value = named.map(|(_, value)| value).or_else(|| text.parse().ok());
            value.filter(|value| range.contains(value)).ok_or_else(unsuitable)
        };
        let mut values = 0u64;
        for part in text.split(',') {
            let (span, step) = part.split_once('/').map_or((part, None), |(span, step)| (span, Some(step)));
            let step = step.map_or(Some(1), |step| step.parse::<usize>().ok()).filter(|step| *step > 0);
            let step = step.ok_or_else(unsuitable)?;
            let (from, to) = match span.split_once('-') {
                _ if span == "*" => (*range.start(), *range.end()),
                Some((from, to)) => (value(from)?, value(to)?),
                None => (value(span)?, value(span)?),
            };
            if from > to || (part.contains('/') && from == to) {
                return Err(unsuitable());
            }
            (from..=to).step_by(step).for_each(|value| values |= 1 << value);
        }
        Ok(Field { values, is_any: text == "*" })
    }

    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.values >> value & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, now: &str) -> String {
        let schedule = Schedule::parse(schedule).expect("a schedule");
        schedule.next(now.parse().expect("a time")).expect("a next time").to_string()
    }

    #[test]
    fn the_next_time_is_found() {
        let now = "2026-03-06T22:00:30Z"; // A Friday.
        for (schedule, expected) in [
            ("* * * * *", "2026-03-06T22:01:00Z"),
            ("0 22 * * mon-fri", "2026-03-09T22:00:00Z"),
            ("0 22 * * 7", "2026-03-08T22:00:00Z"),
            ("*/20 1-3/2 * * *", "2026-03-07T01:00:00Z"),
            ("0 0 29 feb *", "2028-02-29T00:00:00Z"),
            ("30 4 1,15 * *", "2026-03-15T04:30:00Z"),
            // Either the first of the month or a Monday.
            ("0 0 1 * mon", "2026-03-09T00:00:00Z"),
        ] {
            assert_eq!(next(schedule, now), expected, "{schedule}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "*/0 * * * *",
            "5/2 * * * *",
            "3-1 * * * *",
            "* * 31 feb *",
            "* * * * someday",
            "-1 * * * *",
            "* * * * * *",
            "1,,2 * * * *",
        ] {
            assert!(Schedule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_was_within_from_the_start_until_it_is_over() {
        let schedule = Schedule::parse("0 22 * * *").expect("a schedule");
        let hour = Duration::from_secs(3600);
        let within = |now: &str| schedule.was_within(now.parse().expect("a time"), 2 * hour);
        assert!(!within("2026-03-06T21:59:59Z"));
        assert!(within("2026-03-06T22:00:00Z") && within("2026-03-06T23:59:59Z"));
        assert!(!within("2026-03-07T00:00:00Z"));
    }
}
