//! Characters of a text with their places, as `InfluxDB` counts them.
//!
//! A place is the line and the column, both from 0 here and from 1 where they are shown. `\r`, `\r\n` and `\n` all
//! read as `\n`. The first read past the end stands where the text ends, every further one a column later: error
//! texts of the original depend on it.

use std::fmt;
use std::str::Chars;

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, char {}", self.line + 1, self.column + 1)
    }
}

/// What is read past the end. No text has it, see [`parse`](super::parse).
pub(super) const END: char = '\0';

/// Reads one character after the other, and steps back up to three of them.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: Chars<'a>,
    /// Where the next new character stands.
    next: Place,
    ended: bool,
    /// The latest first.
    recent: [(char, Place); 4],
    /// How many of them are to be read again.
    back: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let nothing = (END, Place::default());
        Self { rest: text.chars(), next: Place::default(), ended: false, recent: [nothing; 4], back: 0 }
    }

    pub(super) fn read(&mut self) -> (char, Place) {
        if self.back > 0 {
            self.back -= 1;
            return self.current();
        }
        let character = self.take();
        self.recent.rotate_right(1);
        self.recent[0] = (character, self.next);
        if character == '\n' {
            self.next = Place { line: self.next.line + 1, column: 0 };
        } else if !self.ended {
            self.next.column += 1;
        }
        self.ended |= character == END;
        self.recent[0]
    }

    pub(super) fn unread(&mut self) {
        self.back += 1;
    }

    /// What was read last, or before that which was stepped back over.
    pub(super) fn current(&self) -> (char, Place) {
        self.recent.get(self.back).copied().unwrap_or_default()
    }

    /// The next character without reading it; the end is read all the same.
    pub(super) fn peek(&mut self) -> char {
        let (character, _) = self.read();
        if character != END {
            self.unread();
        }
        character
    }

    fn take(&mut self) -> char {
        match self.rest.next() {
            None => END,
            Some('\r') => {
                let mut ahead = self.rest.clone();
                if ahead.next() == Some('\n') {
                    self.rest = ahead;
                }
                '\n'
            }
            Some(other) => other,
        }
    }
}
