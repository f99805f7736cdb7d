//! A server that speaks HTTP/2 frame by frame.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
pub const NO_ERROR: u8 = 0;
pub const INTERNAL_ERROR: u8 = 2;
pub const REFUSED_STREAM: u8 = 7;

/// A frame with a short payload (RFC 9113 §4.1).
pub fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

/// Answers each request with 200, but the second of each connection with `end`.
pub async fn serve(mut stream: TcpStream, end: Vec<u8>) -> std::io::Result<()> {
    let mut preface = [0; PREFACE];
    stream.read_exact(&mut preface).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await?;
        match (head[3], head[4], head[8]) {
            (SETTINGS, 0, _) => stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?,
            (HEADERS, _, 3) => stream.write_all(&end).await?,
            // END_STREAM and END_HEADERS; 0x88 is `:status: 200`.
            (HEADERS, _, number) => {
                let answer = frame(HEADERS, 5, number, &[0x88]);
                stream.write_all(&answer).await?;
            }
            _ => {}
        }
    }
}
