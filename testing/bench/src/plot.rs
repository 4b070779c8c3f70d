//! A column of a table as horizontal bars, in SVG.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use rig::{Error, Result};

/// Bars that are compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plot {
    /// The name of its file.
    pub(super) file: &'static str,
    pub(super) title: String,
    pub(super) bars: Vec<(String, f64)>,
}

/// In pixels.
const WIDTH: u32 = 760;
const NAMES: i32 = 310;
const VALUES: i32 = 60;
const TITLE: i32 = 44;
const BAR: i32 = 20;
const STEP: i32 = 30;

// === impl Plot ===

impl Plot {
    /// Writes it into a directory.
    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join(self.file);
        self.draw(&path).map_err(|error| Error::new(format!("{} cannot be drawn: {error}.", path.display())))
    }

    fn draw(&self, path: &Path) -> std::result::Result<(), Box<dyn std::error::Error + '_>> {
        let bars = i32::try_from(self.bars.len())?;
        let height = u32::try_from(TITLE + bars * STEP + 10)?;
        let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
        // Readable on a dark page too.
        area.fill(&WHITE)?;
        let text = |size: i32, anchor| ("sans-serif", size).into_font().color(&BLACK).pos(anchor);
        let (left, right) = (Pos::new(HPos::Left, VPos::Center), Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(self.title.clone(), (10, TITLE / 2), text(20, left)))?;
        let longest = self.bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let room = f64::from(i32::try_from(WIDTH)? - NAMES - VALUES);
        for (number, (name, value)) in (0..).zip(&self.bars) {
            let (top, middle) = (TITLE + number * STEP, TITLE + number * STEP + BAR / 2);
            // Less than nothing is noise, and has no bar.
            let end = NAMES + (value.max(0.0) / longest.max(f64::MIN_POSITIVE) * room) as i32;
            area.draw(&Text::new(name.clone(), (NAMES - 10, middle), text(17, right)))?;
            area.draw(&Rectangle::new([(NAMES, top), (end, top + BAR)], RGBColor(70, 110, 170).filled()))?;
            area.draw(&Text::new(value.to_string(), (end + 6, middle), text(17, left)))?;
        }
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        let directory = rig::repo::run("bench-plot-test");
        std::fs::create_dir_all(&directory).unwrap();
        let bars = vec![("one".to_owned(), 1.0), ("four".to_owned(), 4.0), ("noise".to_owned(), -0.1)];
        Plot { file: "bars.svg", title: "Lengths".to_owned(), bars }.write(&directory).unwrap();
        let svg = std::fs::read_to_string(directory.join("bars.svg")).unwrap();
        let widths: Vec<u32> = svg
            .lines()
            .filter(|line| line.starts_with("<rect") && line.contains("#466EAA"))
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        // 390 pixels are the longest bar's.
        assert_eq!(widths, [97, 390, 0]);
        for text in ["Lengths", "four", "-0.1"] {
            assert!(svg.contains(text), "{text} is missing");
        }
    }
}
