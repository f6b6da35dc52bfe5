//! Serial numbers of zones.
//!
//! A serial is the date and a count of that day, `YYYYMMDDnn`, as long as that is greater
//! than the one before; otherwise it is the one before and one. Greater is meant as RFC 1982
//! says, so that a secondary always takes the new zone for newer.

/// Tells the date.
pub trait Clock: Send + Sync {
    /// Today in UTC as the number `YYYYMMDD`.
    fn today(&self) -> u32;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn today(&self) -> u32 {
        let date = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let number = i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day());
        u32::try_from(number).unwrap_or(0)
    }
}

/// The serial of a new zone. Zero is left out here and below: some servers take it for "no
/// serial".
pub fn first(today: u32) -> u32 {
    today.wrapping_mul(100).max(1)
}

/// The serial that follows `serial`.
pub fn next(serial: u32, today: u32) -> u32 {
    let dated = first(today);
    if is_greater(dated, serial) {
        return dated;
    }
    serial.wrapping_add(1).max(1)
}

/// Whether `left` is greater than `right` (RFC 1982, 3.2).
fn is_greater(left: u32, right: u32) -> bool {
    left != right && left.wrapping_sub(right) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_dates_with_a_count() {
        assert_eq!(first(20_260_304), 2_026_030_400);
        assert_eq!(next(2_026_030_399, 20_260_304), 2_026_030_400);
        assert_eq!(next(2_026_030_400, 20_260_304), 2_026_030_401);
        assert_eq!(next(2_026_030_499, 20_260_304), 2_026_030_500);
        assert_eq!(next(1, 20_260_304), 2_026_030_400);
    }

    #[test]
    fn serials_rise_across_the_end_of_the_numbers() {
        assert_eq!(next(u32::MAX, 20_260_304), 2_026_030_400);
        assert_eq!(next(u32::MAX, 0), 1);
        assert_eq!(next(3_000_000_000, 20_260_304), 3_000_000_001);
    }

    proptest::proptest! {
        #[test]
        fn every_serial_is_greater_than_the_one_before(serial: u32, today in 0_u32..=99_991_231) {
            proptest::prop_assert!(is_greater(next(serial, today), serial));
        }
    }
}
