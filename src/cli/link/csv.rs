//! Links in a CSV file (RFC 4180): a head line with the names of the columns, then one link a line.

use trackgate_schemes::Secret;

use super::CliError;
use crate::accounts::NewLink;

/// One link.
#[derive(Debug)]
pub(super) struct Line {
    number: usize,
    /// The account's name or e-mail address here.
    pub(super) account: String,
    /// The set of links.
    pub(super) set: String,
    /// What is linked.
    pub(super) new: NewLink,
}

impl Line {
    /// What is wrong with this line. Nothing of what it says is repeated but names.
    pub(super) fn fault(&self, error: &CliError) -> CliError {
        CliError::refused(format!("line {}: {error}; nothing of this line was changed", self.number))
    }
}

/// The links of a file.
///
/// # Errors
///
/// The first line that is none, with its number.
pub(super) fn read(text: &str) -> Result<Vec<Line>, CliError> {
    let mut records = records(text.trim_start_matches('\u{feff}'))?.into_iter();
    let (_, head) = records.next().ok_or_else(|| CliError::refused("the file is empty"))?;
    let head: Vec<String> = head.iter().map(|name| name.trim().to_lowercase()).collect();
    let place = |name: &str| head.iter().position(|column| column == name);
    if let Some(other) = head.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let message = format!("line 1: there is no column `{other}`; there are {}", COLUMNS.join(", "));
        return Err(CliError::refused(message));
    }
    let needed =
        |name: &str| place(name).ok_or_else(|| CliError::refused(format!("line 1: the column `{name}` is missing")));
    let (account, set) = (needed("account")?, needed("tracker")?);
    let (user, secret, count) = (place("user"), place("secret"), place("number"));
    let mut lines: Vec<Line> = Vec::new();
    for (number, fields) in records {
        let fault = |why: String| CliError::refused(format!("line {number}: {why}; nothing was changed"));
        if fields.len() != head.len() {
            return Err(fault(format!("it has {} fields, the head has {}", fields.len(), head.len())));
        }
        let field = |place: Option<usize>| place.and_then(|place| fields.get(place)).map_or("", String::as_str);
        let linked = match field(count).trim() {
            "" => None,
            text => Some(text.parse().map_err(|_other| fault(format!("`{text}` is not a number")))?),
        };
        let secret = Some(field(secret)).filter(|secret| !secret.is_empty()).map(Secret::from);
        let line = Line {
            number,
            account: field(Some(account)).trim().to_owned(),
            set: field(Some(set)).trim().to_owned(),
            new: NewLink { user: field(user).to_owned(), secret, number: linked },
        };
        if line.account.is_empty() || line.set.is_empty() {
            return Err(fault("`account` and `tracker` must be there".to_owned()));
        }
        if line.new.secret.is_none() && line.new.number.is_none() {
            return Err(fault("a link has a `secret` or a `number`".to_owned()));
        }
        if let Some(other) = lines.iter().find(|other| other.account == line.account && other.set == line.set) {
            return Err(fault(format!("line {} links the same account in the same tracker", other.number)));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The records of a file, each with the number of its first line. Empty lines are left out.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, CliError> {
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began) = (1, 1);
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if is_quoted => {
                is_quoted = false;
                if chars.peek().is_some_and(|next| !matches!(next, ',' | '\r' | '\n')) {
                    return Err(CliError::refused(format!("line {line}: text behind a closing quote")));
                }
            }
            '"' if field.is_empty() => is_quoted = true,
            '\n' if is_quoted => {
                line += 1;
                field.push(char);
            }
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' => {
                line += 1;
                end(&mut records, &mut fields, &mut field, began);
                began = line;
            }
            char => field.push(char),
        }
    }
    if is_quoted {
        return Err(CliError::refused(format!("line {began}: a quote is not closed")));
    }
    end(&mut records, &mut fields, &mut field, began);
    Ok(records)
}

fn end(records: &mut Vec<(usize, Vec<String>)>, fields: &mut Vec<String>, field: &mut String, began: usize) {
    if !fields.is_empty() || !field.is_empty() {
        fields.push(std::mem::take(field));
        records.push((began, std::mem::take(fields)));
    }
}

const COLUMNS: [&str; 5] = ["account", "tracker", "user", "secret", "number"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_with_their_quotes() {
        let text = "\u{feff}account,tracker,user,secret,number\r\nanna,crm,anna@example.org,\"a \"\"b\"\", c\",\r\n\r\n\
                    bert@example.org, fit ,,,42\n";
        let lines = read(text).unwrap();
        let [anna, bert] = &*lines else { panic!("{lines:?}") };
        assert_eq!((&*anna.account, &*anna.set, &*anna.new.user), ("anna", "crm", "anna@example.org"));
        assert_eq!(anna.new.secret, Some("a \"b\", c".into()));
        assert_eq!((bert.number, &*bert.set, bert.new.number), (4, "fit", Some(42)));
    }

    #[test]
    fn mistakes_are_told_by_line_and_repeat_no_secret() {
        for (text, told) in [
            ("", "the file is empty"),
            ("account,user\n", "line 1: the column `tracker` is missing"),
            ("account,tracker,pass\n", "line 1: there is no column `pass`"),
            ("account,tracker,secret\na,b,hunter2,d\n", "line 2: it has 4 fields, the head has 3"),
            ("account,tracker,secret\n\na,b,\n", "line 3: a link has a `secret` or a `number`"),
            ("account,tracker,secret\n,b,hunter2\n", "line 2: `account` and `tracker` must be there"),
            ("account,tracker,number\na,b,hunter\n", "line 2: `hunter` is not a number"),
            ("account,tracker,secret\na,b,\"hunter2\n", "line 2: a quote is not closed"),
            ("account,tracker,secret\na,b,\"hunter\"2\n", "line 2: text behind a closing quote"),
            ("account,tracker,secret\na,b,hunter2\nb,b,x\na,b,hunter2\n", "line 4: line 2 links the same account"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text:?}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
