//! What is wrong with a schedule as it is configured, and how to write it.

use std::time::Duration;

/// Why there is no such schedule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScheduleError {
    /// It has too few or too many fields; the `@daily` kind of name has one.
    #[error(
        "schedule \"{pattern}\" has {fields} field(s), and a cron pattern has 5 (minute, hour, day of month, \
         month, day of week) or 6 (with the second first): \"0 3 * * *\" is every day at 03:00"
    )]
    Fields {
        /// As configured.
        pattern: String,
        /// How many it has.
        fields: usize,
    },
    /// A field can't be read.
    #[error("schedule \"{pattern}\" is no cron pattern ({reason}): \"0 3 * * *\" is every day at 03:00")]
    Pattern {
        /// As configured.
        pattern: String,
        /// What the parser says.
        reason: String,
    },
    /// No day matches, so that the secret would silently never rotate.
    #[error(
        "schedule \"{pattern}\" never occurs: no year has such a day. \
         \"0 3 L * *\" is the last day of each month"
    )]
    NeverOccurs {
        /// As configured.
        pattern: String,
    },
    /// The zone is not in the database.
    #[error(
        "timezone \"{timezone}\" is not known: give a name of the IANA database, \
         like \"UTC\", \"Europe/Berlin\" or \"Asia/Tokyo\""
    )]
    Timezone {
        /// As configured.
        timezone: String,
    },
    /// The period is shorter than a second or longer than a century.
    #[error("every {period:?} can't be kept to: give between 1s and 36500 days, like \"every: 12h\"")]
    Period {
        /// As configured.
        period: Duration,
    },
}
