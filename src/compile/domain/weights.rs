//! Weights by which servers share requests.

/// The largest weight that is given: a server reads 32 bits, and finer shares do not matter to it.
const MAX_WEIGHT: u64 = 10_000;

/// The least whole weights in the same proportion, as far as a server tells them apart.
pub(super) fn least(weights: &[u64]) -> Vec<u64> {
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let largest = weights.iter().max().copied().unwrap_or(1) / divisor;
    let scale = largest.div_ceil(MAX_WEIGHT).max(1);
    weights.iter().map(|weight| (weight / divisor / scale).max(1)).collect()
}

pub(super) fn least_common_multiple(left: u64, right: u64) -> u64 {
    (left / greatest_common_divisor(left, right)).saturating_mul(right)
}

fn greatest_common_divisor(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { greatest_common_divisor(right, left % right) }
}
