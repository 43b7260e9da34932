use std::sync::mpsc;
use std::task::{Context, Waker};

use super::*;
use crate::testing::Occupied;

/// A pool of one thread, which is busy until it is let go.
struct Busy {
    pool: HashPool,
    thread: Occupied,
}

impl Busy {
    fn with_room_for(queue: usize) -> Self {
        let pool = HashPool::new(1, queue);
        let thread = Occupied::thread_of(&pool);
        Self { pool, thread }
    }

    async fn let_go(self) -> HashPool {
        self.thread.let_go().await;
        self.pool
    }
}

fn client(n: u8) -> IpAddr {
    [192, 0, 2, n].into()
}

fn polled<T>(future: impl Future<Output = T>) -> Option<T> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(result) => Some(result),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn pwd_09_a_full_pool_turns_newcomers_away_at_once() {
    let busy = Busy::with_room_for(1);
    let second = busy.pool.run(Some(client(0)), || 2);
    assert_eq!(polled(busy.pool.run(Some(client(0)), || 3)), Some(Err(HashPoolError::Full)));
    let figures = busy.pool.figures();
    assert_eq!((figures.waiting, figures.running, figures.refused, figures.ended), (1, 1, 1, 0));
    let pool = busy.let_go().await;
    assert_eq!(second.await, Ok(2));
    assert_eq!((pool.figures().refused, pool.figures().displaced, pool.figures().abandoned), (1, 0, 0));
}

#[tokio::test]
async fn crs_05_a_job_that_panics_leaves_the_pool_working() {
    let pool = HashPool::new(1, 2);
    assert_eq!(pool.run(None, || -> u8 { panic!("on purpose") }).await, Err(HashPoolError::Lost));
    assert_eq!(pool.run(None, || 2).await, Ok(2));
}

#[tokio::test]
async fn pwd_09_who_storms_gives_way_to_other_networks_and_they_are_served_in_turn() {
    let busy = Busy::with_room_for(4);
    let (told, order) = mpsc::channel();
    let job = |name: &'static str| {
        let told = told.clone();
        move || told.send(name).unwrap()
    };
    let storm: Vec<_> = ["a", "b", "c", "d"].map(|name| busy.pool.run(Some(client(1)), job(name))).into();
    assert_eq!(polled(busy.pool.run(Some(client(1)), job("e"))), Some(Err(HashPoolError::Full)));
    let rider = busy.pool.run(Some(client(2)), job("rider"));
    let other = busy.pool.run(Some(client(3)), job("other"));
    // Of four that waited the two latest gave way.
    let figures = busy.pool.figures();
    assert_eq!((figures.waiting, figures.refused, figures.displaced), (4, 3, 2));
    drop(busy.let_go().await);
    assert_eq!((rider.await, other.await), (Ok(()), Ok(())));
    let mut ended = Vec::new();
    for one in storm {
        ended.push(one.await);
    }
    assert_eq!(ended, [Ok(()), Ok(()), Err(HashPoolError::Full), Err(HashPoolError::Full)]);
    assert_eq!(order.try_iter().collect::<Vec<_>>(), ["a", "rider", "other", "b"]);
}

#[tokio::test]
async fn pwd_09_addresses_of_one_ipv6_64_share_a_line() {
    let busy = Busy::with_room_for(2);
    let address = |text: &str| Some(text.parse().unwrap());
    let first = busy.pool.run(address("2001:db8::1"), || ());
    let second = busy.pool.run(address("2001:db8::2"), || ());
    assert_eq!(polled(busy.pool.run(address("2001:db8::3"), || ())), Some(Err(HashPoolError::Full)));
    let other = busy.pool.run(address("2001:db8:0:1::1"), || ());
    drop(busy.let_go().await);
    assert_eq!((first.await, second.await, other.await), (Ok(()), Err(HashPoolError::Full), Ok(())));
}

#[tokio::test]
async fn who_leaves_makes_room_at_once_and_is_not_run() {
    let busy = Busy::with_room_for(1);
    let (told, ran) = mpsc::channel::<()>();
    let leaving = busy.pool.run(Some(client(1)), move || told.send(()).unwrap());
    drop(leaving);
    assert_eq!((busy.pool.figures().waiting, busy.pool.figures().abandoned), (0, 1));
    let next = busy.pool.run(Some(client(1)), || 2);
    let pool = busy.let_go().await;
    assert_eq!(next.await, Ok(2));
    assert!(ran.recv().is_err(), "it was dropped");
    assert_eq!((pool.figures().refused, pool.figures().abandoned), (0, 1));
}

#[tokio::test]
async fn as_many_as_there_are_threads_need_no_room() {
    let pool = HashPool::new(2, 0);
    while pool.handle.shared.state().idle < 2 {
        tokio::task::yield_now().await;
    }
    let (go, wait): (Vec<_>, Vec<_>) = [mpsc::channel::<()>(), mpsc::channel::<()>()].into_iter().unzip();
    let jobs: Vec<_> = wait.into_iter().map(|wait| pool.run(None, move || wait.recv().unwrap())).collect();
    assert_eq!(polled(pool.run(None, || ())), Some(Err(HashPoolError::Full)));
    for (go, job) in go.into_iter().zip(jobs) {
        go.send(()).unwrap();
        assert_eq!(job.await, Ok(()));
    }
}

#[tokio::test]
async fn what_waits_is_run_when_the_last_handle_is_gone() {
    let busy = Busy::with_room_for(2);
    let waits = busy.pool.run(Some(client(1)), || 1);
    drop(busy.let_go().await);
    assert_eq!(waits.await, Ok(1));
}
