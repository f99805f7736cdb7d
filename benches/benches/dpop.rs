//! A proof of possession, which each request takes when its token is bound to a key: with a key of
//! each kind, beside the signature alone.
//!
//! `cargo bench --package hallpass-benches --bench dpop`
#![allow(missing_docs, reason = "criterion's macros write public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hallpass_core::Credential;
use hallpass_oauth2::{Algorithm, Dpop, Key};
use http::{HeaderMap, Method, Uri};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};

/// Of 2048 bits.
const RSA: &str = include_str!("../../crates/hallpass-oauth2/tests/keys/rsa.pem");

/// As long as what a proof signs.
const SIGNED: [u8; 400] = [b'a'; 400];

fn bound(dpop: &Dpop) -> Credential {
    let runtime = tokio::runtime::Runtime::new();
    let bound = runtime.map(|runtime| runtime.block_on(dpop.bind(&hallpass_benches::token())));
    let Ok(Ok(credential)) = bound else {
        panic!("a key that can't be had")
    };
    credential
}

fn proofs(criterion: &mut Criterion) {
    let Ok(rsa) = Key::from_pem(RSA) else {
        panic!("the test key can't be read")
    };
    let mut group = criterion.benchmark_group("dpop");
    for (name, dpop) in [
        ("proof, ES256", Dpop::new()),
        ("proof, EdDSA", Dpop::new().algorithm(Algorithm::EdDsa)),
        ("proof, RS256", Dpop::key(rsa)),
    ] {
        let credential = bound(&dpop);
        let uri = Uri::from_static(hallpass_benches::URL);
        let mut headers = HeaderMap::with_capacity(8);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let attached = credential.attach(&Method::POST, &uri, &mut headers);
                assert!(black_box(attached).is_ok());
            });
        });
    }

    let random = SystemRandom::new();
    let (curve, ed25519) = (
        &ECDSA_P256_SHA256_FIXED_SIGNING,
        Ed25519KeyPair::generate_pkcs8(&random),
    );
    let es256 = EcdsaKeyPair::generate_pkcs8(curve, &random)
        .ok()
        .and_then(|key| EcdsaKeyPair::from_pkcs8(curve, key.as_ref(), &random).ok());
    let eddsa = ed25519
        .ok()
        .and_then(|key| Ed25519KeyPair::from_pkcs8(key.as_ref()).ok());
    let (Some(es256), Some(eddsa)) = (es256, eddsa) else {
        panic!("no random numbers")
    };
    group.bench_function("signature alone, ES256", |bencher| {
        bencher.iter(|| es256.sign(&random, black_box(&SIGNED)));
    });
    group.bench_function("signature alone, EdDSA", |bencher| {
        bencher.iter(|| eddsa.sign(black_box(&SIGNED)));
    });
    group.finish();
}

criterion_group!(benches, proofs);
criterion_main!(benches);
