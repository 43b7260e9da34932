//! Whole numbers in a row: differences, or differences of differences, with runs of zero counted.

use super::super::bytes::{Reader, fold, put_varint, unfold, varint_len};

/// Ways to write numbers down; the shortest is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Each difference.
    Each = 0,
    /// Differences; a zero is followed by how many there are.
    Runs = 1,
    /// Differences of differences; a zero is followed by how many there are.
    Second = 2,
}

/// Writes numbers down.
pub(super) fn encode(numbers: &[i64], out: &mut Vec<u8>) {
    let way = [Way::Each, Way::Runs, Way::Second]
        .into_iter()
        .min_by_key(|way| {
            let mut size = 0;
            each_token(numbers, *way, &mut |token| size += varint_len(token));
            size
        })
        .unwrap_or(Way::Each);
    out.push(way as u8);
    each_token(numbers, way, &mut |token| put_varint(out, token));
}

/// Reads `count` numbers.
pub(super) fn decode(reader: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    let way = match reader.byte()? {
        0 => Way::Each,
        1 => Way::Runs,
        2 => Way::Second,
        _ => return None,
    };
    let mut numbers = Vec::with_capacity(count);
    let (mut last, mut step) = (0i64, 0i64);
    while numbers.len() < count {
        let token = reader.varint()?;
        if token == 0 && way != Way::Each {
            let run = usize::try_from(reader.varint()?).ok().filter(|run| *run <= count - numbers.len())?;
            for _ in 0..run {
                last = last.wrapping_add(step);
                numbers.push(last);
            }
            continue;
        }
        if way == Way::Second {
            step = step.wrapping_add(unfold(token));
            last = last.wrapping_add(step);
        } else {
            last = last.wrapping_add(unfold(token));
        }
        numbers.push(last);
    }
    Some(numbers)
}

fn each_token(numbers: &[i64], way: Way, put: &mut impl FnMut(u64)) {
    let (mut last, mut step, mut zeros) = (0i64, 0i64, 0u64);
    for number in numbers {
        let difference = number.wrapping_sub(last);
        last = *number;
        let token = if way == Way::Second {
            let second = difference.wrapping_sub(step);
            step = difference;
            fold(second)
        } else {
            fold(difference)
        };
        if token == 0 && way != Way::Each {
            zeros += 1;
            continue;
        }
        if zeros > 0 {
            put(0);
            put(std::mem::take(&mut zeros));
        }
        put(token);
    }
    if zeros > 0 {
        put(0);
        put(zeros);
    }
}
