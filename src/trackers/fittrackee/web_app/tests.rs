//! The folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(folder: &Path) -> Result<WebApp, String> {
    WebApp::read(folder).map_err(|error| error.to_string())
}

#[test]
fn files_are_found_by_their_very_path() {
    let folder = folder(&[("index.html", "i"), ("a/b c.js", "s"), (".env", "x"), (".git/config", "x"), ("a/.b", "x")]);
    let app = read(folder.path()).unwrap();
    for (path, is_there) in [
        ("index.html", true),
        ("a/b c.js", true),
        ("", false),
        ("a", false),
        ("a/", false),
        ("A/b c.js", false),
        ("a/../index.html", false),
        ("/index.html", false),
        (".env", false),
        (".git/config", false),
        ("a/.b", false),
    ] {
        assert_eq!(app.page(path).is_some(), is_there, "{path:?}");
    }
}

#[test]
fn a_link_leads_to_a_file_of_the_folder_or_the_folder_is_refused() {
    let outside = folder(&[("secret", "x")]);
    let inside = || folder(&[("index.html", "i"), ("a/real.js", "s"), (".env", "x")]);
    let here = inside();
    symlink("a/real.js", here.path().join("link.js")).unwrap();
    assert!(read(here.path()).unwrap().page("link.js").is_some());
    for target in [&*outside.path().join("secret"), outside.path(), Path::new("a"), Path::new(".env"), Path::new("..")]
    {
        let here = inside();
        symlink(target, here.path().join("link")).unwrap();
        let told = read(here.path()).unwrap_err();
        assert!(told.contains("symbolic link") && told.contains("/link "), "{told}");
    }
    let here = inside();
    symlink("nowhere", here.path().join("link")).unwrap();
    assert!(read(here.path()).unwrap_err().contains("cannot be read"));
}

#[test]
fn a_folder_without_index_or_too_deep_is_refused() {
    assert!(read(folder(&[("a.js", "s")]).path()).unwrap_err().contains("no index.html"));
    assert!(read(Path::new("/nowhere/at/all")).unwrap_err().contains("cannot be read"));
    let deep = format!("{}x.js", "d/".repeat(20));
    assert!(read(folder(&[("index.html", "i"), (&deep, "s")]).path()).unwrap_err().contains("more than"));
    let large = folder(&[("index.html", "i")]);
    fs::File::create(large.path().join("a.bin")).unwrap().set_len((64 << 20) + 1).unwrap();
    assert!(read(large.path()).unwrap_err().contains("64 MiB"));
}
