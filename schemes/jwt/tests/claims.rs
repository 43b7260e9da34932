//! What a well-signed token says, and what of it is believed.

use super::*;

const ALICE: &str = r#""sub":"1""#;

fn exp(value: &str) -> String {
    token(format!("{{\"exp\":{value},{ALICE}}}"))
}

fn more(claims: &str) -> String {
    token(format!("{{\"exp\":{EXP},{ALICE},{claims}}}"))
}

fn now_and(delta: i64) -> u64 {
    IAT.checked_add_signed(delta).unwrap()
}

#[tokio::test]
async fn jwt_14_at_exactly_exp_and_leeway_a_token_is_dead() {
    for leeway in [0, 30] {
        let (jwt, _) = with(Settings { leeway: Duration::from_secs(leeway), ..Settings::new("fit") }, keys());
        let around = |delta: i64| exp(&(now_and(delta) - leeway).to_string());
        assert_eq!(refused(&jwt, &around(-1)).await, Reason::Expired);
        assert_eq!(refused(&jwt, &around(0)).await, Reason::Expired);
        let good = around(1);
        let who = present(&jwt, &good, at(IAT)).await.unwrap();
        assert_eq!(who.expires_at(), Some(at(IAT + 1)), "leeway included");
        assert!(present(&jwt, &good, at(IAT) + Duration::from_millis(999)).await.is_ok());
        assert_eq!(present(&jwt, &good, at(IAT + 1)).await.unwrap_err(), Reason::Expired);
    }
}

#[tokio::test]
async fn jwt_15_nbf_and_iat_ahead_of_now_are_refused() {
    for leeway in [0, 30] {
        let (jwt, _) = with(Settings { leeway: Duration::from_secs(leeway), ..Settings::new("fit") }, keys());
        for name in ["nbf", "iat"] {
            let ahead = more(&format!("\"{name}\":{}", IAT + leeway + 1));
            assert_eq!(refused(&jwt, &ahead).await, Reason::Malformed);
            let fits = more(&format!("\"{name}\":{}", IAT + leeway));
            assert!(present(&jwt, &fits, at(IAT)).await.is_ok());
            // Remembered, and the clock is set back by less than what memory forgives.
            let back = at(IAT) - Duration::from_millis(500);
            assert_eq!(present(&jwt, &fits, back).await.unwrap_err(), Reason::Malformed);
        }
    }
}

