//! Whether somebody still waits for an answer that is made to its end without them.
//!
//! A change comes to its end though its client leaves. What comes before it need not: a password that waits to be
//! hashed keeps others waiting. Whoever runs a change in a task of its own runs it [`with`](Presence::with) a
//! presence, and what may break off asks for [`while_awaited`].

use tokio::sync::watch;

/// What the side that may leave holds; dropped, it has left.
#[derive(Debug)]
pub struct Presence(watch::Sender<()>);

impl Default for Presence {
    fn default() -> Self {
        Self::new()
    }
}

impl Presence {
    /// Somebody is there.
    pub fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Tells this future whether they still are.
    pub fn with<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        AWAITED.scope(self.0.subscribe(), future)
    }
}

/// The output of this future, or `None` when whoever waited for it left before. Without a presence it is its output.
pub(super) async fn while_awaited<T>(future: impl Future<Output = T>) -> Option<T> {
    let Ok(mut awaited) = AWAITED.try_with(watch::Receiver::clone) else { return Some(future.await) };
    tokio::select! {
        biased;
        output = future => Some(output),
        // Nothing is ever sent: it ends when they leave.
        _left = awaited.changed() => None,
    }
}

tokio::task_local! {
    static AWAITED: watch::Receiver<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_breaks_off() {
        let presence = Presence::new();
        let waits = presence.with(while_awaited(std::future::pending::<()>()));
        let leaves = async move { drop(presence) };
        assert_eq!(tokio::join!(waits, leaves).0, None);
    }

    #[tokio::test]
    async fn what_is_awaited_comes_to_its_end_and_so_does_what_has_no_presence() {
        let presence = Presence::new();
        assert_eq!(
            presence
                .with(while_awaited(async {
                    tokio::task::yield_now().await;
                    1
                }))
                .await,
            Some(1)
        );
        assert_eq!(while_awaited(async { 2 }).await, Some(2));
        // What is done is done, whoever left.
        let done = presence.with(while_awaited(async { 3 }));
        drop(presence);
        assert_eq!(done.await, Some(3));
    }
}
