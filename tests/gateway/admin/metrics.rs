//! What `/metrics` counts, and that nothing a client sends makes a series.

use std::io::{BufReader, Write};

use super::Watched;
use crate::harness::{basic, connect, read_answer, send};

#[test]
fn requests_refusals_and_credentials_are_counted() {
    let watched = Watched::start();
    let account = watched.inside.account("testrider");
    let token = watched.inside.token(&account, "points:write");
    let before = watched.page();
    for _ in 0..3 {
        assert_eq!(watched.inside.ask("GET /open/a", "").status, 200);
    }
    assert_eq!(watched.inside.ask("POST /open/a", "hello").status, 200);
    assert_eq!(watched.inside.ask(&format!("POST /points/7\nAuthorization: Bearer {token}"), "x").status, 200);
    assert_eq!(watched.inside.ask(&format!("POST /points/7\nAuthorization: Bearer {token}"), "x").status, 200);
    assert_eq!(watched.inside.ask(&format!("POST /points/7\n{}", basic("testrider", "wrong")), "x").status, 401);
    assert_eq!(watched.inside.ask("POST /points/7", "x").status, 401);
    assert_eq!(watched.inside.ask("GET /nowhere", "").status, 404);
    assert_eq!(send(watched.inside.address(), b"GET / HTTP/1.1\r\n\r\n").status, 400);
    // Answers of trackers count by their status, refusals by their reason, whatever the status says.
    let login = watched
        .inside
        .ask("POST /login\nContent-Type: application/json", "{\"login\":\"testrider\",\"password\":\"wrong\"}");
    assert_eq!(login.status, 200);
    let after = watched.page();
    after.is_after(&before);
    for (series, value) in [
        ("trackgate_requests_total{route=\"open\",method=\"GET\",status=\"200\"}", 3.0),
        ("trackgate_requests_total{route=\"open\",method=\"POST\",status=\"200\"}", 1.0),
        ("trackgate_requests_total{route=\"points\",method=\"POST\",status=\"200\"}", 2.0),
        ("trackgate_requests_total{route=\"points\",method=\"POST\",status=\"401\"}", 2.0),
        ("trackgate_requests_total{route=\"\",method=\"GET\",status=\"404\"}", 1.0),
        ("trackgate_requests_total{route=\"\",method=\"GET\",status=\"400\"}", 1.0),
        ("trackgate_refusals_total{route=\"points\",reason=\"wrong_secret\",by=\"basic\"}", 1.0),
        ("trackgate_refusals_total{route=\"points\",reason=\"no_credential\",by=\"gate\"}", 1.0),
        ("trackgate_refusals_total{route=\"\",reason=\"not_found\",by=\"gateway\"}", 1.0),
        ("trackgate_refusals_total{route=\"\",reason=\"bad_request\",by=\"gateway\"}", 1.0),
        ("trackgate_authentications_total{scheme=\"api\",verdict=\"known\"}", 2.0),
        ("trackgate_authentications_total{scheme=\"basic\",verdict=\"refused\"}", 1.0),
        ("trackgate_authentications_total{scheme=\"\",verdict=\"absent\"}", 1.0),
        ("trackgate_request_duration_seconds_count{route=\"open\"}", 4.0),
        ("trackgate_response_body_bytes_total{route=\"open\"}", 8.0),
        ("trackgate_requests_in_flight", 0.0),
        ("trackgate_request_body_bytes_total", 47.0),
        ("trackgate_hash_pool_waiting", 0.0),
        ("trackgate_upstream_requests_in_flight{upstream=\"up\"}", 0.0),
        ("trackgate_tunnels_open", 0.0),
        ("trackgate_credential_cache_lookups_total{scheme=\"api\",result=\"hit\"}", 1.0),
        ("trackgate_config_last_reload_successful", 1.0),
        ("trackgate_build_info{version=\"0.1.0\"}", 1.0),
    ] {
        // What is sent to the end a moment later is counted a moment later.
        let told = wait_for(&watched, series, value);
        assert!((told - value).abs() < f64::EPSILON, "{series} is {told}, not {value}");
    }
    let lp: f64 = after
        .series
        .iter()
        .filter(|(name, _)| name.starts_with("trackgate_refusals_total{route=\"lp\""))
        .map(|(_, value)| value)
        .sum();
    assert!((lp - 1.0).abs() < f64::EPSILON, "a sign-in that a tracker refuses has a reason");
    for grown in [
        "trackgate_connections_accepted_total",
        "trackgate_hash_pool_jobs_total",
        "trackgate_store_reads_total{outcome=\"success\"}",
        "trackgate_store_commits_total{outcome=\"success\"}",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        assert!(after.value(grown) > 0.0, "{grown}");
    }
}

