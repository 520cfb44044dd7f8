//! What a roll does next: each turn is one thing, after which all is looked at anew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{InHand, Kind, Settles};
use crate::group::Id;
use crate::machine::{Machine, Phase, Request};
use crate::roll;
use crate::roster::{Roster, RosterChange, SetId};
use policy::Share;

/// How far one is that is replaced.
enum Stand {
    OnItsWay,
    Settled,
    /// It was tried once more in vain.
    Failed,
    /// It was ready, and has ended before it had settled.
    Bad,
    /// It is nobody's to replace any more: taken off the list, or stopped by request.
    Gone,
}

impl Roster {
    pub(super) fn advance(&mut self, set: SetId, now: Instant, changes: &mut Vec<RosterChange>) {
        if let Some(recycling) = &mut self.sets[set.0].recycling {
            recycling.queue_those_due(now);
        }
        // Each turn does one thing, after which all is looked at anew.
        while self.sets[set.0].roll.is_some() {
            let end = if self.group.quits() {
                Some(roll::End::Quit)
            } else {
                match self.turn(set, now, changes) {
                    Turn::Moved => None,
                    Turn::Rests => return,
                    Turn::Over(end) => Some(end),
                }
            };
            if let Some(end) = end {
                self.sets[set.0].roll = None;
                changes.push(RosterChange::Rolled(set, roll::Step::Ended(end)));
            }
        }
        self.retire(set, now, changes);
        self.recycle_those_due(set, now, changes);
    }

    /// Those that were there for the time of a roll leave, when they are not needed any more.
    fn retire(&mut self, set: SetId, now: Instant, changes: &mut Vec<RosterChange>) {
        while 0 < self.sets[set.0].extra && !self.group.quits() {
            let last = self.sets[set.0].wanted.saturating_add(self.sets[set.0].extra);
            let last = self.sets[set.0].places.get(&last).copied();
            let is_ready = last.is_some_and(|id| self.is_ready(id));
            if is_ready && self.needs_those_beside(set) {
                return;
            }
            self.sets[set.0].extra -= 1;
            self.shrink(set, now, changes);
        }
    }

    fn turn(&mut self, set: SetId, now: Instant, changes: &mut Vec<RosterChange>) -> Turn {
        let Some(roll) = &self.sets[set.0].roll else { return Turn::Rests };
        let of = |kind, hand: &BTreeMap<Id, InHand>| -> Vec<(Id, InHand, Kind)> {
            hand.iter().map(|(id, in_hand)| (*id, *in_hand, kind)).collect()
        };
        let replaced = of(Kind::Replaced, &roll.in_hand).into_iter();
        let others = of(Kind::Surge, &roll.surge).into_iter().chain(of(Kind::New, &roll.new));
        let all: Vec<(Id, InHand, Kind)> = replaced.chain(others).collect();
        let (settle, tries) = (roll.policy.settle, roll.policy.tries);
        for (id, mut in_hand, kind) in all {
            let before = in_hand.settles;
            let stand = self.stand(id, &mut in_hand, settle, now);
            let Some(roll) = &mut self.sets[set.0].roll else { return Turn::Rests };
            let hand = roll.hand(kind);
            let moved = match stand {
                Stand::OnItsWay => {
                    hand.insert(id, in_hand);
                    // Until it has settled nothing is waited for but time.
                    if before != in_hand.settles {
                        let at = in_hand.settles.and_then(|settles| settles.at).unwrap_or(now);
                        roll.moves(at.max(now));
                    }
                    continue;
                }
                // How often one that came meanwhile fails is nothing to the roll: it has to settle, sooner or later.
                Stand::Failed | Stand::Bad if kind == Kind::New => {
                    let after = in_hand.settles.map_or(in_hand.after, |settles| settles.run);
                    hand.insert(id, InHand::new(in_hand.index, after));
                    continue;
                }
                Stand::Settled if kind == Kind::New => {
                    hand.remove(&id);
                    Turn::Moved
                }
                // One that is there for the roll is looked at until its end.
                Stand::Settled if kind == Kind::Surge => {
                    hand.insert(id, in_hand);
                    continue;
                }
                Stand::Settled => {
                    hand.remove(&id);
                    roll.done = roll.done.saturating_add(1);
                    roll.next_at = now.checked_add(roll.policy.pause);
                    roll.stalls_at = roll.next_at.and_then(|at| at.checked_add(roll.policy.stall));
                    let step = roll::Step::Settled { id, progress: roll.progress() };
                    changes.push(RosterChange::Rolled(set, step));
                    Turn::Moved
                }
                Stand::Gone => {
                    hand.remove(&id);
                    Turn::Moved
                }
                Stand::Failed if in_hand.failed < tries => {
                    hand.insert(id, in_hand);
                    let _ = self.ask(id, Request::Start, now, changes);
                    Turn::Moved
                }
                Stand::Failed | Stand::Bad => {
                    Turn::Over(roll::End::Bad { id, index: in_hand.index })
                }
            };
            return moved;
        }
        self.take_next(set, now, changes)
    }

