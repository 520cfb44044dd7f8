//! Who gets a place where there are only so many.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::peer::Peer;
use crate::refusal::Refusal;

/// So many connections there are at most.
pub const PLACES: usize = 64;

/// So many of one user at most, if that is not root. All users who may do nothing count as one.
pub const PLACES_OF_ONE: usize = 16;

/// So many places are left to root.
const PLACES_OF_ROOT: usize = 8;

/// Who has been silent so long gives his place to somebody who waits for one, unless it is us whom he waits for, or the
/// owner has brought him.
const SILENCE: Duration = Duration::from_secs(10);

/// What is there for one who comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Free,
    /// If this one is closed.
    InsteadOf(u64),
    None,
}

/// What he is told who gets none.
pub(super) fn too_many() -> Refusal {
    let limits = serde_json::json!({ "most": PLACES, "most_of_one": PLACES_OF_ONE });
    Refusal::new("io.appkit.Service.TooManyConnections", limits)
}

pub(super) fn find(connections: &BTreeMap<u64, Connection>, comes: &Peer, now: Instant) -> Found {
    let count = |whose: &dyn Fn(&Peer) -> bool| {
        connections.values().filter(|connection| whose(&connection.peer)).count()
    };
    let is_root = |peer: &Peer| peer.uid == 0;
    let is_not_root = |peer: &Peer| peer.uid != 0;
    let is_of_same = |peer: &Peer| party(peer) == party(comes);
    let anybody = |_: &Peer| true;
    // Whose silence would be of use: of those who keep him out.
    let keeps_out: &dyn Fn(&Peer) -> bool = if is_root(comes) {
        if connections.len() < PLACES {
            return Found::Free;
        }
        &anybody
    } else if count(&is_of_same) >= PLACES_OF_ONE {
        &is_of_same
    } else if count(&is_not_root) >= PLACES - PLACES_OF_ROOT || connections.len() >= PLACES {
        &is_not_root
    } else {
        return Found::Free;
    };
    let silent = connections.iter().filter(|(_, connection)| keeps_out(&connection.peer));
    let silent =
        silent.filter_map(|(number, connection)| Some((connection.silent_since()?, *number)));
    match silent.min() {
        Some((since, number)) if now.saturating_duration_since(since) >= SILENCE => {
            Found::InsteadOf(number)
        }
        Some(_) | None => Found::None,
    }
}

/// Users who may do something each count for themselves.
fn party(peer: &Peer) -> Option<u32> {
    peer.may.map(|_| peer.uid)
}
