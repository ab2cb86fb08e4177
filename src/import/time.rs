//! The time stamps of access logs.

use std::fmt;

use serde::Serialize;

/// A moment of a log: whole seconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogTime(i64);

/// Month names as Apache and nginx write them, whatever the locale.
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Years a log can be from. The bounds keep every period inside what a `Span` holds (584 years).
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2200;

impl LogTime {
    /// The moment so many seconds after 1970-01-01T00:00:00Z.
    pub const fn from_unix_secs(secs: i64) -> LogTime {
        LogTime(secs)
    }
    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix_secs(self) -> i64 {
        self.0
    }
    /// Whole seconds from `earlier` to here, 0 when `earlier` is later.
    pub fn secs_since(self, earlier: LogTime) -> u64 {
        u64::try_from(self.0 - earlier.0).unwrap_or(0)
    }
    /// Reads `17/May/2015:10:05:03 +0000`. A leap second counts as the second after it.
    pub(super) fn parse(text: &[u8]) -> Option<LogTime> {
        let [d0, d1, b'/', m0, m1, m2, b'/', y @ .., b' ', sign, oh0, oh1, om0, om1] = text else { return None };
        let [y0, y1, y2, y3, b':', h0, h1, b':', mi0, mi1, b':', s0, s1] = y else { return None };
        let day = number(&[*d0, *d1], 1, 31)?;
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(&[*m0, *m1, *m2]))? as i64 + 1;
        let year = number(&[*y0, *y1, *y2, *y3], *YEARS.start(), *YEARS.end())?;
        if day > days_in_month(year, month) {
            return None;
        }
        let hour = number(&[*h0, *h1], 0, 23)?;
        let minute = number(&[*mi0, *mi1], 0, 59)?;
        let second = number(&[*s0, *s1], 0, 60)?;
        let offset = number(&[*oh0, *oh1], 0, 23)? * 3600 + number(&[*om0, *om1], 0, 59)? * 60;
        let offset = match sign {
            b'+' => offset,
            b'-' => -offset,
            _ => return None,
        };
        let local = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(LogTime(local - offset))
    }
}

/// ISO 8601 in UTC: `2015-05-17T10:05:03Z`.
impl fmt::Display for LogTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400));
        let second = self.0.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for LogTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The number these digits make, when it lies between the bounds.
fn number(digits: &[u8], low: i64, high: i64) -> Option<i64> {
    let value = digits.iter().try_fold(0, |sum, d| d.is_ascii_digit().then(|| sum * 10 + i64::from(d - b'0')))?;
    (low..=high).contains(&value).then_some(value)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to this day of the Gregorian calendar. Years start in March here, so that the leap day is the
/// last one of a year and month lengths follow one formula.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_utc_seconds() {
        for (text, secs, iso) in [
            ("01/Jan/1970:00:00:00 +0000", 0, "1970-01-01T00:00:00Z"),
            ("17/May/2015:10:05:03 +0000", 1_431_857_103, "2015-05-17T10:05:03Z"),
            ("17/May/2015:12:05:03 +0200", 1_431_857_103, "2015-05-17T10:05:03Z"),
            ("17/May/2015:04:35:03 -0530", 1_431_857_103, "2015-05-17T10:05:03Z"),
            ("29/Feb/2024:23:59:60 +0000", 1_709_251_200, "2024-03-01T00:00:00Z"),
        ] {
            let time = LogTime::parse(text.as_bytes()).expect(text);
            assert_eq!((time.unix_secs(), time.to_string().as_str()), (secs, iso));
        }
    }

    #[test]
    fn what_is_no_stamp_is_refused() {
        for text in [
            "",
            "17/May/2015:10:05:03",
            "17/May/2015:10:05:03 0000",
            "17/Mai/2015:10:05:03 +0000",
            "31/Feb/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/1015:10:05:03 +0000",
            "17/May/20155:10:05:03 +0000",
            "2015-05-17T10:05:03Z",
        ] {
            assert_eq!(LogTime::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        let mut days = days_from_civil(1970, 1, 1);
        assert_eq!(days, 0);
        for year in 1970..=2200 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_from_civil(year, month, day), days);
                    assert_eq!(civil_from_days(days), (year, month, day));
                    days += 1;
                }
            }
        }
    }
}
