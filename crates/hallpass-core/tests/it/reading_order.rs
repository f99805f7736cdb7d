//! The front page says how much there is to read.

use std::{fs, path::Path};

/// How far the number that it states may be off.
const ROUNDED: usize = 100;

/// Neither blank nor a comment.
fn is_code(line: &&str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

#[test]
fn the_reading_order_is_as_long_as_it_says() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let front_page = fs::read_to_string(sources.join("lib.rs")).unwrap();
    let (_, order) = front_page.split_once("# Reading order").unwrap();
    let (order, _) = order.split_once("#[cfg(").unwrap();
    let files = order.split('`').skip(1).step_by(2);
    let files = files.filter(|file| Path::new(file).extension().is_some_and(|rs| rs == "rs"));
    let counted: usize = files
        .map(|file| {
            let code = fs::read_to_string(sources.join(file)).unwrap();
            code.lines().filter(is_code).count()
        })
        .sum();
    let (_, stated) = order.split_once("about ").unwrap();
    let stated = stated.split_once(' ').unwrap().0.replace(',', "");
    let stated: usize = stated.parse().unwrap();
    assert!(
        counted.abs_diff(stated) <= ROUNDED,
        "it takes {counted} lines"
    );
}
