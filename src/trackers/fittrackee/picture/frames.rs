//! Counting the frames of an animation without drawing one (GIF89a, sections 15 to 27).

/// How many frames a GIF has; `None` if it cannot be read up to its end.
pub(super) fn count(gif: &[u8]) -> Option<usize> {
    let mut rest = Rest(gif);
    // Signature, version, width and height.
    rest.skip(10)?;
    let screen = rest.byte()?;
    // Background and aspect ratio.
    rest.skip(2)?;
    rest.skip(table(screen))?;
    let mut frames = 0;
    loop {
        match rest.byte()? {
            EXTENSION => {
                rest.skip(1)?;
                rest.skip_blocks()?;
            }
            IMAGE => {
                rest.skip(8)?;
                let image = rest.byte()?;
                // The size of the first code stands before the pixels.
                rest.skip(table(image) + 1)?;
                rest.skip_blocks()?;
                frames += 1;
            }
            TRAILER => return Some(frames),
            _ => return None,
        }
    }
}

/// The length of the table of colours that these flags announce.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// Blocks up to an empty one.
    fn skip_blocks(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                0 => return Some(()),
                length => self.skip(usize::from(length))?,
            }
        }
    }
}

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