    fn stand(&self, id: Id, in_hand: &mut InHand, settle: Duration, now: Instant) -> Stand {
        let Some(machine) = self.kept_machine(id).filter(|_| !self.leaves(id)) else {
            return Stand::Gone;
        };
        let (runs, phase) = (machine.runs(), machine.phase());
        let is_new = in_hand.after < runs;
        if let Some(settles) = &mut in_hand.settles {
            if phase == Phase::Running && settles.run == runs {
                if !settles.has && settles.at.is_some_and(|at| at <= now) {
                    // One that is dead settles no more, and its end tells.
                    (settles.has, settles.at) = (machine.is_ready(), None);
                }
                return if settles.has { Stand::Settled } else { Stand::OnItsWay };
            }
            let (run, has_settled) = (settles.run, settles.has);
            return match phase {
                // When it is ready again it has to settle anew.
                Phase::NotReady => {
                    in_hand.settles = None;
                    Stand::OnItsWay
                }
                // Somebody has asked for another run, or for none.
                Phase::Stopping | Phase::Due | Phase::Starting | Phase::Idle => {
                    (in_hand.settles, in_hand.after) = (None, run);
                    Stand::OnItsWay
                }
                Phase::Stopped => Stand::Gone,
                // One that is there for the roll was good, and comes again.
                Phase::Running | Phase::Waiting | Phase::Finished if has_settled => {
                    let failed = in_hand.failed + 1;
                    *in_hand = InHand { after: runs, failed, settles: None, ..*in_hand };
                    Stand::Failed
                }
                Phase::Running | Phase::Waiting | Phase::Finished => Stand::Bad,
            };
        }
        match phase {
            Phase::Running if is_new => {
                let has = settle.is_zero() && machine.is_ready();
                in_hand.settles = Some(Settles { run: runs, at: now.checked_add(settle), has });
                if has { Stand::Settled } else { Stand::OnItsWay }
            }
            Phase::Waiting | Phase::Finished if is_new => {
                in_hand.failed += 1;
                in_hand.after = runs;
                Stand::Failed
            }
            Phase::Stopped => Stand::Gone,
            Phase::Idle
            | Phase::Starting
            | Phase::Running
            | Phase::NotReady
            | Phase::Waiting
            | Phase::Due
            | Phase::Stopping
            | Phase::Finished => Stand::OnItsWay,
        }
    }

    /// Takes the next one, if there is one that may be; otherwise says whether the roll is over.
    fn take_next(&mut self, set: SetId, now: Instant, changes: &mut Vec<RosterChange>) -> Turn {
        let Some(roll) = &self.sets[set.0].roll else { return Turn::Rests };
        let surge_is_there = roll.surge.values().all(InHand::has_settled);
        if roll.is_cancelled && roll.in_hand.is_empty() {
            return Turn::Over(roll::End::Cancelled);
        }
        if roll.left.is_empty() && roll.in_hand.is_empty() {
            let wanted = usize::try_from(self.sets[set.0].wanted).unwrap_or(usize::MAX);
            let own = self.settled(set).own;
            let nobody_is_awaited = self.awaited(set) == 0;
            if wanted <= own || nobody_is_awaited {
                return Turn::Over(roll::End::Done);
            }
        }
        let may_take = surge_is_there && !roll.is_cancelled;
        let candidate = roll.left.iter().rev().copied().filter(|_| may_take);
        let candidates: Vec<u32> = candidate.collect();
        let place = |index: &u32| self.sets[set.0].places.get(index).copied();
        let is_ready = |index: &u32| place(index).is_some_and(|id| self.is_ready(id));
        let is_not_ready =
            |index: &u32| place(index).and_then(|id| self.phase(id)) == Some(Phase::NotReady);
        let (ready, others): (Vec<u32>, Vec<u32>) = candidates.into_iter().partition(is_ready);
        let (not_ready, idle): (Vec<u32>, Vec<u32>) = others.into_iter().partition(is_not_ready);
        let waits = roll.next_at.is_some_and(|at| now < at);
        if !waits && let Some(roll) = &mut self.sets[set.0].roll {
            roll.next_at = None;
        }
        // Those that are on their way cost nothing; of the others as many as nobody misses. Who says that it is not ready
        // is one of those: what keeps it from its work may keep all of them, and a new one as well.
        let spare = if waits { 0 } else { self.spare(set) };
        let taken = idle.into_iter().map(|index| (index, false));
        let others = not_ready.into_iter().map(|index| (index, false));
        let others = others.chain(ready.into_iter().map(|index| (index, true)));
        let taken = taken.chain(others.take(spare));
        let taken: Vec<(u32, bool)> = taken.collect();
        if !taken.is_empty() {
            for (index, gives_up_one) in taken {
                self.take(set, index, gives_up_one, now, changes);
            }
            return Turn::Moved;
        }
        let Some(roll) = &self.sets[set.0].roll else { return Turn::Rests };
        if roll.stalls_at.is_some_and(|at| at <= now) {
            let awaited = roll.in_hand.keys().chain(roll.surge.keys());
            let mut awaited = awaited.filter(|id| !self.is_ready(**id));
            return Turn::Over(roll::End::Stalled { id: awaited.next().copied() });
        }
        Turn::Rests
    }

