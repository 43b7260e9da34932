//! The other server's folder of uploaded files.

use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

/// Reads a file by the path that the other server's database has, such as `pictures/7/me.png`; blocks.
/// `folder` is that server's `UPLOAD_FOLDER`, or the folder `uploads` in it.
///
/// Nothing outside `folder` is read, whatever the path or a link says.
///
/// # Errors
///
/// In words, why it cannot be had.
pub(super) fn read(folder: &Path, path: &str) -> Result<Bytes, String> {
    let below = Path::new(path);
    if path.is_empty() || !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("its path leads elsewhere".into());
    }
    let root = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let file = [root.join(below), root.join("uploads").join(below)].into_iter().find_map(|file| inside(&root, &file));
    let file = file.ok_or_else(|| format!("there is no file {path} in the folder"))?;
    let mut bytes = Vec::new();
    let opened = fs::File::open(&file).map_err(|error| format!("{path}: {error}"))?;
    opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("{path}: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("{path} is larger than 10 MiB"));
    }
    Ok(bytes.into())
}

/// The file itself, if it is one and lies in the folder.
fn inside(root: &Path, file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    (file.starts_with(root) && file.is_file()).then_some(file)
}

const MAX_BYTES: u64 = 10 * 1024 * 1024;
