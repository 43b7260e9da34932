//! Argon2id with the parameters of stored passwords and nothing else, on one thread and in memory that stays:
//! the physical limit of a hashing thread. For `benches/storms/run`.
//!
//! `cargo bench -p trackgate-schemes --bench bare -- SECONDS` prints the milliseconds of a hash, as JSON.
#![expect(clippy::unwrap_used, reason = "a bench may fail loudly")]

use std::fs;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() {
    let seconds = std::env::args().find_map(|word| word.parse::<f64>().ok()).unwrap_or(2.0);
    let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    let (began, cpu_before, mut hashes) = (Instant::now(), cpu(), 0_u32);
    while began.elapsed() < Duration::from_secs_f64(seconds) {
        let password = hashes.to_le_bytes();
        argon2.hash_password_into_with_memory(&password, &[7; 16], &mut output, &mut memory).unwrap();
        hashes += 1;
    }
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(hashes);
    let (wall, cpu) = (each(began.elapsed()), each(Duration::from_nanos(cpu() - cpu_before)));
    println!("{{\"hashes\": {hashes}, \"wall_ms\": {wall:.3}, \"cpu_ms\": {cpu:.3}}}");
}

/// CPU time of this thread in nanoseconds.
fn cpu() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