#[tokio::test]
async fn jwt_16_a_wrong_type_is_never_absent() {
    let (jwt, _) = fit();
    for value in [
        "\"1797903849\"",
        "true",
        "null",
        "[1797903849]",
        "{}",
        "-1",
        "-0.0",
        "1e999",
        "-1e999",
        "9007199254740993",
        "1e16",
        "18446744073709551616",
        "NaN",
    ] {
        assert_eq!(refused(&jwt, &exp(value)).await, Reason::Malformed, "exp {value}");
        for name in ["nbf", "iat"] {
            assert_eq!(refused(&jwt, &more(&format!("\"{name}\":{value}"))).await, Reason::Malformed, "{name} {value}");
        }
    }
    for claims in
        [r#""iss":1"#, r#""iss":null"#, r#""jti":1"#, r#""jti":"""#, r#""gen":"0""#, r#""gen":-1"#, r#""gen":0.5"#]
    {
        assert_eq!(refused(&jwt, &more(claims)).await, Reason::Malformed, "{claims}");
    }
    assert!(present(&jwt, &exp("9007199254740992"), at(IAT)).await.is_ok());
}

#[tokio::test]
async fn jwt_16_a_fraction_is_rounded_so_that_the_token_lives_shorter() {
    let (jwt, _) = fit();
    let ends = exp(&format!("{}.9", IAT + 1));
    assert!(present(&jwt, &ends, at(IAT)).await.is_ok());
    assert_eq!(present(&jwt, &ends, at(IAT + 1)).await.unwrap_err(), Reason::Expired);
    for name in ["nbf", "iat"] {
        assert_eq!(refused(&jwt, &more(&format!("\"{name}\":{IAT}.1"))).await, Reason::Malformed);
        assert!(present(&jwt, &more(&format!("\"{name}\":{IAT}.0")), at(IAT)).await.is_ok());
    }
}

#[tokio::test]
async fn jwt_17_a_token_without_exp_or_sub_is_refused() {
    let (jwt, store) = fit();
    for claims in
        ["{}".to_owned(), format!("{{{ALICE}}}"), format!("{{\"exp\":{EXP}}}"), format!("{{\"EXP\":{EXP},{ALICE}}}")]
    {
        assert_eq!(refused(&jwt, &token(&claims)).await, Reason::Malformed, "{claims}");
    }
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn jwt_18_the_issuer_is_compared_to_the_letter() {
    let (jwt, _) = with(Settings { issuer: Some("https://id.example".into()), ..Settings::new("fit") }, keys());
    for claims in ["\"a\":1", r#""iss":"""#, r#""iss":"https://ID.example""#, r#""iss":"https://id.example/""#] {
        assert_eq!(refused(&jwt, &more(claims)).await, Reason::Unknown, "{claims}");
    }
    assert!(present(&jwt, &more(r#""iss":"https://id.example""#), at(IAT)).await.is_ok());
}

#[tokio::test]
async fn jwt_19_only_an_audience_that_names_us_is_good() {
    let (jwt, _) = with(Settings { audience: Some("gate".into()), ..Settings::new("fit") }, keys());
    for claims in ["\"a\":1", r#""aud":"other""#, r#""aud":["other"]"#, r#""aud":[]"#, r#""aud":"Gate""#] {
        assert_eq!(refused(&jwt, &more(claims)).await, Reason::Purpose, "{claims}");
    }
    for claims in [r#""aud":1"#, r#""aud":{"gate":1}"#, r#""aud":null"#, r#""aud":["gate",1]"#] {
        assert_eq!(refused(&jwt, &more(claims)).await, Reason::Malformed, "{claims}");
    }
    for claims in [r#""aud":"gate""#, r#""aud":["other","gate"]"#] {
        assert!(present(&jwt, &more(claims), at(IAT)).await.is_ok(), "{claims}");
    }
    let (open, _) = fit();
    assert_eq!(refused(&open, &more(r#""aud":"gate""#)).await, Reason::Purpose, "it is for somebody else");
    assert_eq!(refused(&open, &more(r#""aud":[]"#)).await, Reason::Purpose);
}

#[tokio::test]
async fn a_required_claim_must_be_there() {
    let (jwt, _) = with(Settings { required: vec!["email".into()], ..Settings::new("fit") }, keys());
    assert_eq!(refused(&jwt, &more("\"a\":1")).await, Reason::Malformed);
    assert_eq!(refused(&jwt, &more("\"email\":null")).await, Reason::Malformed);
    assert!(present(&jwt, &more("\"email\":\"a@b.c\""), at(IAT)).await.is_ok());
}

#[tokio::test]
async fn jwt_22_an_account_has_one_number_in_one_spelling() {
    let (jwt, store) = fit();
    for sub in [
        "1",
        "1.0",
        "\"01\"",
        "\" 1\"",
        "\"1 \"",
        "\"+1\"",
        "\"-1\"",
        "\"1.0\"",
        "\"1e0\"",
        "\"0x1\"",
        "\"\"",
        "\"0\"",
        "\"\u{0661}\"",
        "\"1\\u0000\"",
        "\"99999999999999999999\"",
        "null",
        "[\"1\"]",
        "true",
    ] {
        let token = token(format!("{{\"exp\":{EXP},\"sub\":{sub}}}"));
        assert_eq!(refused(&jwt, &token).await, Reason::Malformed, "{sub}");
    }
    assert_eq!(store.asked(), 0);
    assert_eq!(refused(&jwt, &token(format!("{{\"exp\":{EXP},\"sub\":\"2\"}}"))).await, Reason::Unknown);
}

#[tokio::test]
async fn jwt_11_jwt_26_and_jwt_30_a_payload_that_is_not_one_plain_object_is_refused() {
    let (jwt, store) = fit();
    let good = format!("{{\"exp\":{EXP},{ALICE}}}");
    let deep = format!("{{\"exp\":{EXP},{ALICE},\"a\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    let wide = format!("{{\"exp\":{EXP},{ALICE},\"a\":\"{}\"}}", "x".repeat(64 * 1024));
    for payload in [
        b"" as &[u8],
        b"null",
        b"[]",
        b"\"text\"",
        format!("[{good}]").as_bytes(),
        format!("{good}{good}").as_bytes(),
        format!("{good}x").as_bytes(),
        format!("\u{FEFF}{good}").as_bytes(),
        &[good.as_bytes(), b"\0"].concat(),
        &good.replace("\"1\"", "\"1\u{0}\"").into_bytes(),
        &[b"{\"a\":\"\xff\",", &good.as_bytes()[1..]].concat(),
        format!("{{\"exp\":1,{}", good.strip_prefix('{').unwrap()).as_bytes(),
        format!("{{\"exp\":{EXP},{ALICE},\"a\":{{\"b\":1,\"b\":1}}}}").as_bytes(),
        deep.as_bytes(),
        wide.as_bytes(),
    ] {
        let shown = payload.get(..60).unwrap_or(payload).escape_ascii();
        assert_eq!(refused(&jwt, &token(payload)).await, Reason::Malformed, "{shown}");
    }
    assert_eq!(store.asked(), 0);
    assert!(present(&jwt, &token(format!(" {good}\n")), at(IAT)).await.is_ok(), "blanks around it are JSON");
}

#[tokio::test]
async fn jwt_29_names_from_outside_are_safe_or_refused() {
    let external = SubjectFrom::External { grants: GrantsFrom::Settings("points:read".parse().unwrap()) };
    let (jwt, _) = with(Settings { subject: external, ..Settings::new("idp") }, keys());
    let of = |sub: &str| token(format!("{{\"exp\":{EXP},\"sub\":{sub}}}"));
    let long = format!("\"{}\"", "x".repeat(256));
    for sub in ["\"\"", "\" a\"", "\"a\\r\\nX-Account: 1\"", "\"a\\u0000\"", "\"a\\u0085\"", "1", long.as_str()] {
        assert_eq!(refused(&jwt, &of(sub)).await, Reason::Malformed, "{sub}");
    }
    let who = present(&jwt, &of("\"auth0|<b>Zoë</b>\""), at(IAT)).await.unwrap();
    assert_eq!(who.name(), "auth0|<b>Zoë</b>");
    assert_eq!(who.account(), None);
    assert_eq!(who.subject(), &crate::Subject::External("auth0|<b>Zoë</b>".into()));
    assert_eq!(who.grants().to_string(), "points:read");
}

#[tokio::test]
async fn a_scope_grants_what_is_set_and_no_more() {
    let at_most: Grants = "points:read points:write".parse().unwrap();
    let external = SubjectFrom::External { grants: GrantsFrom::Scope { at_most } };
    let (jwt, _) = with(Settings { subject: external, ..Settings::new("idp") }, keys());
    let grants = async |scope: &str| {
        let token = token(format!("{{\"exp\":{EXP},\"sub\":\"x\"{scope}}}"));
        present(&jwt, &token, at(IAT)).await.map(|who| who.grants().to_string())
    };
    assert_eq!(grants("").await.unwrap(), "");
    assert_eq!(grants(r#","scope":"openid points:read account:admin *""#).await.unwrap(), "points:read");
    assert_eq!(grants(r#","scope":"*""#).await.unwrap(), "");
    assert_eq!(grants(r#","scope":["points:read"]"#).await.unwrap_err(), Reason::Malformed);
}
