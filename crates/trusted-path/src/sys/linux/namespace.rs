//! The user that stands for root where root is not mapped: user_namespaces(7).

use std::fs;

/// The user whom Linux shows as the owner of every file whose owner has no user id in our namespace.
///
/// `None`: that number belongs to somebody in our namespace as well, so that it tells nothing, as where
/// everybody has a user id; or there is no /proc, and it is not known.
pub(crate) fn stands_for_root() -> Option<u32> {
    let map = fs::read_to_string("/proc/self/uid_map").ok()?;
    let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
    let overflow = overflow.and_then(|text| text.trim().parse().ok()).unwrap_or(65534);
    (!is_mapped(&map, overflow)).then_some(overflow)
}

/// Each line has the first user id inside, the first outside, and how many. A namespace that covers
/// everything, as the first one does, maps this one, too.
fn is_mapped(map: &str, user: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), _, Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        u64::from(user).checked_sub(first).is_some_and(|offset| offset < count)
    })
}

#[cfg(test)]
mod tests {
    use super::is_mapped;

    #[test]
    fn a_map_covers_what_its_ranges_cover() {
        let everything = "         0          0 4294967295\n";
        let alone = "         0       1000          1\n";
        let usual = "0 1000 1\n1 100000 65536\n";
        for (map, user, mapped) in [
            (everything, 65534, true),
            (alone, 65534, false),
            (alone, 0, true),
            (usual, 65534, true),
            (usual, 65536, true),
            (usual, 65537, false),
            ("", 65534, false),
            ("nonsense\n", 0, false),
        ] {
            assert_eq!(is_mapped(map, user), mapped, "{map:?} {user}");
        }
    }
}
