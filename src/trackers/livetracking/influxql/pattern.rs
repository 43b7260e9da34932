//! Regular expressions: the syntax of Go, in that of the `regex` crate.
//!
//! Both come from RE2 and share most of it. What differs is rewritten (`\d`, `\w`, `\s` and `\b` know ASCII only,
//! `\Q…\E` is literal, `{` is literal where no count follows, a class is not an operand of `&&` or `--`) or refused
//! with the error that Go has for it (`a**`, `(?<name>`, `\<letter>` that means nothing).

use std::iter::Peekable;
use std::str::CharIndices;

/// Rewrites an expression, or says what Go finds wrong with it.
pub(super) fn rewritten(pattern: &str) -> Result<String, String> {
    let mut rewriter = Rewriter {
        pattern,
        rest: pattern.char_indices().peekable(),
        out: String::with_capacity(pattern.len() + 16),
        groups: 0,
        operand: false,
        repeat: None,
    };
    rewriter.all()?;
    Ok(rewriter.out)
}

struct Rewriter<'a> {
    pattern: &'a str,
    rest: Peekable<CharIndices<'a>>,
    out: String,
    groups: usize,
    /// Whether there is something that can be repeated.
    operand: bool,
    /// Where the repetition before the present place begins.
    repeat: Option<usize>,
}

impl<'a> Rewriter<'a> {
    fn all(&mut self) -> Result<(), String> {
        while let Some((at, next)) = self.rest.next() {
            if matches!(next, '*' | '+' | '?') {
                self.repeated(at, &next.to_string())?;
                continue;
            }
            if next == '{'
                && let Some(count) = self.count(at)?
            {
                self.repeated(at, count)?;
                continue;
            }
            self.repeat = None;
            self.operand = true;
            match next {
                '(' => self.group(at)?,
                ')' if self.groups == 0 => return Err(wrong("unexpected )", self.pattern)),
                ')' => {
                    self.groups -= 1;
                    self.out.push(')');
                }
                '|' => {
                    self.operand = false;
                    self.out.push('|');
                }
                '[' => self.class(at)?,
                '\\' => self.escape(at)?,
                '^' | '$' | '.' => self.out.push(next),
                literal => self.literal(literal),
            }
        }
        if self.groups > 0 {
            return Err(wrong("missing closing )", self.pattern));
        }
        Ok(())
    }

