//! All memories of credentials in this process, made to forget together.

use std::sync::{Arc, PoisonError, RwLock};

use trackgate_schemes::{AccountId, Forget};

/// The memories of every scheme; what one must forget, all must.
#[derive(Debug, Default)]
pub struct Memories {
    all: RwLock<Vec<Arc<dyn Forget>>>,
}

impl Memories {
    /// Adds a memory.
    pub fn add(&self, memory: Arc<dyn Forget>) {
        self.all.write().unwrap_or_else(PoisonError::into_inner).push(memory);
    }

    /// Keeps only these memories: after a reload.
    pub fn replace(&self, memories: Vec<Arc<dyn Forget>>) {
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = memories;
    }

    /// Forgets everything about this account.
    pub fn forget_account(&self, account: AccountId) {
        self.each(|memory| memory.forget_account(account));
    }

    /// Forgets the credential of this public id.
    pub fn forget_credential(&self, id: &str) {
        self.each(|memory| memory.forget_credential(id));
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.each(Forget::forget_all);
    }

    fn each(&self, forget: impl Fn(&dyn Forget)) {
        for memory in self.all.read().unwrap_or_else(PoisonError::into_inner).iter() {
            forget(&**memory);
        }
    }
}
