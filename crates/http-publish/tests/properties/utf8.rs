//! The UTF-8 check that sees a payload in chunks says what the standard library says of the whole.

use http_publish::Utf8Check;

/// Cuts `bytes` at `cuts` and compares.
///
/// # Panics
/// Where the two do not agree.
pub(crate) fn check(bytes: &[u8], cuts: &[usize]) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();

    let mut check = Utf8Check::default();
    let chunks = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
    let mut seen = 0;
    let found = chunks.map(|chunk| (chunk, check.push(chunk))).try_for_each(|(chunk, pushed)| {
        seen += chunk.len();
        // An error is found as soon as it can be: no later than the standard library finds it in what came so far.
        let so_far = std::str::from_utf8(&bytes[..seen]);
        let is_broken = so_far.is_err_and(|error| error.error_len().is_some());
        assert_eq!(pushed.is_err(), is_broken, "{} bytes of {}", seen, bytes.escape_ascii());
        pushed
    });
    let found = found.and_then(|()| check.finish());
    let expected = std::str::from_utf8(bytes).map(|_| ()).map_err(|error| error.valid_up_to() as u64);
    assert_eq!(found, expected, "{} cut at {cuts:?}", bytes.escape_ascii());
}
