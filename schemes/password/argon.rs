//! Argon2 in PHC text (RFC 9106; PHC string format).

use std::cell::RefCell;

use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use subtle::ConstantTimeEq;

/// A stored Argon2 form within the limits.
#[derive(Debug)]
pub(super) struct Argon {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    hash: PasswordHash,
}

impl Argon {
    pub(super) fn read(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        // A form that does not say is of the time before versions were written.
        let version = hash.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let affordable = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES;
        let whole = hash.salt.is_some() && hash.hash.is_some();
        (affordable && params.p_cost() <= MAX_LANES && whole).then_some(Self { algorithm, version, params, hash })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let (Some(salt), Some(output)) = (&self.hash.salt, &self.hash.hash) else { return false };
        let mut computed = [0; MAX_OUTPUT];
        let Some(computed) = computed.get_mut(..output.len()) else { return false };
        #[cfg(test)]
        work::add(&self.params);
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        match compute(&argon2, password, salt, computed) {
            Ok(()) => computed.ct_eq(output.as_bytes()).into(),
            // Nothing was decided; a hash pool makes a lost job of it, not a wrong password.
            Err(argon2::Error::OutOfMemory) => panic!("no memory for Argon2"),
            Err(_unfit) => false,
        }
    }

    pub(super) fn is_strong(&self) -> bool {
        self.algorithm == Algorithm::Argon2id
            && self.version == Version::V0x13
            && self.params.m_cost() >= super::MEMORY_KIB
            && self.params.t_cost() >= super::PASSES
            && self.hash.salt.as_ref().is_some_and(|salt| salt.len() >= super::SALT_BYTES)
            && self.hash.hash.as_ref().is_some_and(|output| output.len() >= super::OUTPUT_BYTES)
    }
}

/// Computes a hash in memory that stays with this thread, unless it needs more than a password of ours does.
///
/// Memory that is taken and given back for each hash costs a few percent more, and leaves several times as much with
/// the process: what is allocated meanwhile comes to lie behind it.
pub(super) fn compute(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), argon2::Error> {
    thread_local! {
        static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
    }
    if argon2.params().block_count() > OWN_BLOCKS {
        return argon2.hash_password_into(password, salt, output);
    }
    MEMORY.with_borrow_mut(|memory| {
        if memory.is_empty() {
            memory.try_reserve_exact(OWN_BLOCKS).map_err(|_none| argon2::Error::OutOfMemory)?;
            memory.resize(OWN_BLOCKS, Block::default());
        }
        argon2.hash_password_into_with_memory(password, salt, output, memory)
    })
}

/// A block is a KiB.
const OWN_BLOCKS: usize = super::MEMORY_KIB as usize;
/// 256 MiB.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;
/// The longest output that a PHC text can hold.
const MAX_OUTPUT: usize = 64;

/// What Argon2 was made to compute on this thread: the same on a busy machine, where times are not.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    use argon2::Params;

    thread_local! {
        static DONE: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn add(params: &Params) {
        DONE.set(DONE.get() + u64::from(params.m_cost()) * u64::from(params.t_cost()));
    }

    /// KiB filled so far, each pass counted.
    pub(crate) fn done() -> u64 {
        DONE.get()
    }
}