    /// A repetition, and the `?` that may make it lazy.
    fn repeated(&mut self, at: usize, operator: &str) -> Result<(), String> {
        self.out.push_str(operator);
        if self.rest.next_if(|(_, next)| *next == '?').is_some() {
            self.out.push('?');
        }
        if !self.operand {
            let end = self.place();
            return Err(wrong("missing argument to repetition operator", self.part(at, end)));
        }
        if let Some(before) = self.repeat {
            let end = self.place();
            return Err(wrong("invalid nested repetition operator", self.part(before, end)));
        }
        self.repeat = Some(at);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`, whose first character was read; anything else is literal.
    fn count(&mut self, at: usize) -> Result<Option<&'a str>, String> {
        let text = self.part(at, self.pattern.len());
        let Some(end) = text.find('}') else {
            return Ok(None);
        };
        let text = self.part(at, at + end + 1);
        let inner = self.part(at + 1, at + end);
        let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
        let is_number = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_digit())
                && (text.len() == 1 || !text.starts_with('0'))
        };
        if !is_number(least) || !(most.is_empty() && inner.contains(',') || is_number(most)) {
            return Ok(None);
        }
        let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        let (least, most) = (number(least), if most.is_empty() { None } else { Some(number(most)) });
        if least > MOST_REPEATS || most.is_some_and(|most| most > MOST_REPEATS || most < least) {
            return Err(wrong("invalid repeat count", text));
        }
        while self.rest.next_if(|(place, _)| *place <= at + end).is_some() {}
        Ok(Some(text))
    }

    /// What follows `(`.
    fn group(&mut self, at: usize) -> Result<(), String> {
        self.groups += 1;
        self.operand = false;
        self.out.push('(');
        if self.rest.next_if(|(_, next)| *next == '?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        if self.rest.next_if(|(_, next)| *next == 'P').is_some() {
            return self.named_group(at);
        }
        let mut negative = false;
        let mut flags = false;
        loop {
            let next = self.rest.next().map(|(_, next)| next);
            match next {
                Some(flag @ ('U' | 'i' | 'm' | 's')) => {
                    flags = true;
                    self.out.push(flag);
                }
                Some('-') if !negative => {
                    negative = true;
                    flags = false;
                    self.out.push('-');
                }
                Some(':') if flags || !negative => {
                    self.out.push(':');
                    return Ok(());
                }
                Some(')') if flags || !negative => {
                    self.groups -= 1;
                    if flags {
                        self.out.push(')');
                    } else {
                        self.out.truncate(self.out.len() - "(?".len());
                    }
                    return Ok(());
                }
                _ => {
                    let end = self.place();
                    return Err(wrong("invalid or unsupported Perl syntax", self.part(at, end)));
                }
            }
        }
    }

    fn named_group(&mut self, at: usize) -> Result<(), String> {
        let text = self.part(at, self.pattern.len());
        let Some(end) = text.find('>').filter(|_| text.starts_with("(?P<")) else {
            let why =
                if text.starts_with("(?P<") { "invalid named capture" } else { "invalid or unsupported Perl syntax" };
            let shown = if text.starts_with("(?P<") { text } else { self.part(at, at + 3) };
            return Err(wrong(why, shown));
        };
        let name = self.part(at + 4, at + end);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(wrong("invalid named capture", self.part(at, at + end + 1)));
        }
        while self.rest.next_if(|(place, _)| *place <= at + end).is_some() {}
        // Nobody asks for a group by name, and not every name of Go is one here.
        self.out.push(':');
        Ok(())
    }

    /// What follows `[`.
    fn class(&mut self, at: usize) -> Result<(), String> {
        let missing = |class: &str| wrong("missing closing ]", class);
        let whole = self.part(at, self.pattern.len());
        self.out.push('[');
        if self.rest.next_if(|(_, next)| *next == '^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some((place, next)) = self.rest.next() else {
                return Err(missing(whole));
            };
            if next == ']' && !first {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if next == '[' && self.posix(place)? {
                continue;
            }
            if next == '\\' && self.set(place)? {
                continue;
            }
            let low = self.member(place, next, whole)?;
            let mut ahead = self.rest.clone();
            let dash = ahead.next().is_some_and(|(_, next)| next == '-');
            let high = match ahead.next() {
                Some((_, next)) if dash && next != ']' => {
                    self.rest.next();
                    let (place, next) = self.rest.next().ok_or_else(|| missing(whole))?;
                    self.member(place, next, whole)?
                }
                _ => low,
            };
            if high < low {
                let end = self.place();
                return Err(wrong("invalid character class range", self.part(place, end)));
            }
            self.range(low, high);
        }
    }

    /// `[:name:]` within a class.
    fn posix(&mut self, at: usize) -> Result<bool, String> {
        let text = self.part(at, self.pattern.len());
        let Some(end) = text.find(":]").filter(|_| text.starts_with("[:")) else {
            return Ok(false);
        };
        let text = self.part(at, at + end + 2);
        let name = text.trim_matches(['[', ':', ']']).trim_start_matches('^');
        if !POSIX.contains(&name) {
            return Err(wrong("invalid character class range", text));
        }
        while self.rest.next_if(|(place, _)| *place <= at + end + 1).is_some() {}
        self.out.push_str(text);
        Ok(true)
    }

    /// An escape that means a set of characters, within a class or without.
    fn set(&mut self, at: usize) -> Result<bool, String> {
        let Some((_, letter)) = self.rest.peek().copied() else {
            return Ok(false);
        };
        let set = match letter {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => r"[\t\n\f\r ]",
            'S' => r"[^\t\n\f\r ]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            'p' | 'P' => {
                self.rest.next();
                return self.script(at).map(|()| true);
            }
            _ => return Ok(false),
        };
        self.rest.next();
        self.out.push_str(set);
        Ok(true)
    }

    /// `\pN` or `\p{Name}`, whose letter was read.
    fn script(&mut self, at: usize) -> Result<(), String> {
        if self.rest.next_if(|(_, next)| *next == '{').is_some() {
            while self.rest.next_if(|(_, next)| *next != '}').is_some() {}
        }
        self.rest.next();
        let end = self.place();
        let text = self.part(at, end);
        if regex::Regex::new(text).is_err() {
            return Err(wrong("invalid character class range", text));
        }
        self.out.push_str(text);
        Ok(())
    }

    /// One character of a class.
    fn member(&mut self, at: usize, first: char, class: &str) -> Result<char, String> {
        if first != '\\' {
            return Ok(first);
        }
        let Some((_, letter)) = self.rest.next() else {
            return Err(wrong("missing closing ]", class));
        };
        self.character(at, letter)
    }

    /// What follows a backslash outside of classes.
    fn escape(&mut self, at: usize) -> Result<(), String> {
        if self.set(at)? {
            return Ok(());
        }
        match self.rest.next() {
            None => return Err(wrong("trailing backslash at end of expression", "")),
            Some((_, 'A')) => self.out.push_str(r"\A"),
            Some((_, 'z')) => self.out.push_str(r"\z"),
            Some((_, 'b')) => self.out.push_str(r"(?-u:\b)"),
            Some((_, 'B')) => self.out.push_str(r"\B"),
            Some((_, 'Q')) => self.quoted(),
            Some((_, letter)) => {
                let character = self.character(at, letter)?;
                self.literal(character);
            }
        }
        Ok(())
    }

    /// Everything up to `\E`.
    fn quoted(&mut self) {
        while let Some((_, next)) = self.rest.next() {
            if next == '\\' && self.rest.next_if(|(_, next)| *next == 'E').is_some() {
                return;
            }
            self.literal(next);
        }
    }

    /// The character that an escape means.
    fn character(&mut self, at: usize, letter: char) -> Result<char, String> {
        let code = match letter {
            'a' => 0x07,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'x' => return self.hexadecimal(at),
            '0'..='7' => return self.octal(at, letter),
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => return Ok(other),
            _ => return Err(self.bad_escape(at)),
        };
        Ok(char::from(code))
    }

    /// `\x41` or `\x{41}`, up to the first digit that is too much.
    fn hexadecimal(&mut self, at: usize) -> Result<char, String> {
        let braces = self.rest.next_if(|(_, next)| *next == '{').is_some();
        let mut code = 0;
        let mut digits = 0;
        while braces || digits < 2 {
            match self.rest.next().map(|(_, next)| (next, next.to_digit(16))) {
                Some((_, Some(digit))) if code * 16 + digit <= u32::from(char::MAX) => code = code * 16 + digit,
                Some(('}', _)) if braces && digits > 0 => break,
                _ => return Err(self.bad_escape(at)),
            }
            digits += 1;
        }
        char::from_u32(code).ok_or_else(|| self.bad_escape(at))
    }

    /// Up to three octal digits. One alone would be a reference to a group, unless it is 0.
    fn octal(&mut self, at: usize, first: char) -> Result<char, String> {
        let mut digits = String::from(first);
        for _ in 0..2 {
            digits.extend(self.rest.next_if(|(_, next)| matches!(next, '0'..='7')).map(|(_, digit)| digit));
        }
        if first != '0' && digits.len() == 1 {
            return Err(self.bad_escape(at));
        }
        u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32).ok_or_else(|| self.bad_escape(at))
    }

    fn bad_escape(&mut self, at: usize) -> String {
        let end = self.place();
        wrong("invalid escape sequence", self.part(at, end))
    }

    fn literal(&mut self, character: char) {
        let mut buffer = [0; 4];
        self.out.push_str(&regex::escape(character.encode_utf8(&mut buffer)));
    }

    fn range(&mut self, low: char, high: char) {
        self.out.extend(low.escape_unicode());
        self.out.push('-');
        self.out.extend(high.escape_unicode());
    }

    /// Where the next character stands.
    fn place(&mut self) -> usize {
        self.rest.peek().map_or(self.pattern.len(), |(place, _)| *place)
    }

    fn part(&self, start: usize, end: usize) -> &'a str {
        self.pattern.get(start..end).unwrap_or_default()
    }
}

fn wrong(why: &str, part: &str) -> String {
    format!("error parsing regexp: {why}: `{part}`")
}

/// The most repeats that Go takes.
const MOST_REPEATS: u32 = 1_000;

/// The names of sets of characters.
const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];
