//! One call, like curl: its body goes to standard output as it comes.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use bytes::Bytes;
use hallpass::tower::Error;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::ServiceExt as _;

use super::{CallArgs, Stack};
use crate::{
    exit::{Exit, Failure, chain, told},
    progress,
    target::without_secrets,
};

pub(super) async fn run(
    args: &CallArgs,
    stack: &Stack,
    request: Request<Bytes>,
) -> Result<Exit, Failure> {
    let what = format!("waiting for {}", request.uri().host().unwrap_or_default());
    let sent = stack.client.clone().oneshot(request.map(Full::new));
    let response = progress::while_waiting(&what, sent)
        .await
        .map_err(|error| failure(&error, stack))?;
    let said_no = response.status().as_u16() >= 400;
    let mut out = io::stdout().lock();
    if args.include {
        out.write_all(&head(&response))?;
    }
    if args.fail && said_no {
        return Err(Failure::new(
            Exit::Api,
            format!("the API answered {}", response.status()),
        ));
    }
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let message = format!("the response broke off: {}", chain(&error));
            Failure::new(Exit::Unreachable, message)
        })?;
        if let Some(data) = frame.data_ref() {
            out.write_all(data)?;
            // Somebody may be watching an event stream.
            out.flush()?;
        }
    }
    Ok(Exit::Done)
}

/// Why there is no response.
fn failure<E: std::error::Error + 'static>(error: &Error<E>, stack: &Stack) -> Failure {
    // A server may say anything, even what it was told.
    let message = without_secrets(&stack.config, &told(error));
    Failure::new(exit_of(error), message)
}

pub(super) fn exit_of<E>(error: &Error<E>) -> Exit {
    match error {
        Error::Credential(error) if error.is_destination() => Exit::Configuration,
        Error::Credential(error) if error.is_permanent() => Exit::Refused,
        _ => Exit::Unreachable,
    }
}

fn head<B>(response: &Response<B>) -> Vec<u8> {
    let mut line = String::new();
    let _ = write!(line, "{:?} {}\r\n", response.version(), response.status());
    let mut head = line.into_bytes();
    for (name, value) in response.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
