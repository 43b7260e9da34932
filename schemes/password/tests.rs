#![expect(clippy::string_slice, reason = "the forms are ASCII")]

use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "correct horse";

/// Made by other programs: argon2-cffi, libxcrypt, hashlib, passlib, OpenSSL.
const IMPORTED: &[&str] = &[
    "$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$dPtrHTEawLtMiR9+/XloAkXZ+EtyrY+bvmHIbiufhk0",
    "$argon2i$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$+ZM6qIHKWUY4ZEkMSTQpzAefvkLMgPC7fLokalwJpuI",
    "$argon2d$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$8lhcvhjSIY6fPoLaURksQi2UXOTKBgu3qS4cG5SkmjA",
    "$argon2id$v=16$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MR+nMXBuOmf+jVmbaxLUxEfDX+l0gK8Zultoq498Rbg",
    "$argon2id$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MR+nMXBuOmf+jVmbaxLUxEfDX+l0gK8Zultoq498Rbg",
    "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
    "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M",
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M",
    "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa+ks4TP71JiecwuSZCG8iLbnlIEPOMoVX+i2B2wkSxjQ8CRGR9OkNGuIPMQ",
    "$pbkdf2-sha256$1000$MDEyMzQ1Njc4Of/./fv/7w$rkWv..HskvIOKpebtUI82BHVlyu3aT/XmqVmgf7v4yU",
    "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa.ks4TP71JiecwuSZCG8iLbnlIEPOMoVX.i2B2wkSxjQ8CRGR9OkNGuIPMQ",
    "pbkdf2_sha256$1000$0123456789abcdef$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M=",
    "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$OAkZqUBelG6VIYdTJfYSENL5OmZRxMa3GwXn5oFliTg",
    "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
    "$apr1$01234567$ci/pK3.qnUZOyE.Xerv.C0",
    "$1$01234567$KlTYCxtZ61Srbbg8DIKjX1",
    "$5$rounds=1000$0123456789abcdef$nR1521U8IXcSFtheYoCuDMlX/ICPi621L7rO.MJ27x2",
    "$5$01234567$k3C/KBRKpnvwgwsKKCBq5zFj3pcivKCRdW/F.WzwBh3",
    "$6$rounds=1000$0123456789abcdef$GaScwcscdzvyk7gzZmxXAHiJAYBdSzwVcphgrsQJGOjgOegLlrTs5rVDD6z0u4r1gcbw2MjFIR1AQnAH5uLeW0",
];

fn check(password: &str, stored: &str) -> Check {
    verify(&Secret::from(password), &Secret::from(stored))
}

/// What `verify` would say, without spending nobody's work on what is refused uncomputed.
fn fits(password: &str, stored: &str) -> bool {
    Stored::read(stored).is_some_and(|form| form.takes(password.as_bytes()) && form.matches(password.as_bytes()))
}

