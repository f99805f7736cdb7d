//! What is wrong with connections.

use std::time::Duration;

use hallpass_testkit::LinkFault;
use tonic::Code;

use super::{MOST, NO_TOKEN};
use crate::{
    callers::{Saw, Stack},
    fault::Fault,
    row::{Leg, Row, Sees, TONIC},
};

const HTTP1: &[Stack] = &[Stack::TowerHttp1];

const LATENCY: Fault = Fault::Link(LinkFault::Latency(Duration::from_secs(2)));
const NARROW: Fault = Fault::Link(LinkFault::Throttled(1024));
const SLICED: Fault = Fault::Link(LinkFault::Sliced(7));
const REUSED: Fault = Fault::Link(LinkFault::ResetReused);

const NO_GOAWAY: &str = "HTTP/1.1 has no GOAWAY and no streams to refuse";

pub(super) fn token() -> Vec<Row> {
    let link =
        |name, fault, saw, requests| Row::new(Leg::Token, name, Fault::Link(fault), saw, requests);
    let row = |name, fault, saw, requests| Row::new(Leg::Token, name, fault, saw, requests);
    vec![
        link("connection refused", LinkFault::Refused, NO_TOKEN, 0..=0),
        row("name failure", Fault::NoName, NO_TOKEN, 0..=0),
        link(
            "taken in, never answered",
            LinkFault::HalfOpen,
            NO_TOKEN,
            0..=0,
        )
        .slow(),
        link(
            "reset before the head",
            LinkFault::ResetBeforeHead,
            NO_TOKEN,
            3..=MOST,
        ),
        link(
            "reset after the head",
            LinkFault::ResetAfterHead,
            NO_TOKEN,
            3..=MOST,
        ),
        link(
            "reset in mid-body",
            LinkFault::ResetInBody,
            NO_TOKEN,
            3..=MOST,
        ),
        row("2 s latency", LATENCY, Sees::Ok, 1..=1).slow(),
        row("1 KiB/s", NARROW, Sees::Ok, 1..=1).slow(),
        row("packets of 7 bytes", SLICED, Sees::Ok, 1..=1),
        link("TLS: another name", LinkFault::WrongName, NO_TOKEN, 0..=0),
        link("TLS: expired", LinkFault::Expired, NO_TOKEN, 0..=0),
        link("TLS: a plain port", LinkFault::PlainPort, NO_TOKEN, 0..=0),
        row(
            "GOAWAY just before a renewal",
            Fault::Goaway,
            Sees::Ok,
            1..=1,
        )
        .not_applicable(HTTP1, NO_GOAWAY)
        .not_applicable(TONIC, "its calls of the API would meet it too"),
        row("REFUSED_STREAM", Fault::RefusedStream, Sees::Ok, 2..=2)
            .not_applicable(HTTP1, NO_GOAWAY),
        row(
            "idle close just before a renewal",
            Fault::IdleClose,
            Sees::Ok,
            1..=1,
        ),
        row("idle close crosses the renewal", REUSED, Sees::Ok, 1..=1),
    ]
}

const LOST: Sees = Sees::Just(Saw::Lost);
const BROKEN: Sees = Sees::Just(Saw::Broken);
const NO_CONNECTION: Sees = Sees::Just(Saw::NoConnection);
const UNAVAILABLE: Sees = Sees::Just(Saw::Code(Code::Unavailable));
const UNKNOWN: Sees = Sees::Just(Saw::Code(Code::Unknown));

pub(super) fn api() -> Vec<Row> {
    let row = |name, fault, saw, requests| Row::new(Leg::Api, name, fault, saw, requests);
    let link = |name, fault, saw, requests| row(name, Fault::Link(fault), saw, requests);
    vec![
        link(
            "connection refused",
            LinkFault::Refused,
            NO_CONNECTION,
            0..=0,
        )
        .code(UNAVAILABLE, 0..=0),
        row("name failure", Fault::NoName, NO_CONNECTION, 0..=0).code(UNAVAILABLE, 0..=0),
        link(
            "taken in, never answered",
            LinkFault::HalfOpen,
            Sees::Just(Saw::Late),
            0..=0,
        )
        .differs(
            TONIC,
            UNAVAILABLE,
            0..=0,
            "tonic's pings, which its user has to switch on, find out",
        )
        .slow(),
        link(
            "reset before the head",
            LinkFault::ResetBeforeHead,
            LOST,
            1..=1,
        )
        .code(UNKNOWN, 1..=1),
        link(
            "reset after the head",
            LinkFault::ResetAfterHead,
            BROKEN,
            1..=1,
        )
        .code(UNKNOWN, 1..=1),
        link("reset in mid-body", LinkFault::ResetInBody, BROKEN, 1..=1).code(UNKNOWN, 1..=1),
        row("2 s latency", LATENCY, Sees::Ok, 1..=1).slow(),
        row("1 KiB/s", NARROW, Sees::Ok, 1..=1).slow(),
        row("packets of 7 bytes", SLICED, Sees::Ok, 1..=1),
        link(
            "TLS: another name",
            LinkFault::WrongName,
            NO_CONNECTION,
            0..=0,
        )
        .code(UNAVAILABLE, 0..=0),
        link("TLS: expired", LinkFault::Expired, NO_CONNECTION, 0..=0).code(UNAVAILABLE, 0..=0),
        link(
            "TLS: a plain port",
            LinkFault::PlainPort,
            NO_CONNECTION,
            0..=0,
        )
        .code(UNAVAILABLE, 0..=0),
        row("GOAWAY", Fault::Goaway, Sees::Ok, 1..=1)
            .not_applicable(HTTP1, NO_GOAWAY)
            .differs(TONIC, UNAVAILABLE, 0..=0, "the connection is tonic's own"),
        row("REFUSED_STREAM", Fault::RefusedStream, Sees::Ok, 2..=2)
            .not_applicable(HTTP1, NO_GOAWAY)
            .differs(TONIC, UNAVAILABLE, 1..=1, "the connection is tonic's own"),
        row(
            "idle close just before the call",
            Fault::IdleClose,
            Sees::Ok,
            1..=1,
        ),
        row("idle close crosses the call", REUSED, LOST, 0..=0).code(UNKNOWN, 0..=0),
    ]
}
