//! A hundred thousand credentials under keys: memory, tasks, and the time of a hit.
//!
//! `cargo xtask scale [--credentials N]`
//!
//! They lie in a plain `HashMap` of `Cached`, and in a `Keyed`, which makes and bounds them. A hit is the lookup of the key and `try_get`. It is
//! timed with two access patterns: a working set of 100 keys that the cache of the processor holds,
//! whatever the size of the map, and keys at random out of all. At random, what is read is not in
//! any cache; a map of plain boxes of the same size, each read in one place, shows what the machine
//! takes for that alone.
#![allow(clippy::print_stdout, reason = "a command-line tool")]

use std::{
    collections::HashMap,
    hint::black_box,
    time::{Duration, Instant},
};

use hallpass_benches::{
    machine,
    options::Options,
    rounds::median,
    targets::{self, Target},
    token,
};
use hallpass_core::{Cached, Credential, CredentialSource, Error, Fetch, Keyed};
use tokio::runtime::{Builder, Runtime};

const FEW: u64 = 100;
const MANY: u64 = 100_000;
/// Hits in a lap, and laps that take turns.
const HITS: usize = 50_000;
const LAPS: usize = 41;

/// Has no more than it needs to ask for a token.
struct Tenant;

impl CredentialSource for Tenant {
    async fn fetch(&self, _why: &Fetch) -> Result<Credential, Error> {
        Ok(Credential::bearer(&token())?.lives_for(Duration::from_secs(3600)))
    }
}

type Credentials = HashMap<u64, Cached>;

fn main() -> Result<(), String> {
    let options = Options::of_process(&["--credentials"])?;
    let count = options.number("--credentials", MANY)?.max(FEW);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| error.to_string())?;
    println!("{}\n", machine::line());

    // What the first one sets up for all is nobody's.
    drop(fill(&runtime, 1)?);
    let few = fill(&runtime, FEW)?;
    let mut many = Ok(Credentials::new());
    let used = allocation_counter::measure(|| many = fill(&runtime, count));
    let many = many?;
    let each = used.bytes_current as f64 / count as f64;
    let pieces = used.count_current as f64 / count as f64;
    let beside = each - token().len() as f64;
    println!("{count} credentials, each idle, its token in hand:");
    println!(
        "  {each:.0} bytes each in {pieces:.1} pieces, its place in the map included; {beside:.0} beside its token"
    );
    let mut keyed = Ok(empty(count));
    let used = allocation_counter::measure(|| keyed = fill_keyed(&runtime, count));
    let keyed = keyed?;
    let keyed_each = used.bytes_current as f64 / count as f64;
    println!("  {keyed_each:.0} bytes each in a Keyed instead of the map");
    let tasks = runtime.metrics().num_alive_tasks();
    println!("  {tasks} tasks are alive, and so no timer");

    let boxes: HashMap<u64, Box<[u8]>> = (0..count)
        .map(|key| (key, vec![1; each as usize].into_boxed_slice()))
        .collect();
    let hot: Vec<u64> = keys(FEW);
    let random: Vec<u64> = keys(count);
    let hit = |map: &Credentials, keys: &[u64]| {
        lap(keys, |key| map.get(key).and_then(Cached::try_get).is_some())
    };
    let read = |keys: &[u64]| lap(keys, |key| boxes.get(key).is_some_and(|one| one[0] == 1));
    let hit_keyed = |keys: &[u64]| {
        lap(keys, |key| {
            let found = keyed.get(key);
            found.is_ok_and(|cached| cached.try_get().is_some())
        })
    };
    let mut laps: [Vec<f64>; 7] = Default::default();
    for _ in 0..LAPS {
        laps[0].push(hit(&few, &hot));
        laps[1].push(hit(&many, &hot));
        laps[2].push(hit(&many, &random));
        laps[3].push(read(&hot));
        laps[4].push(read(&random));
        laps[5].push(hit_keyed(&hot));
        laps[6].push(hit_keyed(&random));
    }
    let [
        at_few,
        at_many,
        at_random,
        box_hot,
        box_random,
        keyed_hot,
        keyed_random,
    ] = laps.map(|mut laps| median(&mut laps));
    println!("\na hit (lookup and try_get), median of {LAPS} laps of {HITS}:");
    println!("  of {FEW}, any of them at random          {at_few:>7.1} ns");
    println!("  of {count}, a working set of {FEW}      {at_many:>7.1} ns");
    println!("  of {count}, any of them at random      {at_random:>7.1} ns");
    println!("the same hit under a Keyed:");
    println!("  of {count}, a working set of {FEW}      {keyed_hot:>7.1} ns");
    println!("  of {count}, any of them at random      {keyed_random:>7.1} ns");
    println!("a plain box of the same size instead, one byte of it read:");
    println!("  of {count}, a working set of {FEW}      {box_hot:>7.1} ns");
    println!("  of {count}, any of them at random      {box_random:>7.1} ns");

    targets::print(&[
        Target::at_most("an idle credential beside its token", beside, 1536.0).of(" bytes"),
        Target::at_most("a Keyed over a plain map, each", keyed_each - each, 256.0).of(" bytes"),
        Target::exactly("tasks alive", tasks as f64, 0.0),
        Target::at_most(
            "a hit under a Keyed over one in a plain map, of a working set",
            keyed_hot - at_many,
            60.0,
        )
        .of(" ns"),
        Target::at_most(
            format!("a hit in a working set, of {count} / of {FEW}"),
            at_many / at_few,
            1.5,
        ),
        Target::at_most(
            format!("a hit at random, of {count} / of {FEW}"),
            at_random / at_few,
            1.5,
        ),
    ]);
    Ok(())
}

fn fill(runtime: &Runtime, count: u64) -> Result<Credentials, String> {
    let mut all = Credentials::with_capacity(count as usize);
    let filled = runtime.block_on(async {
        for key in 0..count {
            let cached = Cached::new(Tenant);
            cached.get().await?;
            all.insert(key, cached);
        }
        // The last fetch ends after its outcome is known.
        tokio::task::yield_now().await;
        Ok::<_, Error>(())
    });
    filled.map_err(|error| error.to_string())?;
    Ok(all)
}

/// With room for more than there are, because its tables do not fill evenly.
fn empty(count: u64) -> Keyed<u64> {
    Keyed::builder(|_: &u64| Ok(Tenant))
        .limit(count as usize + count as usize / 10 + 100)
        .build()
}

fn fill_keyed(runtime: &Runtime, count: u64) -> Result<Keyed<u64>, String> {
    let keyed = empty(count);
    let warmed = runtime.block_on(async {
        let warmed = keyed.warm(0..count).await;
        // The last fetch ends after its outcome is known.
        tokio::task::yield_now().await;
        warmed
    });
    match warmed {
        Ok(()) if keyed.len() as u64 == count => Ok(keyed),
        Ok(()) => Err(format!("{} of {count} are kept", keyed.len())),
        Err(failed) => Err(format!("{} could not be fetched", failed.len())),
    }
}

/// Keys at random out of so many.
fn keys(among: u64) -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..HITS).map(|_| random.u64(0..among)).collect()
}

/// Nanoseconds a hit.
#[allow(
    clippy::disallowed_methods,
    reason = "measuring is what clocks are for"
)]
fn lap(keys: &[u64], mut hit: impl FnMut(&u64) -> bool) -> f64 {
    let start = Instant::now();
    let mut hits = 0;
    for key in keys {
        hits += usize::from(black_box(hit(key)));
    }
    let spent = start.elapsed();
    assert_eq!(hits, keys.len(), "a credential was not in hand");
    spent.as_nanos() as f64 / keys.len() as f64
}
