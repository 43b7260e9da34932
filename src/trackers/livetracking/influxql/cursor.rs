//! The place in a text up to which it is understood, and what the statement says so far.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::ast::Pattern;
use super::error::ParseError;
use super::params::Params;
use super::scanner::{Scanner, is_space};
use super::token::{Kind, Token};
use super::{MAX_BRACKETS, MAX_PATTERN_BYTES, MAX_PATTERNS, MAX_SAID_BYTES, MAX_TERMS, pattern, reader, written};

/// Reads tokens, with values in place of parameters, and steps back up to two of them.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    scanner: Scanner<'a>,
    params: Option<&'a Params>,
    /// The latest last; never more than three.
    recent: Vec<Token>,
    /// How many of them are to be read again.
    back: usize,
    /// The statement as the original prints it, as far as it is understood.
    pub(super) said: String,
    /// Bytes of the statements before it.
    said_before: usize,
    /// No error shows what was written from here on: a password may be in it.
    pub(super) secret: bool,
    patterns: HashMap<Arc<str>, Regex>,
    terms: usize,
    brackets: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, params: Option<&'a Params>) -> Self {
        Self {
            scanner: Scanner::new(text),
            params,
            recent: Vec::with_capacity(4),
            back: 0,
            said: String::new(),
            said_before: 0,
            secret: false,
            patterns: HashMap::new(),
            terms: 0,
            brackets: 0,
        }
    }

    /// The next token, spaces and comments too.
    pub(super) fn scan(&mut self) -> Token {
        self.scan_by(Scanner::token)
    }

    /// The next token that is neither space nor comment.
    pub(super) fn next(&mut self) -> Token {
        loop {
            let token = self.scan();
            if !matches!(token.kind, Kind::Comment | Kind::Space) {
                return token;
            }
        }
    }

    /// Steps back over the last token.
    pub(super) fn unscan(&mut self) {
        self.back += 1;
    }

    /// The next token that is neither space nor comment, left to be read.
    pub(super) fn ahead(&mut self) -> Token {
        let token = self.next();
        self.unscan();
        token
    }

    /// The character behind the last token that was ever read.
    pub(super) fn peek(&mut self) -> char {
        self.scanner.peek()
    }

    pub(super) fn skip_space(&mut self) {
        if self.scan().kind != Kind::Space {
            self.unscan();
        }
    }

    /// Reads the next token if it is of this kind.
    pub(super) fn takes(&mut self, kind: Kind) -> bool {
        let found = self.next().kind == kind;
        if !found {
            self.unscan();
        }
        found
    }

    pub(super) fn takes_keyword(&mut self, keyword: &'static str) -> bool {
        self.takes(Kind::Keyword(keyword))
    }

    /// Reads tokens of these kinds, in this order.
    pub(super) fn expect(&mut self, kinds: &[Kind]) -> Result<(), ParseError> {
        for kind in kinds {
            let token = self.next();
            if token.kind != *kind {
                return Err(self.found(&token, kind.name()));
            }
        }
        Ok(())
    }

    /// Reads this keyword and says it.
    pub(super) fn keyword(&mut self, keyword: &'static str) -> Result<(), ParseError> {
        self.expect(&[Kind::Keyword(keyword)])?;
        self.say(" ");
        self.say(keyword);
        Ok(())
    }

    /// Reads a name.
    pub(super) fn name(&mut self) -> Result<Arc<str>, ParseError> {
        self.term()?;
        let token = self.next();
        if token.kind == Kind::Name { Ok(token.literal()) } else { Err(self.found(&token, "identifier")) }
    }

    /// Reads a name and says it.
    pub(super) fn said_name(&mut self) -> Result<Arc<str>, ParseError> {
        let name = self.name()?;
        self.say(" ");
        self.say(&written::name(&name));
        Ok(name)
    }

    /// Reads a text in single quotes.
    pub(super) fn text(&mut self) -> Result<Arc<str>, ParseError> {
        self.term()?;
        let token = self.next();
        if token.kind == Kind::Text { Ok(token.literal()) } else { Err(self.found(&token, "string")) }
    }

    /// Reads a regular expression and says it, if one follows. As in the original that is told by the character behind
    /// the last token, so that a slash behind a token that was stepped back over is an error.
    pub(super) fn pattern(&mut self) -> Result<Option<Pattern>, ParseError> {
        if is_space(self.peek()) {
            self.skip_space();
        }
        match self.peek() {
            '$' => {
                let kind = self.scan().kind;
                self.unscan();
                if kind != Kind::Regex {
                    return Ok(None);
                }
            }
            '/' => {}
            _ => return Ok(None),
        }
        let token = self.scan_by(Scanner::regex);
        match token.kind {
            Kind::Regex => self.compiled(&token).map(Some),
            Kind::BadRegex => Err(ParseError::at(format_args!("bad regex: {}", token.literal()), token.at)),
            _ => Err(self.found(&token, "regex")),
        }
    }

    /// Compiles a regular expression and says it.
    pub(super) fn compiled(&mut self, token: &Token) -> Result<Pattern, ParseError> {
        self.term()?;
        let text = token.literal();
        self.say(&written::regex(&text));
        if let Some(known) = self.patterns.get(&text) {
            return Ok(Pattern(known.clone()));
        }
        if text.len() > MAX_PATTERN_BYTES {
            let why = format!("regular expression is longer than {MAX_PATTERN_BYTES} bytes");
            return Err(ParseError::at(why, token.at));
        }
        if self.patterns.len() == MAX_PATTERNS {
            return Err(ParseError::at(format_args!("more than {MAX_PATTERNS} regular expressions"), token.at));
        }
        let rewritten = pattern::rewritten(&text).map_err(|why| ParseError::at(why, token.at))?;
        let regex = RegexBuilder::new(&rewritten)
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(COMPILED_BYTES)
            .nest_limit(NESTED_PATTERN)
            .build()
            .map_err(|_| ParseError::at("regular expression is too complex", token.at))?;
        self.patterns.insert(text, regex.clone());
        Ok(Pattern(regex))
    }

    pub(super) fn say(&mut self, text: &str) {
        self.said.push_str(text);
    }

    /// Takes what the statement says, at its end.
    pub(super) fn take_said(&mut self) -> String {
        self.said_before += self.said.len();
        std::mem::take(&mut self.said)
    }

    /// Counts one more name, value or pattern. What was said is counted too: a parameter is said wherever it is named.
    pub(super) fn term(&mut self) -> Result<(), ParseError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(ParseError::new(format!("more than {MAX_TERMS} names and values")));
        }
        if self.said_before + self.said.len() > MAX_SAID_BYTES {
            return Err(ParseError::new(format!("query with its parameters is longer than {MAX_SAID_BYTES} bytes")));
        }
        Ok(())
    }

    /// Goes into brackets.
    pub(super) fn open(&mut self) -> Result<(), ParseError> {
        self.brackets += 1;
        if self.brackets > MAX_BRACKETS {
            return Err(ParseError::new(format!("more than {MAX_BRACKETS} brackets in one another")));
        }
        Ok(())
    }

    /// Comes out of brackets.
    pub(super) fn close(&mut self) {
        self.brackets -= 1;
    }

    /// The error of a token that stands where another should.
    pub(super) fn found(&self, token: &Token, expected: &str) -> ParseError {
        if self.secret && token.literal.is_some() {
            return ParseError::at(format_args!("found [REDACTED], expected {expected}"), token.at);
        }
        let shown = token.to_string();
        match shown.char_indices().nth(SHOWN_CHARACTERS).and_then(|(end, _)| shown.get(..end)) {
            None => ParseError::at(format_args!("found {shown}, expected {expected}"), token.at),
            Some(start) => ParseError::at(format_args!("found {start}…, expected {expected}"), token.at),
        }
    }

    fn scan_by(&mut self, read: fn(&mut Scanner<'a>) -> Token) -> Token {
        if self.back > 0 {
            self.back -= 1;
        } else {
            let token = read(&mut self.scanner);
            if self.recent.len() > 3 {
                self.recent.remove(0);
            }
            self.recent.push(self.bound(token));
        }
        let last = self.recent.len().checked_sub(self.back + 1);
        last.and_then(|last| self.recent.get(last)).cloned().unwrap_or(Token::sign(Kind::End, reader::Place::default()))
    }

    /// The value of a parameter in place of its name.
    fn bound(&self, mut token: Token) -> Token {
        if token.kind == Kind::Parameter {
            let name = token.literal();
            let value = name.strip_prefix('$').and_then(|name| self.params?.get(name));
            if let Some(value) = value {
                token.kind = value.kind;
                token.literal.clone_from(&value.literal);
            }
        }
        token
    }
}

/// How much memory a compiled regular expression, and each cache for it, may take.
const COMPILED_BYTES: usize = 256 << 10;

/// How deep the groups of a regular expression may be nested.
const NESTED_PATTERN: u32 = 50;

/// How much of a token an error shows.
const SHOWN_CHARACTERS: usize = 256;
