//! Files that are too large for the store: pictures, archives, tracks.
//!
//! A file is whole or not there: what is written becomes visible, under its name, in one step. Names are ours,
//! never a client's.

use std::fmt;
use std::io::{Read, Seek, Write};
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use trackgate_schemes::store::{Answer, StoreError};

/// Keeps files. All answers come from blocking threads of the runtime that asks.
pub trait Files: fmt::Debug + Send + Sync + 'static {
    /// Stores these bytes under this name, in the place of what was there. Durable when it answers.
    fn put<'a>(&'a self, area: Area, name: &'a FileName, bytes: Bytes) -> Answer<'a, ()>;

    /// Begins a file that is written piece by piece. **Blocks**, and so does what is written: for a blocking
    /// thread alone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if nothing can be written there.
    fn create(&self, area: Area, name: &FileName) -> Result<Box<dyn NewFile>, StoreError>;

    /// Opens a file for reading; `None` if there is none of this name. Who reads it goes on doing so though
    /// it be replaced or removed meanwhile.
    fn open<'a>(&'a self, area: Area, name: &'a FileName) -> Answer<'a, Option<OpenFile>>;

    /// Removes a file. Durable when it answers; that there is none is no error.
    fn remove<'a>(&'a self, area: Area, name: &'a FileName) -> Answer<'a, ()>;

    /// All files of an area, in no order. What bears no name of ours is left out.
    fn list(&self, area: Area) -> Answer<'_, Vec<Listed>>;
}

/// What kind of files: each has a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Area {
    /// Archives of an account's data, to be downloaded by it.
    Archives,
    /// Pictures of accounts.
    Pictures,
    /// Recorded tracks, as they were uploaded.
    Tracks,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Archives, Self::Pictures, Self::Tracks];

    /// Its name, of the form of a folder's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Archives => "archives",
            Self::Pictures => "pictures",
            Self::Tracks => "tracks",
        }
    }
}

/// A name of ours: 1 to 64 of `a-z 0-9 _ -`, a dot, and an extension of 1 to 8 of `a-z 0-9`.
///
/// ```
/// use trackgate::ports::FileName;
///
/// assert_eq!("7-k3vx0.png".parse::<FileName>().unwrap().extension(), "png");
/// assert!("../7.png".parse::<FileName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(Arc<str>);

impl FileName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the dot.
    pub fn extension(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, extension)| extension)
    }
}

impl FromStr for FileName {
    type Err = NoFileName;

    fn from_str(text: &str) -> Result<Self, NoFileName> {
        let (stem, extension) = text.split_once('.').ok_or(NoFileName)?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (1..=64).contains(&stem.len())
            && (1..=8).contains(&extension.len())
            && stem.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'_'))
            && extension.bytes().all(plain);
        fits.then(|| Self(text.into())).ok_or(NoFileName)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no name of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a file's name is a-z, 0-9, _ and -, a dot and an extension")]
pub struct NoFileName;

/// A file that is being written. Dropped without [`commit`](Self::commit) it is gone.
pub trait NewFile: Write + Send {
    /// Makes it durable and visible, in the place of what had its name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not: what had its name is as before then, unless all but the last flush was
    /// done. What a caller writes next must not rest on this file.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A file that is being read. To read it blocks.
pub struct OpenFile {
    /// Its length in bytes.
    pub len: u64,
    /// When it was written.
    pub modified: SystemTime,
    /// Its bytes, from the first on.
    pub contents: Box<dyn Contents>,
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFile").field("len", &self.len).field("modified", &self.modified).finish_non_exhaustive()
    }
}

/// Bytes that are read from any place.
pub trait Contents: Read + Seek + Send {}

impl<T: Read + Seek + Send> Contents for T {}

/// A file as a list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its name.
    pub name: FileName,
    /// Its length in bytes.
    pub len: u64,
    /// When it was written.
    pub modified: SystemTime,
}

impl Listed {
    /// A file of this name, length and age.
    pub const fn new(name: FileName, len: u64, modified: SystemTime) -> Self {
        Self { name, len, modified }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn upl_04_only_names_of_ours_are_names() {
        let long = "a".repeat(64);
        for name in ["a.b", "7-k3_v.png", &format!("{long}.zip"), "con.txt"] {
            assert_eq!(name.parse::<FileName>().unwrap().as_str(), name);
        }
        let longer = format!("{long}a.zip");
        for name in [
            "",
            ".",
            "..",
            "a",
            "a.",
            ".a",
            "a.b.c",
            "../x.png",
            "/etc/x.png",
            "c:\\x.png",
            "a/b.png",
            "a\0.png",
            "A.png",
            "a.PNG",
            "ä.png",
            "a .png",
            "a.png ",
            "a\u{202e}.png",
            ".hidden.png",
            &longer,
            "a.123456789",
            "~a.tmp",
        ] {
            assert_eq!(name.parse::<FileName>(), Err(NoFileName), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn upl_04_a_name_never_leaves_its_folder(text in any::<String>()) {
            if let Ok(name) = text.parse::<FileName>() {
                let path = std::path::Path::new("area").join(name.as_str());
                prop_assert_eq!(path.components().count(), 2);
                prop_assert_eq!(path.parent(), Some(std::path::Path::new("area")));
            }
        }
    }
}
