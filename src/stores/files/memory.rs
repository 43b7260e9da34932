//! Files in memory, which end with the process.

use std::collections::HashMap;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use trackgate_schemes::Clock;
use trackgate_schemes::store::{Answer, StoreError};

use crate::ports::{Area, FileName, Files, Listed, NewFile, OpenFile};

/// Keeps files in memory.
#[derive(Clone, Debug)]
pub struct MemoryFiles {
    kept: Arc<Mutex<Kept>>,
    clock: Arc<dyn Clock>,
}

type Kept = HashMap<(Area, FileName), (Bytes, SystemTime)>;

impl MemoryFiles {
    /// None yet; they are dated by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { kept: Arc::default(), clock }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, area: Area, name: &FileName, bytes: Bytes) {
        let modified = self.clock.now();
        self.kept().insert((area, name.clone()), (bytes, modified));
    }
}

impl Files for MemoryFiles {
    fn put<'a>(&'a self, area: Area, name: &'a FileName, bytes: Bytes) -> Answer<'a, ()> {
        self.keep(area, name, bytes);
        Box::pin(async { Ok(()) })
    }

    fn create(&self, area: Area, name: &FileName) -> Result<Box<dyn NewFile>, StoreError> {
        Ok(Box::new(Writing { files: self.clone(), area, name: name.clone(), bytes: Vec::new() }))
    }

    fn open<'a>(&'a self, area: Area, name: &'a FileName) -> Answer<'a, Option<OpenFile>> {
        let found = self.kept().get(&(area, name.clone())).cloned();
        let opened = found.map(|(bytes, modified)| OpenFile {
            len: bytes.len() as u64,
            modified,
            contents: Box::new(Cursor::new(bytes)),
        });
        Box::pin(async { Ok(opened) })
    }

    fn remove<'a>(&'a self, area: Area, name: &'a FileName) -> Answer<'a, ()> {
        self.kept().remove(&(area, name.clone()));
        Box::pin(async { Ok(()) })
    }

    fn list(&self, area: Area) -> Answer<'_, Vec<Listed>> {
        let kept = self.kept();
        let here = kept.iter().filter(|((of, _), _)| *of == area);
        let listed = here.map(|((_, name), (bytes, at))| Listed::new(name.clone(), bytes.len() as u64, *at)).collect();
        Box::pin(async { Ok(listed) })
    }
}

struct Writing {
    files: MemoryFiles,
    area: Area,
    name: FileName,
    bytes: Vec<u8>,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for Writing {
    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.files.keep(self.area, &self.name, self.bytes.into());
        Ok(())
    }
}