    fn take(
        &mut self,
        set: SetId,
        index: u32,
        gives_up_one: bool,
        now: Instant,
        changes: &mut Vec<RosterChange>,
    ) {
        let place = self.sets[set.0].places.get(&index).copied();
        let Some(roll) = &mut self.sets[set.0].roll else { return };
        roll.left.remove(&index);
        let Some(id) = place else { return };
        let after = self.kept_machine(id).map_or(0, Machine::runs);
        if !self.is_kept(id) {
            return;
        }
        changes.push(RosterChange::Rolled(set, roll::Step::Taken { id, gives_up_one }));
        let Some(roll) = &mut self.sets[set.0].roll else { return };
        roll.moves(now);
        roll.in_hand.insert(id, InHand::new(index, after));
        if self.ask(id, Request::Restart, now, changes).is_err()
            && let Some(roll) = &mut self.sets[set.0].roll
        {
            roll.in_hand.remove(&id);
        }
    }

    fn is_ready(&self, id: Id) -> bool {
        self.kept_machine(id).is_some_and(Machine::is_ready)
    }

    /// Whether there is one to be replaced: not if it leaves, is over or was stopped by request.
    pub fn is_kept(&self, id: Id) -> bool {
        let stays = |machine: &Machine| !machine.stays_away();
        !self.leaves(id) && self.kept_machine(id).is_some_and(stays)
    }

    /// How many that are ready may be taken down.
    pub(in crate::roster) fn spare(&self, set: SetId) -> usize {
        let wanted = self.sets[set.0].wanted;
        let needed = wanted.saturating_sub(self.may_be_away(set));
        let settled = self.settled(set);
        (settled.own + settled.surge).saturating_sub(usize::try_from(needed).unwrap_or(usize::MAX))
    }

    /// Whether one beside is needed in the place of one that is wanted: not of one that is over or was stopped, which
    /// does not come back by itself.
    fn needs_those_beside(&self, set: SetId) -> bool {
        let wanted = self.sets[set.0].wanted;
        let stays = |machine: &Machine| !machine.stays_away();
        let own = self.places(set).filter(|(index, _)| *index <= wanted);
        let own = own.filter(|(_, id)| self.kept_machine(*id).is_some_and(stays)).count();
        let away = usize::try_from(self.may_be_away(set)).unwrap_or(usize::MAX);
        let settled = self.settled(set);
        settled.own + settled.surge <= own.saturating_sub(away)
    }

    /// How many may be away: parts are rounded down, and where that is none though a part was meant, it is one.
    fn may_be_away(&self, set: SetId) -> u32 {
        let set = &self.sets[set.0];
        let away = set.max_unavailable.at_most(set.wanted);
        match set.max_unavailable {
            Share::Percent(1..) if away == 0 && set.extra == 0 => 1,
            Share::Percent(_) | Share::Count(_) => away,
        }
    }

    /// Those that are ready and have settled.
    fn settled(&self, set: SetId) -> Settled {
        let (wanted, roll) = (self.sets[set.0].wanted, self.sets[set.0].roll.as_ref());
        let hand = |id: &Id| {
            let roll = roll?;
            roll.in_hand.get(id).or(roll.surge.get(id)).or(roll.new.get(id))
        };
        let is_there =
            |(_, id): &(u32, Id)| self.is_ready(*id) && hand(id).is_none_or(InHand::has_settled);
        let mut settled = Settled::default();
        for (index, _) in self.places(set).filter(is_there) {
            match index <= wanted {
                true => settled.own += 1,
                false => settled.surge += 1,
            }
        }
        settled
    }

    /// How many of those that are wanted are still to come.
    fn awaited(&self, set: SetId) -> usize {
        let wanted = self.sets[set.0].wanted;
        let to_come = |phase| {
            !matches!(phase, None | Some(Phase::Running | Phase::Finished | Phase::Stopped))
        };
        let places = self.places(set).filter(|(index, _)| *index <= wanted);
        places.filter(|(_, id)| to_come(self.phase(*id))).count()
    }
}

/// How many are ready and have settled: of those that are wanted, and beside them.
#[derive(Clone, Copy, Debug, Default)]
struct Settled {
    own: usize,
    surge: usize,
}

enum Turn {
    Moved,
    Rests,
    Over(roll::End),
}
