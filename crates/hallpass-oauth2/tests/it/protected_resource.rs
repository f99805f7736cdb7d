//! Whose metadata it is (RFC 9728 §3.3): the very resource's, or by leave that of one which covers it.

use hallpass_core::{CredentialSource as _, Fetch};
use hallpass_oauth2::Protected;

use crate::common::{
    Script,
    jws::param,
    protected::{ISSUER, document, fails, right},
};

/// Who may name our resource like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Always,
    /// With `resource_covers` alone.
    ByLeave,
    Never,
}

use Taken::{Always, ByLeave, Never};

fn protected(resource: &str) -> Protected {
    Protected::resource(resource).client_for(ISSUER, |found| found.client_secret("id", "s3cret"))
}

/// The token request says the resource as its metadata has it.
async fn is_taken(protected: Protected, named: &str) {
    let script = Script::of([document(named, ISSUER)]);
    script.then(right().into_iter().skip(1));
    let source = protected.source(script.clone()).unwrap();
    let fetched = source.fetch(&Fetch::first()).await;
    assert!(fetched.is_ok(), "{named}: {fetched:?}");
    let body = &script.seen()[2].body;
    assert_eq!(param(body, "resource").as_deref(), Some(named));
}

/// Nobody is asked for a token, and the message says the way out if there is one.
async fn is_refused(protected: Protected, named: &str, may_cover: bool) {
    let (error, asked) = fails(protected, [document(named, ISSUER)]).await;
    assert!(error.is_permanent(), "{named}: {error}");
    assert_eq!(asked.len(), 1, "{named}: no server was to be asked");
    let hint = error.to_string().contains("resource_covers()");
    assert_eq!(hint, may_cover, "{error}");
}

async fn check(ours: &str, table: &[(&str, Taken)]) {
    for (named, taken) in table {
        if *taken == Always {
            is_taken(protected(ours), named).await;
        } else {
            is_refused(protected(ours), named, *taken == ByLeave).await;
        }
        let by_leave = protected(ours).resource_covers();
        if *taken == Never {
            is_refused(by_leave, named, false).await;
        } else {
            is_taken(by_leave, named).await;
        }
    }
}

#[tokio::test]
async fn every_byte_counts_unless_it_may_cover() {
    let table = [
        ("https://rs.example/mcp", Always),
        // A slash more or less, and the origin alone: what servers get wrong.
        ("https://rs.example/mcp/", ByLeave),
        ("https://rs.example/", ByLeave),
        ("https://rs.example", ByLeave),
        // The same origin in another spelling.
        ("https://rs.example:443/mcp", ByLeave),
        ("https://rs.example:443", ByLeave),
        ("https://RS.example/mcp", ByLeave),
        ("HTTPS://rs.example/mcp", ByLeave),
        // Another origin.
        ("https://evil.example/mcp", Never),
        ("https://rs.example:8443/mcp", Never),
        ("https://rs.example:80/mcp", Never),
        ("http://rs.example/mcp", Never),
        ("http://rs.example:443/mcp", Never),
        ("https://rs.example.evil.example/mcp", Never),
        ("https://rs.example@evil.example/mcp", Never),
        ("https://me@rs.example/mcp", Never),
        // Another path: case counts, and a prefix ends with a segment.
        ("https://rs.example/MCP", Never),
        ("https://rs.example/Mcp/", Never),
        ("https://rs.example/mc", Never),
        ("https://rs.example/mcp2", Never),
        ("https://rs.example/mcp/deeper", Never),
        ("https://rs.example/other", Never),
        ("https://rs.example//mcp", Never),
        ("https://rs.example/mcp//", Never),
        ("https://rs.example//", Never),
        ("https://rs.example/./mcp", Never),
        ("https://rs.example/a/../mcp", Never),
        ("https://rs.example/%6Dcp", Never),
        ("https://rs.example/mcp%2F", Never),
        // A query or a fragment too many.
        ("https://rs.example/mcp?", Never),
        ("https://rs.example/mcp?a=b", Never),
        ("https://rs.example/?", Never),
        ("https://rs.example/mcp#", Never),
        ("https://rs.example/mcp#a", Never),
        // No URL.
        (" https://rs.example/mcp", Never),
        ("https://rs.example/mcp ", Never),
        ("//rs.example/mcp", Never),
        ("rs.example/mcp", Never),
        ("/mcp", Never),
        ("", Never),
    ];
    check("https://rs.example/mcp", &table).await;
}

#[tokio::test]
async fn so_it_is_however_ours_is_written() {
    for (ours, table) in [
        (
            "https://rs.example",
            &[
                ("https://rs.example", Always),
                ("https://rs.example/", ByLeave),
                ("https://rs.example:443", ByLeave),
                ("https://rs.example/mcp", Never),
            ][..],
        ),
        (
            "https://rs.example/",
            &[
                ("https://rs.example/", Always),
                ("https://rs.example", ByLeave),
            ],
        ),
        (
            "https://rs.example/mcp/",
            &[
                ("https://rs.example/mcp/", Always),
                ("https://rs.example/mcp", ByLeave),
                ("https://rs.example/mcp/deeper", Never),
            ],
        ),
        (
            "https://rs.example:443/mcp",
            &[
                ("https://rs.example:443/mcp", Always),
                ("https://rs.example/mcp", ByLeave),
                ("https://rs.example:8443/mcp", Never),
            ],
        ),
        (
            "https://rs.example:8443/mcp",
            &[
                ("https://rs.example:8443/mcp", Always),
                ("https://rs.example:8443", ByLeave),
                ("https://rs.example/mcp", Never),
            ],
        ),
        (
            "https://RS.example/MCP",
            &[
                ("https://RS.example/MCP", Always),
                ("https://rs.example/MCP", ByLeave),
                ("https://RS.example/mcp", Never),
            ],
        ),
        (
            "https://rs.example/mcp?tenant=a",
            &[
                ("https://rs.example/mcp?tenant=a", Always),
                ("https://rs.example/mcp", ByLeave),
                ("https://rs.example/mcp?tenant=b", Never),
                ("https://rs.example/mcp?tenant=A", Never),
            ],
        ),
    ] {
        check(ours, table).await;
    }
}
