use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use http::HeaderValue;

use super::*;

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[test]
fn all_languages_say_the_same() {
    let english = Language::English.words();
    for language in Language::ALL {
        let words = language.words();
        let keys = |words: &Words| words.0.keys().cloned().collect::<BTreeSet<_>>();
        let (here, there) = (keys(words), keys(english));
        assert_eq!(here.symmetric_difference(&there).collect::<Vec<_>>(), [""; 0], "{language:?}");
        for (key, text) in &words.0 {
            assert!(!text.trim().is_empty(), "{language:?} {key}");
            assert_eq!(placeholders(text), placeholders(english.get(key)), "{language:?} {key}");
        }
    }
}

/// Keys as they stand in sources, `t("key")` and the like; one that ends with a dot stands for all below it.
fn named_in(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "html") {
            let text = fs::read_to_string(&path).unwrap();
            let words = text.split('"').skip(1).step_by(1);
            for word in words {
                found.insert(word.to_owned(), path.display().to_string());
            }
        }
    }
}

#[test]
fn every_text_is_used_and_every_key_that_is_used_has_a_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut found = BTreeMap::new();
    named_in(&folder, &mut found);
    let english = Language::English.words();
    let sections: BTreeSet<&str> = english.0.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    for key in english.0.keys() {
        let prefix = key.rsplit_once('.').map(|(section, _)| format!("{section}.")).unwrap();
        assert!(found.contains_key(key) || found.contains_key(&prefix), "nothing says {key}");
    }
    for (word, file) in &found {
        let is_key = word.split_once('.').is_some_and(|(section, rest)| {
            sections.contains(section)
                && !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
                && !matches!(rest, "html" | "rs" | "css" | "js" | "svg" | "toml")
        });
        assert!(!is_key || english.find(word).is_some(), "{file} says {word}, which has no text");
    }
}

#[test]
fn a_browser_is_answered_in_the_language_that_it_likes_best() {
    let asked = |text: &'static str| {
        Language::asked(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(text))])).code()
    };
    for (text, code) in [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr, en;q=0.4, de;q=0.7", "de"),
        ("en-GB, de;q=0.9", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=nan", "en"),
        ("de;q=2", "en"),
        ("de;q=4294967.999", "en"),
        ("de;q=1.001", "en"),
        ("de;q=0.001", "de"),
        ("de;q=1.000, en", "de"),
        ("", "en"),
        (";;,,=", "en"),
        ("DE", "de"),
    ] {
        assert_eq!(asked(text), code, "{text}");
    }
    assert_eq!(Language::asked(&HeaderMap::new()), Language::English);
}
