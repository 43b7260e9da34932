//! A bounded queue that networks share: they take turns, and the greediest makes room for others.

use std::collections::{HashMap, VecDeque};

use crate::ClientNetwork;

/// Jobs that wait, a line for each network.
///
/// A network may fill all of it while nobody else is there. When it is full, a newcomer takes the place of
/// the latest job of the longest line, provided that its own line stays shorter than that one was.
#[derive(Debug)]
pub(super) struct Queue<J> {
    /// Jobs that may wait.
    room: usize,
    waiting: usize,
    /// The number of the latest job.
    latest: u64,
    /// None of them is empty.
    lines: HashMap<ClientNetwork, VecDeque<(Number, J)>>,
    /// Each network that has a line, the next to be served first.
    turns: VecDeque<ClientNetwork>,
}

/// By what a job in the queue is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(u64);

/// What became of a newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Joined<J> {
    /// It waits.
    Waits(Number),
    /// It waits, and this one no longer.
    InPlaceOf(J, Number),
    /// There is no room for it.
    No(J),
}

impl<J> Queue<J> {
    /// An empty one.
    pub(super) fn new(room: usize) -> Self {
        Self { room, waiting: 0, latest: 0, lines: HashMap::new(), turns: VecDeque::new() }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Lets a job wait behind those of its network; so many more than usual may wait.
    pub(super) fn join(&mut self, network: ClientNetwork, job: J, more: usize) -> Joined<J> {
        if self.waiting < self.room.saturating_add(more) {
            return Joined::Waits(self.add(network, job));
        }
        let own = self.lines.get(&network).map_or(0, VecDeque::len);
        // Of several longest lines the one whose turn comes last.
        let longest = self.turns.iter().copied().max_by_key(|one| self.lines.get(one).map_or(0, VecDeque::len));
        let displaced = longest.and_then(|longest| {
            let length = self.lines.get(&longest).map_or(0, VecDeque::len);
            // To be no longer than that line after it gave way.
            if length < own + 2 { None } else { self.take(longest, VecDeque::pop_back) }
        });
        match displaced {
            Some(displaced) => Joined::InPlaceOf(displaced, self.add(network, job)),
            None => Joined::No(job),
        }
    }

    /// The job whose turn it is: the oldest one of the network that was not served for the longest time.
    pub(super) fn next(&mut self) -> Option<J> {
        let network = *self.turns.front()?;
        let job = self.take(network, VecDeque::pop_front);
        if self.lines.contains_key(&network) {
            self.turns.rotate_left(1);
        }
        job
    }

    /// Takes a job away, unless it was served or displaced.
    pub(super) fn leave(&mut self, network: ClientNetwork, number: Number) -> Option<J> {
        let place = self.lines.get(&network)?.iter().position(|(waits, _job)| *waits == number)?;
        self.take(network, |line| line.remove(place))
    }

    fn add(&mut self, network: ClientNetwork, job: J) -> Number {
        self.latest += 1;
        self.waiting += 1;
        let number = Number(self.latest);
        let line = self.lines.entry(network).or_default();
        if line.is_empty() {
            self.turns.push_back(network);
        }
        line.push_back((number, job));
        number
    }

    /// One job out of a line, which ends with its last one.
    fn take(
        &mut self,
        network: ClientNetwork,
        which: impl FnOnce(&mut VecDeque<(Number, J)>) -> Option<(Number, J)>,
    ) -> Option<J> {
        let line = self.lines.get_mut(&network)?;
        let (_number, job) = which(line)?;
        self.waiting -= 1;
        if line.is_empty() {
            self.lines.remove(&network);
            self.turns.retain(|other| *other != network);
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(n: u8) -> ClientNetwork {
        ClientNetwork::of(Some([192, 0, 2, n].into()))
    }

    /// Lets jobs wait that are called by their network and their place in its line.
    fn filled(room: usize, lines: &[(u8, u32)]) -> Queue<(u8, u32)> {
        let mut queue = Queue::new(room);
        for (n, length) in lines {
            for place in 0..*length {
                assert!(matches!(queue.join(network(*n), (*n, place), 0), Joined::Waits(_)), "{n} {place}");
            }
        }
        queue
    }

    fn rest(queue: &mut Queue<(u8, u32)>) -> Vec<(u8, u32)> {
        std::iter::from_fn(|| queue.next()).collect()
    }

    #[test]
    fn networks_take_turns_and_each_serves_its_oldest_first() {
        let mut queue = filled(10, &[(1, 4), (2, 1), (3, 2)]);
        let served = [(1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2), (1, 3)];
        assert_eq!(rest(&mut queue), served);
        assert_eq!((queue.waiting(), queue.lines.len(), queue.turns.len()), (0, 0, 0));
    }

    #[test]
    fn a_newcomer_waits_for_one_job_of_each_network_and_not_for_a_whole_line() {
        let mut queue = filled(10, &[(1, 8)]);
        assert_eq!(queue.next(), Some((1, 0)));
        assert!(matches!(queue.join(network(2), (2, 0), 0), Joined::Waits(_)));
        assert_eq!((queue.next(), queue.next()), (Some((1, 1)), Some((2, 0))));
    }

    #[test]
    fn one_network_may_fill_it_and_then_gets_no_more() {
        let mut queue = filled(3, &[(1, 3)]);
        assert_eq!(queue.join(network(1), (1, 3), 0), Joined::No((1, 3)));
        assert_eq!(queue.waiting(), 3);
    }

    #[test]
    fn who_comes_to_a_full_one_displaces_the_latest_job_of_the_longest_line() {
        let mut queue = filled(6, &[(1, 2), (2, 4)]);
        assert!(matches!(queue.join(network(3), (3, 0), 0), Joined::InPlaceOf((2, 3), _)));
        assert!(matches!(queue.join(network(4), (4, 0), 0), Joined::InPlaceOf((2, 2), _)));
        // Two lines of two: the one whose turn comes last gives way.
        assert!(matches!(queue.join(network(5), (5, 0), 0), Joined::InPlaceOf((2, 1), _)));
        assert_eq!(rest(&mut queue), [(1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (1, 1)]);
    }

    #[test]
    fn nobody_is_displaced_for_a_line_that_would_be_as_long() {
        let mut queue = filled(4, &[(1, 1), (2, 3)]);
        // Two and two afterwards: fair.
        assert!(matches!(queue.join(network(1), (1, 1), 0), Joined::InPlaceOf((2, 2), _)));
        assert_eq!(queue.join(network(1), (1, 2), 0), Joined::No((1, 2)));
        assert_eq!(queue.join(network(2), (2, 2), 0), Joined::No((2, 2)));
        // One each: a newcomer of a fifth network has no better claim.
        let mut queue = filled(4, &[(1, 1), (2, 1), (3, 1), (4, 1)]);
        assert_eq!(queue.join(network(5), (5, 0), 0), Joined::No((5, 0)));
    }

    #[test]
    fn who_leaves_makes_room_and_is_not_served() {
        let mut queue = filled(2, &[(1, 1)]);
        let Joined::Waits(second) = queue.join(network(1), (1, 1), 0) else { panic!("there is room") };
        assert_eq!(queue.leave(network(1), second), Some((1, 1)));
        assert_eq!(queue.leave(network(1), second), None);
        let Joined::Waits(third) = queue.join(network(2), (2, 0), 0) else { panic!("there is room") };
        assert_eq!(queue.leave(network(1), third), None, "it is of another network");
        assert_eq!(rest(&mut queue), [(1, 0), (2, 0)]);
        assert_eq!(queue.leave(network(2), third), None, "it was served");
    }

    #[test]
    fn more_may_wait_while_threads_are_idle() {
        let mut queue = filled(0, &[]);
        assert_eq!(queue.join(network(1), (1, 0), 0), Joined::No((1, 0)));
        assert!(matches!(queue.join(network(1), (1, 0), 1), Joined::Waits(_)));
        assert_eq!(queue.join(network(1), (1, 1), 1), Joined::No((1, 1)));
    }

    #[derive(Clone, Debug)]
    enum Act {
        Join(u8),
        Leave(usize),
        Next,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            4 => (0u8..6).prop_map(Act::Join),
            1 => (0usize..64).prop_map(Act::Leave),
            1 => Just(Act::Next),
        ];
        prop::collection::vec(act, 0..200)
    }

    proptest! {
        #[test]
        fn no_job_is_lost_or_served_twice_and_the_bound_holds(room in 0usize..12, acts in acts()) {
            let mut queue = Queue::new(room);
            let mut waiting: Vec<(ClientNetwork, Number, u32)> = Vec::new();
            for (job, act) in (0u32..).zip(acts) {
                match act {
                    Act::Join(n) => match queue.join(network(n), job, 0) {
                        Joined::Waits(number) => waiting.push((network(n), number, job)),
                        Joined::InPlaceOf(displaced, number) => {
                            prop_assert!(waiting.iter().any(|(of, _, other)| *other == displaced && *of != network(n)));
                            waiting.retain(|(_, _, other)| *other != displaced);
                            waiting.push((network(n), number, job));
                        }
                        Joined::No(refused) => {
                            prop_assert_eq!(refused, job);
                            // Whoever is refused has at least the share of everybody else, but for one.
                            let of = |n| waiting.iter().filter(|(of, ..)| *of == network(n)).count();
                            prop_assert!((0..6).all(|other| of(other) <= of(n) + 1));
                        }
                    },
                    Act::Leave(which) if !waiting.is_empty() => {
                        let (of, number, job) = waiting.remove(which % waiting.len());
                        prop_assert_eq!(queue.leave(of, number), Some(job));
                    }
                    Act::Leave(_) => {}
                    Act::Next => {
                        let served = queue.next();
                        prop_assert_eq!(served.is_some(), !waiting.is_empty());
                        // The oldest of its network.
                        let of = waiting.iter().find(|(_, _, job)| Some(*job) == served).map(|(of, ..)| *of);
                        let oldest = waiting.iter().find(|(other, ..)| Some(*other) == of).map(|(_, _, job)| *job);
                        prop_assert_eq!(oldest, served);
                        waiting.retain(|(_, _, job)| Some(*job) != served);
                    }
                }
                prop_assert!(queue.waiting() <= room);
                prop_assert_eq!(queue.waiting(), waiting.len());
            }
        }
    }
}
