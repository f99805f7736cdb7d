//! A relay in front of an HTTP/2 server that ends its connections by GOAWAY, to the request exactly.
//!
//! The server's own library says GOAWAY in two steps and takes what arrives in between; the peers
//! that make callers lose requests (nginx's `keepalive_requests`, for one) do not.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::io::{DuplexStream, copy_bidirectional};
use tokio::sync::mpsc;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const GOAWAY: u8 = 7;

/// One frame, head included (RFC 9113 §4.1).
struct Frame {
    kind: u8,
    stream: u32,
    bytes: Vec<u8>,
}

/// Passes frames on until either side is done; requests beyond `most` are answered with GOAWAY only.
pub(crate) async fn relay<S>(mut caller: S, mut server: DuplexStream, most: u32) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut start = [0; 3];
    caller.read_exact(&mut start).await?;
    server.write_all(&start).await?;
    if !PREFACE.starts_with(&start) {
        copy_bidirectional(&mut caller, &mut server).await?;
        return Ok(());
    }
    let mut rest = vec![0; PREFACE.len() - start.len()];
    caller.read_exact(&mut rest).await?;
    server.write_all(&rest).await?;

    let (from_caller, mut to_caller) = tokio::io::split(caller);
    let (mut from_server, to_server) = tokio::io::split(server);
    let (frames, mut outgoing) = mpsc::channel(16);
    let goaway = frames.clone();
    tokio::select! {
        ended = inbound(from_caller, to_server, goaway, most) => ended,
        ended = async {
            while let Ok(frame) = read(&mut from_server).await {
                if frames.send(frame.bytes).await.is_err() {
                    break;
                }
            }
            Ok(())
        } => ended,
        ended = async {
            while let Some(bytes) = outgoing.recv().await {
                to_caller.write_all(&bytes).await?;
                to_caller.flush().await?;
            }
            Ok(())
        } => ended,
    }
}

/// From the caller to the server, as long as requests may pass.
async fn inbound(
    mut caller: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    outgoing: mpsc::Sender<Vec<u8>>,
    most: u32,
) -> io::Result<()> {
    let (mut taken, mut last, mut over) = (0, 0, false);
    loop {
        let frame = read(&mut caller).await?;
        let is_new = frame.stream > last;
        if frame.kind == HEADERS && is_new && taken < most {
            taken += 1;
            last = frame.stream;
        } else if frame.stream > 0 && is_new {
            // The table of header compression is not kept in step. It need not be: no head passes any more.
            if !over {
                over = true;
                // Fails only when the other direction has ended, which ends this one too.
                let _ = outgoing.send(goaway(last)).await;
            }
            continue;
        }
        server.write_all(&frame.bytes).await?;
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let mut bytes = vec![0; 9];
    from.read_exact(&mut bytes).await?;
    let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
    let stream = u32::from_be_bytes([bytes[5] & 0x7f, bytes[6], bytes[7], bytes[8]]);
    let kind = bytes[3];
    bytes.resize(9 + length, 0);
    from.read_exact(&mut bytes[9..]).await?;
    Ok(Frame {
        kind,
        stream,
        bytes,
    })
}

/// "Nothing above `last` was looked at", without an error (RFC 9113 §6.8).
fn goaway(last: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, GOAWAY, 0, 0, 0, 0, 0];
    bytes.extend(last.to_be_bytes());
    bytes.extend([0; 4]);
    bytes
}
