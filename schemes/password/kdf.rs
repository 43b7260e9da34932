//! PBKDF2 (RFC 8018 §5.2) and scrypt (RFC 7914) as other programs store them.
//!
//! The output of either is a prefix of every longer one, so a stored form that was cut short would be
//! easier to meet: a length that the form does not state must be the whole length.

use argon2::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use subtle::ConstantTimeEq;

use super::htpasswd::number;

/// A stored PBKDF2 form within the limits.
#[derive(Debug)]
pub(super) struct Pbkdf2 {
    hash: Hash,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Pbkdf2 {
    /// PHC `$pbkdf2-sha256$i=N[,l=N]$salt$output`, and passlib's `$pbkdf2-sha256$N$salt$output`, which
    /// writes `.` for `+`.
    pub(super) fn modular(text: &str) -> Option<Self> {
        let mut fields = text.split('$').skip(1);
        let hash = match fields.next()? {
            "pbkdf2" | "pbkdf2-sha1" => Hash::Sha1,
            "pbkdf2-sha256" => Hash::Sha256,
            "pbkdf2-sha512" => Hash::Sha512,
            _ => return None,
        };
        let cost = fields.next()?;
        let (iterations, length) = match cost.strip_prefix("i=") {
            None => (number(cost)?, hash.bytes()),
            Some(cost) => match cost.split_once(",l=") {
                None => (number(cost)?, hash.bytes()),
                Some((iterations, length)) => (number(iterations)?, usize::try_from(number(length)?).ok()?),
            },
        };
        let salt = phc_bytes(fields.next()?)?;
        let output = phc_bytes(fields.next()?)?;
        if fields.next().is_some() {
            return None;
        }
        Self { hash, iterations, salt, output }.checked(length)
    }

    /// Django's `pbkdf2_sha256$N$salt$output`: the salt is text, the output padded base64.
    pub(super) fn django(text: &str) -> Option<Self> {
        let mut fields = text.split('$');
        let hash = match fields.next()? {
            "pbkdf2_sha1" => Hash::Sha1,
            "pbkdf2_sha256" => Hash::Sha256,
            _ => return None,
        };
        let iterations = number(fields.next()?)?;
        let salt = fields.next()?.as_bytes().to_vec();
        let output = STANDARD.decode(fields.next()?).ok()?;
        if fields.next().is_some() || salt.is_empty() {
            return None;
        }
        Self { hash, iterations, salt, output }.checked(hash.bytes())
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut computed = vec![0; self.output.len()];
        match self.hash {
            Hash::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, &self.salt, self.iterations, &mut computed),
            Hash::Sha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, &self.salt, self.iterations, &mut computed),
            Hash::Sha512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, &self.salt, self.iterations, &mut computed),
        }
        computed.ct_eq(&self.output).into()
    }

    fn checked(self, length: usize) -> Option<Self> {
        let fits = (1..=PBKDF2_MAX_ITERATIONS).contains(&self.iterations)
            && self.output.len() == length
            && (MIN_OUTPUT..=MAX_OUTPUT).contains(&length);
        fits.then_some(self)
    }
}

impl Hash {
    const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A stored scrypt form within the limits.
#[derive(Debug)]
pub(super) struct Scrypt {
    params: scrypt::Params,
    hash: PasswordHash,
}

impl Scrypt {
    /// `$scrypt$ln=N,r=N,p=N$salt$output`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let cost = |name: &str| hash.params.get_decimal(name);
        let (log_n, r, p) = (cost("ln")?, cost("r")?, cost("p")?);
        let whole = hash.salt.is_some() && hash.hash.as_ref().is_some_and(|output| matches!(output.len(), 32 | 64));
        if hash.version.is_some() || hash.params.iter().count() != 3 || !whole {
            return None;
        }
        if !(1..=24).contains(&log_n) || r == 0 || p == 0 {
            return None;
        }
        let memory = u64::from(r).checked_mul(128 << log_n)?;
        let work = memory.checked_mul(u64::from(p))?;
        if memory > SCRYPT_MAX_BYTES || work > SCRYPT_MAX_WORK {
            return None;
        }
        let params = scrypt::Params::new(u8::try_from(log_n).ok()?, r, p).ok()?;
        Some(Self { params, hash })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let (Some(salt), Some(output)) = (&self.hash.salt, &self.hash.hash) else { return false };
        let mut computed = [0; MAX_OUTPUT];
        let Some(computed) = computed.get_mut(..output.len()) else { return false };
        scrypt::scrypt(password, salt, &self.params, computed).is_ok() && bool::from(computed.ct_eq(output.as_bytes()))
    }
}

/// Base64 without pads, `.` read as `+`.
fn phc_bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.replace('.', "+")).ok()
}

const PBKDF2_MAX_ITERATIONS: u32 = 5_000_000;
const MIN_OUTPUT: usize = 16;
const MAX_OUTPUT: usize = 64;
/// 256 MiB at a time, and the work of 16 times OWASP's first choice (`ln=17,r=8,p=1`).
const SCRYPT_MAX_BYTES: u64 = 256 << 20;
const SCRYPT_MAX_WORK: u64 = 2 << 30;
