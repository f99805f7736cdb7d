//! What is wrong with answers.

use hallpass_testkit::Malformed;
use tonic::Code;

use super::{MOST, NO_TOKEN};
use crate::{
    callers::{Saw, Stack},
    fault::Fault,
    row::{CODE, Leg, Row, Sees, TONIC},
};

const REQWEST: &[Stack] = &[Stack::Reqwest];

/// One more than a token endpoint may answer with.
const TOO_MUCH: usize = 1024 * 1024 + 1;

/// Each with its name, and with the one that it has with `Retry-After: 1`.
const STATUSES: [(u16, &str, &str); 7] = [
    (408, "408", "408, `Retry-After: 1`"),
    (425, "425", "425, `Retry-After: 1`"),
    (429, "429", "429, `Retry-After: 1`"),
    (500, "500", "500, `Retry-After: 1`"),
    (502, "502", "502, `Retry-After: 1`"),
    (503, "503", "503, `Retry-After: 1`"),
    (504, "504", "504, `Retry-After: 1`"),
];

const REDIRECTS: [(u16, &str); 5] = [
    (301, "301"),
    (302, "302"),
    (303, "303"),
    (307, "307"),
    (308, "308"),
];

const MESSAGE: &str = "tonic takes the body for a message, whatever the status";

pub(super) fn token() -> Vec<Row> {
    let row = |name, fault, saw, requests| Row::new(Leg::Token, name, fault, saw, requests);
    let spoilt = |name, how, saw, requests| row(name, Fault::Malformed(how), saw, requests);
    let statuses = STATUSES.into_iter().flat_map(|(status, name, told)| {
        // A gateway's answers are tried again soon, unless it says when.
        let least = if (502..=504).contains(&status) { 3 } else { 1 };
        [
            row(name, Fault::Fails(status, None), NO_TOKEN, least..=MOST),
            row(told, Fault::Fails(status, Some(1)), NO_TOKEN, 1..=3),
        ]
    });
    let redirects = REDIRECTS
        .into_iter()
        .map(|(status, name)| row(name, Fault::Redirect(status), NO_TOKEN, 1..=MOST));
    let spoilt = [
        spoilt("1 MiB", Malformed::Huge(TOO_MUCH - 1), Sees::Ok, 1..=1),
        spoilt("1 MiB + 1", Malformed::Huge(TOO_MUCH), NO_TOKEN, 1..=MOST),
        spoilt("compressed", Malformed::Gzip, Sees::Ok, 1..=1),
        spoilt(
            "a decompression bomb",
            Malformed::GzipBomb(2 * TOO_MUCH),
            NO_TOKEN,
            1..=MOST,
        ),
        spoilt("HTML", Malformed::Html, NO_TOKEN, 1..=MOST),
        spoilt("empty 200", Malformed::EmptyBody, NO_TOKEN, 1..=MOST),
        spoilt("204", Malformed::NoContent, NO_TOKEN, 1..=MOST),
    ];
    statuses.chain(spoilt).chain(redirects).collect()
}

pub(super) fn api() -> Vec<Row> {
    let row = |name, fault, saw, requests| Row::new(Leg::Api, name, fault, saw, requests);
    let grpc = |code| Sees::Just(Saw::Code(code));
    let passed = |name, fault, status| row(name, fault, Sees::Just(Saw::Status(status)), 1..=1);
    let in_grpc = |row: Row, code, why| row.differs(TONIC, grpc(code), 1..=1, why);
    let statuses = STATUSES.into_iter().flat_map(|(status, name, told)| {
        [(name, None), (told, Some(1))].map(|(name, wait)| {
            let row = passed(name, Fault::Fails(status, wait), status);
            in_grpc(row, Code::Internal, MESSAGE)
        })
    });
    let spoilt = |name, how| {
        let row = row(name, Fault::Malformed(how), Sees::Ok, 1..=1);
        in_grpc(row, Code::Internal, MESSAGE)
    };
    let empty = row(
        "empty 200",
        Fault::Malformed(Malformed::EmptyBody),
        Sees::Ok,
        1..=1,
    );
    let no_content = passed("204", Fault::Malformed(Malformed::NoContent), 204);
    let redirects = REDIRECTS.into_iter().map(|(status, name)| {
        let row = passed(name, Fault::Redirect(status), status).differs(
            REQWEST,
            Sees::Ok,
            2..=2,
            "followed above the credential, as reqwest does",
        );
        in_grpc(row, Code::Unknown, CODE)
    });
    let spoilt = [
        spoilt("1 MiB + 1", Malformed::Huge(TOO_MUCH)),
        spoilt("compressed", Malformed::Gzip),
        spoilt("a decompression bomb", Malformed::GzipBomb(2 * TOO_MUCH)),
        spoilt("HTML", Malformed::Html),
        in_grpc(empty, Code::Unknown, CODE),
        in_grpc(no_content, Code::Unknown, CODE),
    ];
    statuses.chain(spoilt).chain(redirects).collect()
}
