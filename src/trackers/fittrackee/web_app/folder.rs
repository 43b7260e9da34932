//! The application's folder, read once into memory.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use super::Page;
use super::encoding::Coding;

/// The files of a web application.
#[derive(Clone)]
pub struct WebApp {
    pages: HashMap<String, Page>,
    index: Page,
}

impl WebApp {
    /// Reads a folder with an `index.html`. Names that begin with a dot are left out, also folders. Blocks.
    ///
    /// # Errors
    ///
    /// [`WebAppError`] if it cannot be read, is too large, or a symbolic link in it leads out of it or to a folder.
    pub fn read(folder: &Path) -> Result<Self, WebAppError> {
        let root = fs::canonicalize(folder).map_err(|source| WebAppError::at(folder, source))?;
        let mut reading = Reading { root: &root, files: HashMap::new(), bytes: 0 };
        reading.folder(&root, "", 0)?;
        let mut pages = HashMap::new();
        for (name, (bytes, modified)) in &reading.files {
            let mut page = Page::new(name, bytes.clone(), *modified);
            for coding in ["br", "gz"] {
                if let Some((bytes, _)) = reading.files.get(&format!("{name}.{coding}"))
                    && let Some(coding) = Coding::of_extension(coding)
                {
                    page.with(coding, bytes.clone());
                }
            }
            pages.insert(name.clone(), page);
        }
        let index = pages.get(INDEX).cloned().ok_or_else(|| WebAppError::NoIndex { folder: folder.to_owned() })?;
        Ok(Self { pages, index })
    }

    /// The file of this path, which has no slash in front and is decoded.
    pub(super) fn page(&self, path: &str) -> Option<&Page> {
        self.pages.get(path)
    }

    pub(super) fn index(&self) -> &Page {
        &self.index
    }
}

impl fmt::Debug for WebApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebApp").field("files", &self.pages.len()).finish_non_exhaustive()
    }
}

/// The folder of a web application that cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebAppError {
    /// A symbolic link leads out of the folder, or to a folder.
    #[error("the symbolic link {} does not lead to a file of the folder", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// It has no `index.html`.
    #[error("there is no index.html in {}", folder.display())]
    NoIndex {
        /// The folder.
        folder: PathBuf,
    },
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// What of it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is larger than a web application.
    #[error("the folder holds more than {MAX_FILES} files, {MAX_DEPTH} folders in each other, or 64 MiB")]
    TooLarge,
}

impl WebAppError {
    fn at(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}

struct Reading<'a> {
    root: &'a Path,
    /// By their paths below the root, with slashes.
    files: HashMap<String, (Bytes, SystemTime)>,
    bytes: u64,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), WebAppError> {
        if depth > MAX_DEPTH {
            return Err(WebAppError::TooLarge);
        }
        for entry in fs::read_dir(folder).map_err(|source| WebAppError::at(folder, source))? {
            let entry = entry.map_err(|source| WebAppError::at(folder, source))?;
            // A name that is no text has no path that a browser could ask for.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.starts_with('.') {
                self.entry(&entry, &format!("{prefix}{name}"), depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, name: &str, depth: usize) -> Result<(), WebAppError> {
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| WebAppError::at(&path, source))?;
        if kind.is_dir() {
            return self.folder(&path, &format!("{name}/"), depth + 1);
        }
        let path = if kind.is_symlink() {
            let real = fs::canonicalize(&path).map_err(|source| WebAppError::at(&path, source))?;
            let inside = real.strip_prefix(self.root).ok();
            // Nor may it bring to light what is hidden.
            let is_hidden = |part: std::path::Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
            if !real.is_file() || inside.is_none_or(|inside| inside.components().any(is_hidden)) {
                return Err(WebAppError::Link { path });
            }
            real
        } else if kind.is_file() {
            path
        } else {
            return Ok(());
        };
        let facts = fs::metadata(&path).map_err(|source| WebAppError::at(&path, source))?;
        self.bytes = self.bytes.saturating_add(facts.len());
        if self.bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
            return Err(WebAppError::TooLarge);
        }
        let bytes = fs::read(&path).map_err(|source| WebAppError::at(&path, source))?;
        let modified = facts.modified().map_err(|source| WebAppError::at(&path, source))?;
        self.files.insert(name.to_owned(), (bytes.into(), modified));
        Ok(())
    }
}

const INDEX: &str = "index.html";

const MAX_BYTES: u64 = 64 << 20;
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 10_000;
