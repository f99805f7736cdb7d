//! A token endpoint on loopback, for peers that have no other way to get a token.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use hallpass_benches::token;
use url::Url;

/// Starts it; it ends with the process.
pub(crate) fn start() -> io::Result<Url> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is none of our concern.
            std::thread::spawn(move || drop(answer(stream)));
        }
    });
    Url::parse(&format!("http://{address}/token")).map_err(io::Error::other)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    for line in reader.by_ref().lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let body = format!(
        r#"{{"access_token":"{}","token_type":"bearer","expires_in":86400}}"#,
        token()
    );
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
