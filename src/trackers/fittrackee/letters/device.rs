//! What a `User-Agent` line tells of a device, in the names that the original's letters use.

/// A system and a browser; `None` for what is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) operating_system: Option<&'static str>,
    pub(super) browser: Option<&'static str>,
}

impl Device {
    /// Nothing is known.
    const UNKNOWN: Self = Self { operating_system: None, browser: None };

    /// Reads the line; only its first [`MAX_LETTERS`] letters count.
    pub(super) fn of(user_agent: Option<&str>) -> Self {
        let text: String = user_agent.unwrap_or_default().chars().take(MAX_LETTERS).collect();
        let parser = woothee::parser::Parser::new();
        let Some(read) = parser.parse(&text) else { return Self::UNKNOWN };
        if !matches!(read.category, "pc" | "smartphone" | "mobilephone") {
            return Self::UNKNOWN;
        }
        let operating_system = system(read.os, &text);
        let browser = browser(read.name, operating_system);
        Self { operating_system, browser }
    }
}

fn system(name: &str, text: &str) -> Option<&'static str> {
    Some(match name {
        "Android" => "Android",
        "BSD" => "FreeBSD",
        "ChromeOS" => "Chrome OS",
        "Linux" => ["Ubuntu", "Fedora", "Debian"].into_iter().find(|word| text.contains(*word)).unwrap_or("Linux"),
        "Mac OSX" => "Mac OS X",
        "Windows Phone OS" => "Windows Phone",
        "iOS" | "iPad" | "iPhone" | "iPod" => "iOS",
        windows if windows.starts_with("Windows ") => "Windows",
        _ => return None,
    })
}

fn browser(name: &str, system: Option<&'static str>) -> Option<&'static str> {
    Some(match (name, system) {
        ("Chrome", Some("Android")) => "Chrome Mobile",
        ("Chrome", Some("iOS")) => "Chrome Mobile iOS",
        ("Chrome", _) => "Chrome",
        ("Edge", Some("Android" | "iOS")) => "Edge Mobile",
        ("Edge", _) => "Edge",
        ("Firefox", Some("Android")) => "Firefox Mobile",
        ("Firefox", Some("iOS")) => "Firefox iOS",
        ("Firefox", _) => "Firefox",
        ("Internet Explorer", _) => "IE",
        ("Opera", Some("Android")) => "Opera Mobile",
        ("Opera", _) => "Opera",
        ("Safari", Some("iOS")) => "Mobile Safari",
        ("Safari", _) => "Safari",
        ("SamsungBrowser", _) => "Samsung Internet",
        ("Vivaldi", _) => "Vivaldi",
        ("Yandex Browser", _) => "Yandex Browser",
        _ => return None,
    })
}

/// No known browser's line is half as long.
const MAX_LETTERS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_and_browsers_have_the_names_of_the_original() {
        let x11 = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)";
        let android = "Mozilla/5.0 (Linux; Android 14; Pixel 8)";
        for (text, system, browser) in [
            (x11.to_owned(), "Linux", "Firefox"),
            (x11.replace("Linux", "Ubuntu; Linux"), "Ubuntu", "Firefox"),
            (format!("{windows} {webkit} Chrome/126.0.0.0 Safari/537.36"), "Windows", "Chrome"),
            (format!("{windows} {webkit} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"), "Windows", "Edge"),
            (format!("{mac} {webkit} Version/17.5 Safari/605.1.15"), "Mac OS X", "Safari"),
            (format!("{phone} {webkit} Version/17.5 Mobile/15E148 Safari/604.1"), "iOS", "Mobile Safari"),
            (format!("{phone} {webkit} FxiOS/127.0 Mobile/15E148 Safari/605.1.15"), "iOS", "Firefox iOS"),
            (format!("{phone} {webkit} CriOS/126.0 Mobile/15E148 Safari/604.1"), "iOS", "Chrome Mobile iOS"),
            (format!("{android} {webkit} Chrome/126.0.0.0 Mobile Safari/537.36"), "Android", "Chrome Mobile"),
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0".to_owned(),
                "Android",
                "Firefox Mobile",
            ),
            (
                format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/126.0.0.0 Safari/537.36"),
                "Chrome OS",
                "Chrome",
            ),
        ] {
            let device = Device { operating_system: Some(system), browser: Some(browser) };
            assert_eq!(Device::of(Some(&text)), device, "{text}");
        }
    }

    #[test]
    fn what_is_no_browser_is_unknown() {
        let long = "(".repeat(100_000);
        for text in [None, Some(""), Some("-"), Some("curl/8.5.0"), Some("okhttp/4.12.0"), Some("<b>\r\n"), Some(&long)]
        {
            assert_eq!(Device::of(text), Device::UNKNOWN);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_without_panic(text in proptest::prelude::any::<String>()) {
            let device = Device::of(Some(&text));
            proptest::prop_assert!(device.operating_system.is_none_or(str::is_ascii));
        }
    }
}
