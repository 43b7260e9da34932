//! Tokens of a text.

use super::ast::Operator;
use super::reader::{END, Place, Reader};
use super::token::{Kind, Token};

/// Reads one token after the other. Strings, quoted names, comments and regular expressions are one token each.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    reader: Reader<'a>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { reader: Reader::new(text) }
    }

    /// The character behind the last token.
    pub(super) fn peek(&mut self) -> char {
        self.reader.peek()
    }

    pub(super) fn token(&mut self) -> Token {
        let (first, at) = self.reader.read();
        match first {
            END => Token::sign(Kind::End, at),
            first if is_space(first) => self.space(first, at),
            first if is_letter(first) || first == '_' || first == '"' => {
                self.reader.unread();
                self.word(Words::AlsoKeywords)
            }
            first if first.is_ascii_digit() => self.number(at),
            '.' => {
                let digit = self.next_is(|next| next.is_ascii_digit());
                if digit { self.number(at) } else { Token::sign(Kind::Dot, at) }
            }
            '\'' => self.text(),
            '$' => self.parameter(at),
            '-' if self.follows('-') => self.comment_line(at),
            '/' if self.follows('*') => self.comment(at),
            ':' if self.follows(':') => Token::sign(Kind::DoubleColon, at),
            '=' if self.follows('~') => operator(Operator::Match, at),
            '!' if self.follows('=') => operator(Operator::NotEqual, at),
            '!' if self.follows('~') => operator(Operator::NoMatch, at),
            '<' if self.follows('=') => operator(Operator::LessOrEqual, at),
            '<' if self.follows('>') => operator(Operator::NotEqual, at),
            '>' if self.follows('=') => operator(Operator::GreaterOrEqual, at),
            other => sign(other, at),
        }
    }

    /// A regular expression, from its first `/`; `\/` is a slash, every other escape stays as it is.
    pub(super) fn regex(&mut self) -> Token {
        let (_, at) = self.reader.current();
        let (first, _) = self.reader.read();
        let mut pattern = String::new();
        if first != '/' {
            return Token::saying(Kind::BadRegex, at, pattern);
        }
        loop {
            match self.reader.read().0 {
                '/' => return Token::saying(Kind::Regex, at, pattern),
                END | '\n' => return Token::saying(Kind::BadRegex, at, ""),
                '\\' => match self.reader.read().0 {
                    '/' => pattern.push('/'),
                    END => return Token::saying(Kind::BadRegex, at, ""),
                    _ => {
                        self.reader.unread();
                        pattern.push('\\');
                    }
                },
                other => pattern.push(other),
            }
        }
    }

    fn space(&mut self, first: char, at: Place) -> Token {
        let mut all = String::from(first);
        loop {
            match self.reader.read().0 {
                END => break,
                next if is_space(next) => all.push(next),
                _ => {
                    self.reader.unread();
                    break;
                }
            }
        }
        Token::saying(Kind::Space, at, all)
    }

    /// A bare or quoted name, or a keyword. Quotes that follow bare characters replace them, as in the original.
    fn word(&mut self, words: Words) -> Token {
        let (_, at) = self.reader.read();
        self.reader.unread();
        let mut word = String::new();
        loop {
            match self.reader.read().0 {
                END => break,
                '"' => {
                    let mut quoted = self.text();
                    if quoted.kind == Kind::Text {
                        quoted.kind = Kind::Name;
                        quoted.at = at;
                    }
                    return quoted;
                }
                next if is_of_word(next) => word.push(next),
                _ => {
                    self.reader.unread();
                    break;
                }
            }
        }
        let kind = match words {
            Words::AlsoKeywords => Kind::of_word(&word),
            Words::Names => Kind::Name,
        };
        if kind == Kind::Name { Token::saying(kind, at, word) } else { Token::sign(kind, at) }
    }

    /// A text between quotes, the first of which was read. Its place is that of the character before it.
    fn text(&mut self) -> Token {
        self.reader.unread();
        let (_, at) = self.reader.current();
        let (quote, _) = self.reader.read();
        let mut text = String::new();
        loop {
            match self.reader.read().0 {
                next if next == quote => return Token::saying(Kind::Text, at, text),
                END | '\n' => return Token::saying(Kind::BadText, at, text),
                '\\' => match self.reader.read().0 {
                    'n' => text.push('\n'),
                    escaped @ ('\\' | '"' | '\'') => text.push(escaped),
                    other => {
                        let (_, at) = self.reader.current();
                        return Token::saying(Kind::BadEscape, at, format!("\\{other}"));
                    }
                },
                other => text.push(other),
            }
        }
    }

    fn number(&mut self, at: Place) -> Token {
        self.reader.unread();
        let mut text = String::new();
        self.take_while(&mut text, |next| next.is_ascii_digit());
        if self.reader.read().0 == '.' {
            let (digit, _) = self.reader.read();
            if digit.is_ascii_digit() {
                text.extend(['.', digit]);
                self.take_while(&mut text, |next| next.is_ascii_digit());
            } else {
                self.reader.unread();
            }
            return Token::saying(Kind::Number, at, text);
        }
        self.reader.unread();
        if !self.next_is(is_of_unit) {
            return Token::saying(Kind::Integer, at, text);
        }
        self.take_while(&mut text, |next| is_of_unit(next) || next.is_ascii_digit());
        Token::saying(Kind::Duration, at, text)
    }

    fn parameter(&mut self, at: Place) -> Token {
        let name = self.word(Words::Names);
        let kind = if name.kind == Kind::Name { Kind::Parameter } else { name.kind };
        Token::saying(kind, at, format!("${}", name.literal()))
    }

    fn comment_line(&mut self, at: Place) -> Token {
        while !matches!(self.reader.read().0, '\n' | END) {}
        Token::sign(Kind::Comment, at)
    }

    fn comment(&mut self, at: Place) -> Token {
        loop {
            match self.reader.read().0 {
                END => return Token::sign(Kind::Illegal, at),
                '*' => loop {
                    match self.reader.read().0 {
                        '/' => return Token::sign(Kind::Comment, at),
                        '*' => {}
                        END => return Token::sign(Kind::Illegal, at),
                        _ => break,
                    }
                },
                _ => {}
            }
        }
    }

    fn take_while(&mut self, text: &mut String, wanted: impl Fn(char) -> bool) {
        loop {
            let (next, _) = self.reader.read();
            if !wanted(next) {
                self.reader.unread();
                return;
            }
            text.push(next);
        }
    }

    fn next_is(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let (next, _) = self.reader.read();
        self.reader.unread();
        wanted(next)
    }

    /// Reads the next character if it is this one.
    fn follows(&mut self, wanted: char) -> bool {
        let (next, _) = self.reader.read();
        if next != wanted {
            self.reader.unread();
        }
        next == wanted
    }
}

