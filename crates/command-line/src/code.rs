//! Exit codes, as init scripts have them: the tables stand in the documentation of the crate.

pub(crate) const OK: u8 = 0;
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const NOT_YET: u8 = 3;
pub(crate) const NOT_ALLOWED: u8 = 4;
pub(crate) const CONFIGURATION: u8 = 6;
pub(crate) const NOT_RUNNING: u8 = 7;
pub(crate) const TIMED_OUT: u8 = 99;
pub(crate) const ENDED: u8 = 102;
pub(crate) const INTERRUPTED: u8 = 130;

pub(crate) const STATUS_STALE: u8 = 1;
pub(crate) const STATUS_ORPHANED: u8 = 2;
pub(crate) const STATUS_NOT_RUNNING: u8 = 3;
pub(crate) const STATUS_UNKNOWN: u8 = 4;
pub(crate) const STATUS_STARTING: u8 = 150;
pub(crate) const STATUS_STOPPING: u8 = 151;
pub(crate) const STATUS_BACK_OFF: u8 = 152;
pub(crate) const STATUS_DEGRADED: u8 = 153;

/// Of several daemons the status code that tells most: one of which nothing is known comes first, one that runs
/// last.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    const ORDER: [u8; 9] = [
        STATUS_UNKNOWN,
        STATUS_ORPHANED,
        STATUS_STALE,
        STATUS_NOT_RUNNING,
        STATUS_BACK_OFF,
        STATUS_DEGRADED,
        STATUS_STOPPING,
        STATUS_STARTING,
        OK,
    ];
    let rank = |code: &u8| ORDER.iter().position(|known| known == code);
    codes.into_iter().min_by_key(rank).unwrap_or(OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_several_is_that_of_the_worst() {
        assert_eq!(worst([]), 0);
        assert_eq!(worst([0, 0]), 0);
        assert_eq!(worst([0, STATUS_STARTING, STATUS_NOT_RUNNING]), 3);
        assert_eq!(worst([STATUS_DEGRADED, STATUS_BACK_OFF]), 152);
        assert_eq!(worst([3, 4, 1]), 4);
    }
}
