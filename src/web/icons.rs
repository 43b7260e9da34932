//! Small pictures beside words, as markup: lines of 1.7 on a field of 24, in the colour of the text around them.

/// The picture of this name; empty for none.
pub(super) fn icon(name: &str) -> String {
    let Some((_, lines)) = LINES.iter().find(|(known, _)| *known == name) else { return String::new() };
    format!(
        "<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.7\" stroke-linecap=\"round\" \
         stroke-linejoin=\"round\" aria-hidden=\"true\" focusable=\"false\">{lines}</svg>"
    )
}

const LINES: [(&str, &str); 18] = [
    ("home", "<path d='M4 11.5 12 4l8 7.5'/><path d='M6 10v9.5h12V10'/><path d='M10 19.5v-5h4v5'/>"),
    (
        "key",
        "<circle cx='8' cy='15.5' r='4'/><path d='m11 12.5 8-8'/><path d='m15.5 8 3 3'/><path d='m18.5 5 1.5 1.5'/>",
    ),
    (
        "devices",
        "<rect x='3' y='5' width='13' height='10' rx='1.6'/><path d='M6.5 19h6'/><path d='M9.5 15v4'/><rect x='16' y='10' width='5.5' height='9.5' rx='1.3'/>",
    ),
    (
        "lock",
        "<rect x='5' y='10.5' width='14' height='9.5' rx='2'/><path d='M8 10.5V8a4 4 0 0 1 8 0v2.5'/><path d='M12 14.5v2'/>",
    ),
    (
        "share",
        "<circle cx='6' cy='12' r='2.6'/><circle cx='17.5' cy='5.5' r='2.6'/><circle cx='17.5' cy='18.5' r='2.6'/><path d='m8.4 10.8 6.8-4'/><path d='m8.4 13.2 6.8 4'/>",
    ),
    (
        "link",
        "<path d='M10 14.5a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1'/><path d='M14 9.5a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1'/>",
    ),
    ("list", "<path d='M12 7.5V12l3 2'/><path d='M4.5 12a7.5 7.5 0 1 0 2.4-5.5L4.5 8.5'/><path d='M4.5 4.5v4h4'/>"),
    (
        "people",
        "<circle cx='9' cy='8.5' r='3.5'/><path d='M3 19.5c.5-3.6 2.9-5.5 6-5.5s5.5 1.9 6 5.5'/><path d='M15.5 5.3a3.5 3.5 0 0 1 0 6.4'/><path d='M17.5 14.4c1.9.8 3.1 2.5 3.5 5.1'/>",
    ),
    ("search", "<circle cx='10.5' cy='10.5' r='6'/><path d='m15 15 5 5'/>"),
    (
        "copy",
        "<rect x='8.5' y='8.5' width='11' height='11' rx='2'/><path d='M15.5 8.5V6.5a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2'/>",
    ),
    ("plus", "<path d='M12 5v14'/><path d='M5 12h14'/>"),
    ("good", "<circle cx='12' cy='12' r='8.5'/><path d='m8.5 12.3 2.5 2.4 4.7-5.2'/>"),
    ("bad", "<circle cx='12' cy='12' r='8.5'/><path d='M12 7.5v5.5'/><path d='M12 16.3v.2'/>"),
    ("warn", "<path d='M12 4 3 19.5h18L12 4Z'/><path d='M12 10v4.5'/><path d='M12 17v.2'/>"),
    ("note", "<circle cx='12' cy='12' r='8.5'/><path d='M12 11v5.5'/><path d='M12 7.7v.2'/>"),
    (
        "eye",
        "<path d='M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z'/><circle cx='12' cy='12' r='3'/>",
    ),
    (
        "out",
        "<path d='M14 4.5H7a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h7'/><path d='M10.5 12h9.5'/><path d='m16.5 8.5 3.5 3.5-3.5 3.5'/>",
    ),
    ("compass", "<circle cx='12' cy='12' r='8.5'/><path d='m15.5 8.5-2 5-5 2 2-5 5-2Z'/>"),
];