/// What a bare word can be.
#[derive(Clone, Copy, Debug)]
enum Words {
    AlsoKeywords,
    Names,
}

fn sign(character: char, at: Place) -> Token {
    let kind = match character {
        '(' => Kind::Open,
        ')' => Kind::Close,
        ',' => Kind::Comma,
        ':' => Kind::Colon,
        ';' => Kind::Semicolon,
        '+' => Kind::Operator(Operator::Add),
        '-' => Kind::Operator(Operator::Subtract),
        '*' => Kind::Operator(Operator::Multiply),
        '/' => Kind::Operator(Operator::Divide),
        '%' => Kind::Operator(Operator::Modulo),
        '&' => Kind::Operator(Operator::BitwiseAnd),
        '|' => Kind::Operator(Operator::BitwiseOr),
        '^' => Kind::Operator(Operator::BitwiseXor),
        '=' => Kind::Operator(Operator::Equal),
        '>' => Kind::Operator(Operator::Greater),
        '<' => Kind::Operator(Operator::Less),
        other => return Token::saying(Kind::Illegal, at, other.to_string()),
    };
    Token::sign(kind, at)
}

fn operator(operator: Operator, at: Place) -> Token {
    Token::sign(Kind::Operator(operator), at)
}

pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n')
}

fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic()
}

pub(super) fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_of_unit(character: char) -> bool {
    is_letter(character) || character == 'µ'
}
