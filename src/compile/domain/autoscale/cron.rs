//! Times as `crontab` writes them: minute, hour, day of the month, month, day of the week.

use jiff::Zoned;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// How far back is looked for: the 29th of February may be eight years away.
const DAYS_BACK: i32 = 8 * 366;

/// The minutes at which something begins, or ends, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// A bit for each number that fits.
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether either day is enough: where both are restricted.
    is_either_day: bool,
}

impl Cron {
    /// What a text says, or what is wrong with it.
    ///
    /// # Errors
    ///
    /// It has not five fields, or one of them cannot be understood.
    pub fn parse(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!(
                "it has {} fields, and not five: minute, hour, day, month, day of the week",
                fields.len()
            ));
        };
        let mut week = field(weekdays, (0, 7), &DAYS)?;
        // Sunday is 0 and 7.
        if week & (1 << 7) != 0 {
            week |= 1;
        }
        Ok(Cron {
            minutes: field(minutes, (0, 59), &[])?,
            hours: field(hours, (0, 23), &[])?,
            days: field(days, (1, 31), &[])?,
            months: field(months, (1, 12), &MONTHS)?,
            weekdays: week,
            is_either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        })
    }

    /// The last of its times that is not after `now`, in the time zone of that.
    pub fn last(&self, now: &Zoned) -> Option<Zoned> {
        let mut date = now.date();
        for _ in 0..DAYS_BACK {
            if self.is_on(date)
                && let Some(found) = self.last_on(date, now)
            {
                return Some(found);
            }
            date = date.yesterday().ok()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let has = |set: u64, number: i8| set & (1 << number) != 0;
        let (day, weekday) = (has(self.days, date.day()), has(self.weekdays, date.weekday().to_sunday_zero_offset()));
        let is_day = if self.is_either_day { day || weekday } else { day && weekday };
        is_day && has(self.months, date.month())
    }

    /// The last time of a day that is not after `now`.
    fn last_on(&self, date: Date, now: &Zoned) -> Option<Zoned> {
        let numbers = |set: u64, most: i8| (0..=most).rev().filter(move |number| set & (1 << number) != 0);
        let times =
            numbers(self.hours, 23).flat_map(|hour| numbers(self.minutes, 59).map(move |minute| (hour, minute)));
        let zoned = times.filter_map(|(hour, minute)| {
            let time = Time::new(hour, minute, 0, 0).ok()?;
            date.to_datetime(time).to_zoned(now.time_zone().clone()).ok()
        });
        zoned.into_iter().find(|time| time <= now)
    }
}

/// The time zone of this name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The numbers that a field means, between two numbers; some may have names.
fn field(text: &str, (least, most): (u8, u8), names: &[&str]) -> Result<u64, String> {
    text.split(',').try_fold(0, |set, part| {
        let wrong = || format!("\"{part}\" is no number from {least} to {most}, no range of them, and no \"*\"");
        let (range, step) = part.split_once('/').map_or((part, Some(1)), |(range, step)| (range, step.parse().ok()));
        let step: usize = step.filter(|step| *step > 0).ok_or_else(wrong)?;
        let number = |text: &str| {
            let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
            // The names of months begin with 1, those of days with 0, as the numbers do.
            let number = named.map(|at| at as u8 + least).or_else(|| text.parse().ok());
            number.filter(|number| (least..=most).contains(number)).ok_or_else(wrong)
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((first, last)) => (number(first)?, number(last)?),
            None if part.contains('/') => (number(range)?, most),
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return Err(wrong());
        }
        Ok((first..=last).step_by(step).fold(set, |set: u64, number| set | 1 << number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(cron: &str, now: &str) -> Option<String> {
        let now: Zoned = now.parse().expect("a time");
        Some(Cron::parse(cron).expect(cron).last(&now)?.strftime("%a %Y-%m-%d %H:%M").to_string())
    }

    /// 2026-03-04 is a Wednesday.
    #[test]
    fn the_last_time_is_found() {
        let now = "2026-03-04T10:20:30[UTC]";
        for (cron, wanted) in [
            ("* * * * *", "Wed 2026-03-04 10:20"),
            ("20 10 * * *", "Wed 2026-03-04 10:20"),
            ("21 10 * * *", "Tue 2026-03-03 10:21"),
            ("*/15 * * * *", "Wed 2026-03-04 10:15"),
            ("5/20 8-9 * * *", "Wed 2026-03-04 09:45"),
            ("0 8 * * 1-5", "Wed 2026-03-04 08:00"),
            ("0 20 * * mon,FRI", "Mon 2026-03-02 20:00"),
            ("0 0 * * 7", "Sun 2026-03-01 00:00"),
            ("0 0 * * sun", "Sun 2026-03-01 00:00"),
            ("30 6 1 jan *", "Thu 2026-01-01 06:30"),
            ("0 12 29 2 *", "Thu 2024-02-29 12:00"),
            // Where both days are said, either is enough.
            ("0 0 1 * tue", "Tue 2026-03-03 00:00"),
            ("0 0 2 * thu", "Mon 2026-03-02 00:00"),
        ] {
            assert_eq!(last(cron, now).as_deref(), Some(wanted), "{cron}");
        }
        assert_eq!(last("0 0 31 2 *", now), None);
    }

    #[test]
    fn time_zones_count() {
        assert_eq!(last("0 8 * * *", "2026-03-04T07:59:00[Asia/Shanghai]").as_deref(), Some("Tue 2026-03-03 08:00"));
        assert_eq!(last("0 8 * * *", "2026-03-04T08:00:00[Asia/Shanghai]").as_deref(), Some("Wed 2026-03-04 08:00"));
        // An hour that there is not comes after the gap.
        assert_eq!(last("30 2 29 3 *", "2026-03-29T12:00:00[Europe/Berlin]").as_deref(), Some("Sun 2026-03-29 03:30"));
        assert!(zone("Europe/Berlin").is_some() && zone("Middle/Earth").is_none());
    }

    #[test]
    fn what_is_no_time_is_told() {
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "1,,2 * * * *",
            "-1 * * * *",
        ] {
            assert!(Cron::parse(wrong).is_err(), "{wrong}");
        }
    }
}
