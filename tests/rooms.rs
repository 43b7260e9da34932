//! Imports run one way: the house's plan, held against every `.rs` file of `src`, `policies` and `schemes`.
//!
//! Tests inside the rooms are exempt: files named `tests.rs` or `testing.rs`, folders `tests` and
//! `testing`, modules behind `#[cfg(test)]`.
#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src`, top floor first: a room sees the floors below its own, never its own or above.
const FLOORS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["assemble"],
    // The list of what exists makes the route table, which is the gateway's.
    &["catalogue"],
    &["gateway"],
    &["proxy", "trackers", "web"],
    &["endpoint"],
    &["accounts", "admin", "layer", "mail", "served", "stores"],
    &["config", "message", "ports", "telemetry"],
];

/// Rooms that see less than the floors below: `(room, what it sees)`.
const SEES_ONLY: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("endpoint", &["layer", "message"]),
    ("layer", &["message"]),
    ("accounts", &["ports"]),
    ("admin", &["config", "message", "ports", "telemetry"]),
    ("served", &["message", "ports"]),
    ("stores", &["ports"]),
];

/// Rooms that not everybody above sees: `(room, who sees it)`.
const SEEN_ONLY_BY: &[(&str, &[&str])] = &[("stores", &["catalogue"])];

/// What `trackgate-schemes` and `trackgate-policies` must do without, as packages.
const NO_RUNTIME: &[&str] = &["hyper", "sqlx", "tokio", "trackgate"];