#[test]
fn dos_01_ten_thousand_paths_and_users_make_no_series() {
    let watched = Watched::start();
    let mut stream = BufReader::new(connect(watched.inside.address()));
    let mut storm = |from: u32, to: u32| {
        for n in from..to {
            let wire = match n % 4 {
                0 => format!("GET /open/{n}?q={n} HTTP/1.1\r\nHost: h{n}.example\r\n"),
                1 => format!("GET /nowhere/{n} HTTP/1.1\r\nHost: a\r\n"),
                2 => format!("{} /open/{n} HTTP/1.1\r\nHost: a\r\n", letters(n)),
                _ => format!(
                    "POST /points/{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nAuthorization: Bearer user{n}\r\n"
                ),
            };
            let wire =
                format!("{wire}X-Forwarded-For: 10.0.{}.{}\r\nUser-Agent: agent{n}\r\n\r\n", n / 256 % 256, n % 256);
            stream.get_mut().write_all(wire.as_bytes()).unwrap();
            read_answer(&mut stream);
        }
    };
    storm(0, 200);
    let before = watched.page();
    storm(200, 10_200);
    let after = watched.page();
    after.is_after(&before);
    let names = |page: &super::page::Page| page.series.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    assert!(after.series.len() < 400, "{}", after.series.len());
    let told = watched.look("/metrics").text().to_owned();
    for of_clients in ["nowhere", "agent9", "user9", "h8.example", "10.0."] {
        assert!(!told.contains(of_clients), "{of_clients}");
    }
}

#[test]
fn counters_go_on_when_the_configuration_changes() {
    let mut watched = Watched::start();
    assert_eq!(watched.inside.ask("GET /open/a", "").status, 200);
    let before = watched.page();
    let admin = "[admin]\naddress = \"127.0.0.1:0\"\ndecisions = 5";
    let text = super::config(&watched.up, admin);
    watched.inside.reload(&text).unwrap();
    assert!(watched.inside.reload("listen.threads = 1\n[admin]").is_err());
    assert_eq!(watched.inside.ask("GET /open/a", "").status, 200);
    let after = watched.page();
    after.is_after(&before);
    let series = "trackgate_requests_total{route=\"open\",method=\"GET\",status=\"200\"}";
    assert!((after.value(series) - 2.0).abs() < f64::EPSILON);
    assert!((after.value("trackgate_config_reloads_total{outcome=\"success\"}") - 1.0).abs() < f64::EPSILON);
    assert!((after.value("trackgate_config_reloads_total{outcome=\"failure\"}") - 1.0).abs() < f64::EPSILON);
    assert!(after.value("trackgate_config_last_reload_successful") < 1.0);
}

/// A method of its own for each number.
fn letters(n: u32) -> String {
    n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'A')).collect()
}

/// The value of a series, once it is as wanted or a second has passed.
fn wait_for(watched: &Watched, series: &str, value: f64) -> f64 {
    let late = std::time::Instant::now() + std::time::Duration::from_secs(2);
    loop {
        let told = watched.page().value(series);
        if (told - value).abs() < f64::EPSILON || std::time::Instant::now() > late {
            return told;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
