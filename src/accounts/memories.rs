//! All memories of credentials in this process, made to forget together.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use trackgate_schemes::{AccountId, Forget};

/// The memories of every scheme; what one must forget, all must.
#[derive(Debug, Default)]
pub struct Memories {
    all: RwLock<Vec<Arc<dyn Forget>>>,
    documents: RwLock<Vec<Weak<dyn Forget>>>,
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

    /// Adds a memory of what trackers keep about accounts, for as long as somebody else holds it.
    pub fn add_of_documents(&self, memory: &Arc<dyn Forget>) {
        let mut documents = self.documents.write().unwrap_or_else(PoisonError::into_inner);
        documents.retain(|known| known.strong_count() > 0);
        documents.push(Arc::downgrade(memory));
    }

    /// Forgets everything about this account.
    pub fn forget_account(&self, account: AccountId) {
        self.each(|memory| memory.forget_account(account));
        self.forget_documents(account);
    }

    /// Forgets what trackers keep about this account, and no credential.
    pub fn forget_documents(&self, account: AccountId) {
        self.each_of_documents(|memory| memory.forget_account(account));
    }

    /// Forgets the credential of this public id.
    pub fn forget_credential(&self, id: &str) {
        self.each(|memory| memory.forget_credential(id));
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.each(Forget::forget_all);
        self.each_of_documents(Forget::forget_all);
    }

    fn each(&self, forget: impl Fn(&dyn Forget)) {
        for memory in self.all.read().unwrap_or_else(PoisonError::into_inner).iter() {
            forget(&**memory);
        }
    }

    fn each_of_documents(&self, forget: impl Fn(&dyn Forget)) {
        let documents = self.documents.read().unwrap_or_else(PoisonError::into_inner);
        for memory in documents.iter().filter_map(Weak::upgrade) {
            forget(&*memory);
        }
    }
}