#[test]
fn rooms_import_downwards_only() {
    let sources = Sources::read("src");
    let mut wrong = Vec::new();
    for file in &sources.files {
        let room = file.room();
        for (line, named) in file.rooms_named() {
            if let Some(why) = forbidden(&room, &named) {
                wrong.push(format!("{}:{line}: {room} names {named}: {why}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(sources.files.len() > 50, "the sources were not found");
}

#[test]
fn every_room_stands_on_a_floor() {
    let rooms: BTreeSet<String> = Sources::read("src").files.iter().map(Source::room).collect();
    let missing: Vec<_> = rooms.iter().filter(|room| *room != "lib" && floor(room).is_none()).collect();
    assert!(missing.is_empty(), "say in FLOORS where these stand: {missing:?}");
}

#[test]
fn schemes_and_policies_know_no_runtime_and_no_database() {
    for (manifest, more) in [("schemes/Cargo.toml", &["trackgate-policies"][..]), ("policies/Cargo.toml", &[])] {
        let text = fs::read_to_string(root().join(manifest)).unwrap();
        for (line, package) in dependencies(&text) {
            let named = NO_RUNTIME.contains(&&*package) || more.contains(&&*package);
            assert!(!named, "{manifest}:{line}: depends on {package}");
        }
    }
}

#[test]
fn crates_import_downwards_only() {
    for (folder, forbidden) in [("policies", &["trackgate"][..]), ("schemes", &["trackgate", "trackgate_policies"])] {
        for file in &Sources::read(folder).files {
            for (number, line) in file.lines() {
                for name in forbidden {
                    assert!(!names(line, name), "{}:{number}: names {name}", file.path.display());
                }
            }
        }
    }
}

#[test]
fn the_catalogue_mounts_each_tracker_exactly_once() {
    let catalogue = Sources::read("src/catalogue");
    let trackers = fs::read_dir(root().join("src/trackers")).unwrap().map(Result::unwrap);
    let mut seen = 0;
    for tracker in trackers.filter(|entry| entry.file_type().unwrap().is_dir()) {
        let name = tracker.file_name().into_string().unwrap();
        if is_for_tests(&name) {
            continue;
        }
        for wanted in [format!("crate::trackers::{name}::"), format!("\"{name}\" =>")] {
            let lines = catalogue.files.iter().flat_map(Source::lines).filter(|(_, line)| line.contains(&wanted));
            assert_eq!(lines.count(), 1, "src/catalogue has not exactly one line with {wanted}");
        }
        seen += 1;
    }
    assert!(seen >= 4, "the trackers were not found");
}

#[test]
fn the_reader_of_imports_finds_what_it_is_for() {
    let text = "//! crate::cli\nuse crate::config::Config;\nuse crate::{\n    accounts::A,\n    ports::{B, C},\n};\n\
                fn f() { super::super::stores::open(); } // crate::main\n\
                #[cfg(test)]\nmod tests {\n    use crate::assemble;\n}\nuse crate::layer;\n";
    let file = Source { path: PathBuf::from("src/trackers/one.rs"), text: text.to_owned() };
    let named = [(2, "config"), (4, "accounts"), (5, "ports"), (7, "stores"), (12, "layer")];
    assert_eq!(file.rooms_named(), named.map(|(line, room)| (line, room.to_owned())));
    assert!(forbidden("trackers", "gateway").is_some());
    assert!(forbidden("trackers", "proxy").is_some(), "neighbours do not see each other");
    assert!(forbidden("gateway", "stores").is_some());
    assert!(forbidden("stores", "telemetry").is_some());
    assert_eq!(forbidden("catalogue", "stores"), None);
    assert_eq!(forbidden("trackers", "layer"), None);
    let manifest = "[dependencies]\nhttp = \"1\"\n[dev-dependencies]\ntokio = \"1\"\n[dependencies.sqlx]\na = 1\n";
    assert_eq!(dependencies(manifest), [(2, "http".to_owned()), (5, "sqlx".to_owned())]);
}

/// Why `room` must not see `other`, if it must not.
fn forbidden(room: &str, other: &str) -> Option<&'static str> {
    if room == other || room == "lib" {
        return None;
    }
    let (Some(here), Some(there)) = (floor(room), floor(other)) else { return Some("it stands on no floor") };
    let only = |rules: &[(&str, &[&str])], of: &str, what: &str| {
        rules.iter().any(|(name, list)| *name == of && !list.contains(&what))
    };
    if there <= here {
        Some("it does not stand below")
    } else if only(SEES_ONLY, room, other) {
        Some("this room sees less")
    } else if only(SEEN_ONLY_BY, other, room) {
        Some("not everybody sees that room")
    } else {
        None
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// The sources below a folder that are no tests.
struct Sources {
    files: Vec<Source>,
}

struct Source {
    /// From the repository's root.
    path: PathBuf,
    text: String,
}

impl Sources {
    fn read(folder: &str) -> Self {
        let mut files = Vec::new();
        collect(Path::new(folder), &mut files);
        let tests: BTreeSet<PathBuf> = files.iter().flat_map(Source::test_modules).collect();
        files.retain(|file| !tests.contains(&file.path));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }
}

impl Source {
    /// The room that the file belongs to.
    fn room(&self) -> String {
        let below = self.path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
        below.trim_end_matches(".rs").to_owned()
    }

    /// How many modules deep it is: 1 for a room's own file.
    fn depth(&self) -> usize {
        let names = self.path.components().count() - 1;
        if self.path.ends_with("mod.rs") { names - 1 } else { names }
    }

    /// Its lines without comments and without modules behind `#[cfg(test)]`, numbered from 1.
    fn lines(&self) -> Vec<(usize, &str)> {
        let mut lines = Vec::new();
        let mut numbered = self.text.lines().enumerate().map(|(n, line)| (n + 1, line)).peekable();
        while let Some((number, line)) = numbered.next() {
            if line == "#[cfg(test)]" && numbered.peek().is_some_and(|(_, next)| next.ends_with('{')) {
                // rustfmt closes a module at the margin.
                while numbered.next().is_some_and(|(_, line)| line != "}") {}
                continue;
            }
            let code = line.find("//").map_or(line, |comment| line.split_at(comment).0);
            if !code.trim().is_empty() {
                lines.push((number, code));
            }
        }
        lines
    }

    /// The rooms that it names by `crate::`, by the crate's own name in `main.rs`, or by `super::` up to the root.
    fn rooms_named(&self) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        let up = "super::".repeat(self.depth());
        let mut group = None;
        for (number, line) in self.lines() {
            if let Some(depth) = group {
                group = read_group(line, number, depth, &mut out);
                continue;
            }
            for root in ["crate::", "trackgate::", &up] {
                for (at, _) in line.match_indices(root) {
                    let (before, rest) = line.split_at(at);
                    if before.ends_with(is_of_a_name) || before.ends_with("::") {
                        continue;
                    }
                    let rest = rest.split_at(root.len()).1;
                    match rest.strip_prefix('{') {
                        Some(inside) => group = read_group(inside, number, 0, &mut out),
                        None => out.extend(first_name(rest).map(|name| (number, name))),
                    }
                }
            }
        }
        out
    }

    /// The files of its child modules that stand behind `#[cfg(test)]`.
    fn test_modules(&self) -> Vec<PathBuf> {
        let folder = if self.path.ends_with("mod.rs") || self.path.ends_with("lib.rs") {
            self.path.parent().unwrap().to_owned()
        } else {
            self.path.with_extension("")
        };
        let lines: Vec<_> = self.text.lines().collect();
        let behind = lines.windows(2).filter(|pair| pair.first() == Some(&"#[cfg(test)]"));
        let named = behind.filter_map(|pair| pair.last()?.trim().strip_suffix(';')?.rsplit(' ').next());
        named.flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]).collect()
    }
}

/// Reads the first names inside `crate::{ … }`; answers how many braces are open at the line's end, `None`
/// when the group is closed.
fn read_group(text: &str, number: usize, mut open: usize, out: &mut Vec<(usize, String)>) -> Option<usize> {
    let mut at_name = true;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' if open == 0 => return None,
            '}' => open -= 1,
            ',' => at_name = true,
            letter if is_of_a_name(letter) && at_name => {
                if open == 0 {
                    out.extend(first_name(text.split_at(at).1).map(|name| (number, name)));
                }
                at_name = false;
            }
            _ => {}
        }
    }
    Some(open)
}

fn collect(folder: &Path, files: &mut Vec<Source>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = folder.join(&name);
        if is_for_tests(&name) {
            continue;
        }
        if root().join(&path).is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(Source { text: fs::read_to_string(root().join(&path)).unwrap(), path });
        }
    }
}

/// Whether a file or folder of this name holds tests or what only they need.
fn is_for_tests(name: &str) -> bool {
    matches!(name.trim_end_matches(".rs"), "tests" | "testing")
}

/// The packages that a manifest depends on beyond its tests, with their lines.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (n, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let parts: Vec<_> = section.split('.').collect();
            inside = matches!(parts.last(), Some(&("dependencies" | "build-dependencies")));
            if let [.., "dependencies" | "build-dependencies", package] = &*parts {
                found.push((n + 1, (*package).to_owned()));
            }
        } else if inside && !line.starts_with('#') && !line.is_empty() {
            let package = line.split(['.', '=', ' ']).next().unwrap().trim_matches('"');
            found.push((n + 1, package.to_owned()));
            // Under another name it is the same package.
            if let Some(renamed) = line.split("package = \"").nth(1) {
                found.push((n + 1, renamed.split('"').next().unwrap().to_owned()));
            }
        }
    }
    found
}

/// Whether a line of code has this name as a path's first part.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let rest = rest.split_at(name.len()).1;
        !before.ends_with(is_of_a_name)
            && (rest.starts_with("::") || (before.ends_with("use ") && rest.starts_with(';')))
    })
}

fn first_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|letter| is_of_a_name(*letter)).collect();
    (!name.is_empty()).then_some(name)
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
