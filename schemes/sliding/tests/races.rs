//! The same rules while threads race.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::*;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// What 64 threads saw of one token: `(order, accepted)`, where a later number means a later start.
#[test]
fn sld_03_at_the_boundary_no_use_is_accepted_after_a_refused_one() {
    for round in 0..40 {
        let (scheme, store) = scheme(IpMode::Off);
        store.add(account(1));
        let token = wait(open(&scheme, 1, None, start())).unwrap().token;
        if round % 2 == 0 {
            scheme.memory().forget_all();
        }
        let refused = AtomicBool::new(false);
        let barrier = Barrier::new(64);
        std::thread::scope(|scope| {
            for n in 0..64_u32 {
                let (scheme, token, refused, barrier) = (&scheme, &token, &refused, &barrier);
                scope.spawn(move || {
                    // Some come from just before the end, some from the end.
                    let now = start() + DAY - ONE_MS * (n % 3);
                    barrier.wait();
                    let after_refusal = refused.load(Ordering::SeqCst);
                    match wait(use_it(scheme, token, now)) {
                        Ok(_) => assert!(!after_refusal, "accepted after a refusal"),
                        Err(why) => {
                            assert_eq!(why, Reason::Expired);
                            refused.store(true, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        // Whoever came last, the word is final: alive by an accepted use, or dead.
        let alive = wait(use_it(&scheme, &token, start() + DAY + ONE_MS)).is_ok();
        assert_eq!(alive, !refused.load(Ordering::SeqCst));
    }
}

#[test]
fn sld_06_of_two_users_who_race_for_an_address_one_has_it() {
    for mode in [REFUSE, DISPLACE] {
        let (scheme, store) = scheme(mode);
        store.add(account(1));
        store.add(account(2));
        let here = ip("192.0.2.1");
        for round in 0..1_000_u64 {
            let now = start() + Duration::from_secs(round);
            let barrier = Barrier::new(2);
            let tokens = std::thread::scope(|scope| {
                let racers = [1, 2].map(|id| {
                    let (scheme, barrier) = (&scheme, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        wait(open(scheme, id, here, now))
                    })
                });
                racers.map(|racer| racer.join().unwrap())
            });
            let live: Vec<_> = tokens
                .iter()
                .flatten()
                .filter(|opened| wait(use_it(&scheme, &opened.token, now)).is_ok())
                .map(|opened| Arc::clone(&opened.id))
                .collect();
            assert_eq!(live.len(), 1, "{mode:?}, round {round}");
            assert_eq!(store.count(), 1);
            for id in live {
                wait(scheme.close(&id)).unwrap();
            }
        }
    }
}

#[test]
fn rev_04_after_the_acknowledgement_of_a_sign_out_nothing_is_accepted() {
    for _ in 0..50 {
        let (scheme, store) = scheme(IpMode::Off);
        store.add(account(1));
        let opened = wait(open(&scheme, 1, None, start())).unwrap();
        let done = AtomicBool::new(false);
        let accepted = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let late = done.load(Ordering::SeqCst);
                        if wait(use_it(&scheme, &opened.token, start())).is_ok() {
                            assert!(!late, "accepted after the acknowledgement");
                            accepted.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            scope.spawn(|| {
                while accepted.load(Ordering::SeqCst) < 20 {
                    std::thread::yield_now();
                }
                wait(scheme.close(&opened.id)).unwrap();
                done.store(true, Ordering::SeqCst);
            });
        });
        assert!(wait(use_it(&scheme, &opened.token, start())).is_err());
    }
}