#[test]
fn pwd_01_a_new_password_is_argon2id_with_its_own_salt() {
    let (first, second) = (hash(&Secret::from(PASSWORD)), hash(&Secret::from(PASSWORD)));
    assert!(first.expose().starts_with(b"$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_ne!(first, second);
    assert_eq!(verify(&Secret::from(PASSWORD), &first), Check::Right);
    assert_eq!(verify(&Secret::from("correct horsf"), &first), Check::Wrong);
}

#[test]
fn pwd_01_the_parameters_are_those_that_another_program_knows_by_these_names() {
    let stored = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rk2Mi3E4dgRMg0fHaYaptWVZRKqs//6b6k3/nntqGJk";
    assert_eq!(check(PASSWORD, stored), Check::Right);
}

#[test]
fn what_a_hash_leaves_in_the_memory_of_a_thread_changes_no_other() {
    let (salt, password) = (b"0123456789abcdef", b"correct horse");
    for algorithm in [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id] {
        for version in [Version::V0x10, Version::V0x13] {
            // The largest that stays, others that need a part of it, one that needs more.
            for (memory, passes, lanes) in [(MEMORY_KIB, 1, 1), (64, 2, 1), (1000, 3, 4), (MEMORY_KIB + 8, 1, 1)] {
                let argon2 = Argon2::new(algorithm, version, Params::new(memory, passes, lanes, None).unwrap());
                let (mut fresh, mut kept) = ([0; OUTPUT_BYTES], [0; OUTPUT_BYTES]);
                argon2.hash_password_into(password, salt, &mut fresh).unwrap();
                argon::compute(&argon2, b"another", salt, &mut kept).unwrap();
                assert_ne!(kept, fresh);
                argon::compute(&argon2, password, salt, &mut kept).unwrap();
                assert_eq!(kept, fresh, "{algorithm} {version:?} {memory} {passes} {lanes}");
            }
        }
    }
}

#[test]
fn pwd_04_imported_forms_are_verified_and_called_weak() {
    for stored in IMPORTED {
        assert_eq!(check(PASSWORD, stored), Check::RightButWeak, "{stored}");
        for wrong in ["correct horsf", "correct hors", "correct horse ", "Correct horse", ""] {
            assert!(!fits(wrong, stored), "{wrong:?} against {stored}");
        }
    }
}

#[test]
fn pwd_04_one_wrong_byte_in_the_stored_digest_is_refused() {
    for stored in IMPORTED {
        let (place, digest) = stored.char_indices().rev().nth(9).unwrap();
        let other = if digest == 'x' { 'y' } else { 'x' };
        let broken = format!("{}{other}{}", &stored[..place], &stored[place + 1..]);
        assert!(!fits(PASSWORD, &broken), "{broken}");
    }
}

#[test]
fn pwd_06_a_stored_form_that_was_cut_or_grew_is_refused() {
    for stored in IMPORTED {
        for end in 0..stored.len() {
            assert!(!fits(PASSWORD, &stored[..end]), "{}", &stored[..end]);
        }
        for more in ["$", "$x", "A", "=", " ", "\n", "\0"] {
            assert!(!fits(PASSWORD, &format!("{stored}{more}")), "{stored}{more:?}");
        }
    }
}

#[test]
fn long_passwords_meet_md5_crypt_as_others_compute_it() {
    assert!(fits(&"x".repeat(40), "$apr1$01234567$JZbLcAWyfxmcrIr3vsjTp0"));
}

#[test]
fn two_passwords_never_become_one_by_a_nul() {
    for stored in IMPORTED {
        for wrong in ["correct horse\0", "correct horse\0correct horse", "\0correct horse"] {
            assert!(!fits(wrong, stored), "{wrong:?} against {stored}");
        }
    }
}

#[test]
fn only_what_is_as_strong_as_ours_is_strong() {
    let (salt, output) = ("MDEyMzQ1Njc4OWFiY2RlZg", "rk2Mi3E4dgRMg0fHaYaptWVZRKqs//6b6k3/nntqGJk");
    let is_strong = |start: &str, salt: &str, output: &str| {
        Stored::read(&format!("${start}${salt}${output}")).expect(start).is_strong()
    };
    for start in ["argon2id$v=19$m=19456,t=2,p=1", "argon2id$v=19$m=65536,t=3,p=4"] {
        assert!(is_strong(start, salt, output), "{start}");
        assert!(!is_strong(start, "MDEyMzQ1Njc4OWE", output), "a short salt");
        assert!(!is_strong(start, salt, "rk2Mi3E4dgRMg0fHaYaptQ"), "a short output");
    }
    for start in ["argon2id$v=19$m=19455,t=2,p=1", "argon2id$v=19$m=65536,t=1,p=1", "argon2i$v=19$m=65536,t=3,p=1"] {
        assert!(!is_strong(start, salt, output), "{start}");
    }
    for start in ["argon2id$v=16$m=65536,t=3,p=1", "argon2id$m=65536,t=3,p=1", "scrypt$ln=17,r=8,p=1"] {
        assert!(!is_strong(start, salt, output), "{start}");
    }
}

#[test]
fn pwd_05_bcrypt_never_sees_a_password_over_72_bytes() {
    let stored = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
    assert_eq!(check(&"a".repeat(72), stored), Check::RightButWeak);
    assert_eq!(check(&"a".repeat(73), stored), Check::Wrong);
    assert_eq!(check(&"a".repeat(71), stored), Check::Wrong);
}

#[test]
fn pwd_06_absurd_costs_are_refused_uncomputed() {
    let salt_and_output = "MDEyMzQ1Njc4OWFiY2RlZg$dPtrHTEawLtMiR9+/XloAkXZ+EtyrY+bvmHIbiufhk0";
    for cost in ["$argon2id$v=19$m=1073741824,t=2,p=1$", "$argon2id$v=19$m=262145,t=2,p=1$"]
        .into_iter()
        .chain(["$argon2id$v=19$m=64,t=17,p=1$", "$argon2id$v=19$m=4294967295,t=4294967295,p=1$"])
        .chain(["$argon2id$v=19$m=262144,t=2,p=17$", "$argon2id$v=18$m=64,t=2,p=1$", "$argon2x$v=19$m=64,t=2,p=1$"])
        .chain(["$scrypt$ln=21,r=8,p=1$", "$scrypt$ln=4,r=4294967295,p=1$", "$scrypt$ln=4,r=8,p=4294967295$"])
        .chain(["$scrypt$ln=63,r=8,p=1$", "$scrypt$ln=4,r=0,p=1$", "$scrypt$ln=0,r=8,p=1$", "$scrypt$ln=4,r=8$"])
        .chain(["$pbkdf2-sha256$i=5000001$", "$pbkdf2-sha256$4294967296$", "$pbkdf2-sha256$i=0$", "$pbkdf2-md5$i=9$"])
    {
        assert!(Stored::read(&format!("{cost}{salt_and_output}")).is_none(), "{cost}");
    }
    for stored in [
        "$2b$17$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2b$99$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$5$rounds=999999999$0123456789abcdef$nR1521U8IXcSFtheYoCuDMlX/ICPi621L7rO.MJ27x2",
        "pbkdf2_sha256$5000001$0123456789abcdef$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M=",
        "correct horse",
        "",
        "$",
        "$$",
    ] {
        assert!(Stored::read(stored).is_none(), "{stored}");
    }
}

#[test]
fn pwd_06_what_is_refused_uncomputed_costs_what_nobody_costs() {
    let of = |check: &dyn Fn() -> Check| {
        let before = work::done();
        assert_eq!(check(), Check::Wrong);
        work::done() - before
    };
    let ours = u64::from(MEMORY_KIB * PASSES);
    let password = Secret::from(PASSWORD);
    assert_eq!(of(&|| verify_nobody(&password)), ours);
    let mine = hash(&Secret::from("mine"));
    assert_eq!(of(&|| verify(&password, &mine)), ours, "a known name with a wrong password");
    for refused in ["$argon2id$v=19$m=1073741824,t=2,p=1$cut", "", "$2b$31$", "plain text"] {
        assert_eq!(of(&|| check(PASSWORD, refused)), ours, "{refused}");
    }
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";
    assert_eq!(of(&|| check(&"a".repeat(73), bcrypt)), ours);
}

#[test]
fn bas_12_a_password_of_more_than_1_kib_is_refused_even_if_it_is_right() {
    let long = "a".repeat(MAX_BYTES + 1);
    let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, htpasswd::sha1_of(long.as_bytes()));
    assert!(fits(&long, &format!("{{SHA}}{digest}")));
    assert_eq!(check(&long, &format!("{{SHA}}{digest}")), Check::Wrong);
}

#[test]
fn a_stored_form_that_is_not_text_is_refused() {
    assert_eq!(verify(&Secret::from(PASSWORD), &Secret::new(*b"$1$\xff$")), Check::Wrong);
}

/// Texts near to real ones, at costs that a test can pay.
fn near_miss() -> impl Strategy<Value = String> {
    let place = (0..IMPORTED.len(), any::<prop::sample::Index>(), any::<char>());
    place.prop_map(|(form, place, c)| {
        let mut letters: Vec<char> = IMPORTED[form].chars().collect();
        let place = place.index(letters.len());
        letters[place] = c;
        letters.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn any_stored_text_is_read_without_panic(
        stored in "(\\$(argon2id|2b|apr1|1|5|6|scrypt|pbkdf2-sha256)\\$|pbkdf2_sha256\\$|\\{SHA\\})?[ -~\\PC]{0,80}",
    ) {
        let _form = Stored::read(&stored);
    }

    #[test]
    fn a_stored_text_that_changed_in_one_place_never_panics(stored in near_miss()) {
        if !stored.contains("rounds=") || Stored::read(&stored).is_none() {
            let cheap = ["m=64,t=2,p=1$", "$04$", "i=1000", "$1000$", "ln=4,r=8,p=1$", "{SHA}", "$01234567$"];
            if cheap.iter().any(|cost| stored.contains(cost)) {
                let _answer = fits(PASSWORD, &stored);
            }
        }
    }
}
