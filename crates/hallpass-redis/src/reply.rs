//! What the scripts answer.

use std::time::Duration;

use hallpass_core::Error;
use hallpass_shared::store::{Entry, Lease, Leased, Published, Snapshot};
use redis::Value;

fn odd() -> Error {
    Error::transient("Redis answered what the script can't answer: is it a Redis server?")
}

fn number(value: Option<&Value>) -> Result<u64, Error> {
    match value {
        Some(Value::Int(number)) => u64::try_from(*number).map_err(|_| odd()),
        _ => Err(odd()),
    }
}

fn list(value: &Value) -> Result<&[Value], Error> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(odd()),
    }
}

/// `{kind, entry, generation, left, refused}`.
fn snapshot_of(items: &[Value]) -> Result<Snapshot, Error> {
    let generation = number(items.get(2))?;
    let left = Duration::from_millis(number(items.get(3))?);
    let refused = number(items.get(4))?;
    let entry = match items.get(1) {
        Some(Value::BulkString(sealed)) if generation > 0 => Some(Entry {
            generation,
            sealed: sealed.clone(),
            left,
        }),
        Some(Value::BulkString(_)) => None,
        _ => return Err(odd()),
    };
    Ok(Snapshot { entry, refused })
}

pub(crate) fn snapshot(value: &Value) -> Result<Snapshot, Error> {
    snapshot_of(list(value)?)
}

pub(crate) fn leased(value: &Value) -> Result<Leased, Error> {
    let items = list(value)?;
    let left = || number(items.get(1)).map(Duration::from_millis);
    Ok(match number(items.first())? {
        0 => Leased::Newer(snapshot_of(items)?),
        1 => Leased::Granted(Lease {
            fence: number(items.get(1))?,
            now: number(items.get(2))?,
            generation: number(items.get(3))?,
        }),
        2 => Leased::Held(left()?),
        3 => Leased::Paused(left()?),
        _ => return Err(odd()),
    })
}

pub(crate) fn published(value: &Value) -> Result<Published, Error> {
    let items = list(value)?;
    Ok(match number(items.first())? {
        1 => Published::Done,
        _ => Published::Refused(snapshot_of(items)?),
    })
}
