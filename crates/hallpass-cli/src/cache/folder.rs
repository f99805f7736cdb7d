//! The folder of the cache, and files in it that only their owner can read.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::exit::Failure;

/// How often a lock that another command holds is tried again.
const LOOK: Duration = Duration::from_millis(5);

/// The folder, made for its owner alone if it is not there.
pub(super) fn open(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = named.map(Path::to_path_buf).or_else(usual).ok_or_else(|| {
        Failure::configuration("--cache: there is no home folder; name one with --cache-dir")
    })?;
    let failed =
        |error: io::Error| Failure::configuration(format!("--cache: {} {error}", folder.display()));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder).map_err(failed)?;
    check_owner(
        &folder,
        OTHERS_WRITE,
        "name another folder with --cache-dir",
    )?;
    Ok(folder)
}

/// What others must not be able to do, as bits of a mode.
const OTHERS_WRITE: u32 = 0o022;
pub(super) const OTHERS_AT_ALL: u32 = 0o077;

/// That this person owns it and others can't do this with it; if not, what to do instead.
#[cfg(unix)]
pub(super) fn check_owner(path: &Path, others: u32, instead: &str) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let shown = path.display();
    let refused = |message: String| Err(Failure::configuration(format!("--cache: {message}")));
    match fs::metadata(path) {
        Err(error) => refused(format!("{shown}: {error}")),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            refused(format!("{shown} belongs to another user: {instead}"))
        }
        Ok(found) if found.mode() & others != 0 => {
            let (may, mode) = match others {
                OTHERS_WRITE => ("write to", "700"),
                _ => ("read", "600"),
            };
            refused(format!(
                "others may {may} {shown}: say chmod {mode}, or {instead}"
            ))
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn check_owner(_: &Path, _: u32, _: &str) -> Result<(), Failure> {
    Ok(())
}

fn usual() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")))?;
    Some(folder.join("hallpass"))
}

/// Locks a file, which is made for its owner alone if it is not there. Another command that holds the
/// lock may be stopped; it is not waited for any longer than this.
pub(super) fn lock(path: &Path, limit: Duration) -> io::Result<File> {
    let file = private().create(true).truncate(false).open(path)?;
    let mut left = limit;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if left.is_zero() => {
                let message = format!("another command holds {}", path.display());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            Err(TryLockError::WouldBlock) => {
                let pause = LOOK.min(left);
                thread::sleep(pause);
                left -= pause;
            }
        }
    }
}

/// Puts a file in place in one step, readable by its owner alone.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("{:016x}.new", fastrand::u64(..)));
    let written = private()
        .create_new(true)
        .open(&new)
        .and_then(|mut file| file.write_all(content));
    let placed = written.and_then(|()| fs::rename(&new, path));
    if placed.is_err() {
        // What is half there is of no use to anybody.
        let _ = fs::remove_file(&new);
    }
    placed
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
