//! A client of plain HTTP that prints what came back.

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::shared::{Base, Failed, PASSWORD, basic};

/// Asks what somebody without, with a wrong and with the right credential would, and checks the answers.
pub(crate) async fn ask_all(url: &str, base: &Base) -> Result<(), Failed> {
    let (password, token) = (basic("rider", PASSWORD), format!("Bearer {}", base.token));
    let rows = [
        (Method::GET, "/points", None, StatusCode::UNAUTHORIZED),
        (Method::GET, "/points", Some(basic("rider", "wrong")), StatusCode::UNAUTHORIZED),
        (Method::GET, "/points", Some(password.clone()), StatusCode::OK),
        (Method::GET, "/points", Some(token.clone()), StatusCode::OK),
        (Method::POST, "/points", Some(password), StatusCode::OK),
        (Method::POST, "/points", Some(token), StatusCode::FORBIDDEN),
    ];
    for (method, path, credential, expected) in rows {
        assert_eq!(ask(method, &format!("{url}{path}"), credential).await?, expected);
    }
    Ok(())
}

/// Asks once and prints the answer.
pub(crate) async fn ask(method: Method, url: &str, credential: Option<String>) -> Result<StatusCode, Failed> {
    let shown = credential.as_deref().and_then(|text| text.split_once(' ')).map_or("nothing", |(scheme, _)| scheme);
    println!("\n{method} {url} with {shown}");
    let mut request = Request::builder().method(method).uri(url);
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, credential);
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Empty::<bytes::Bytes>::new())?).await?;
    println!("  {}", response.status());
    for challenge in response.headers().get_all(header::WWW_AUTHENTICATE) {
        println!("  www-authenticate: {}", challenge.to_str()?);
    }
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("  {}", String::from_utf8_lossy(&body).trim_end());
    Ok(status)
}
