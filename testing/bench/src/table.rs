//! A table, in Markdown that also reads well on a terminal.

use std::fmt;

use crate::plot::Plot;

/// Rows under a title. The first column is text, the others are figures.
#[derive(Clone, Debug)]
pub(super) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

// === impl Table ===

impl Table {
    pub(super) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        Self { title: title.into(), rows: vec![columns.iter().map(|&column| column.to_owned()).collect()] }
    }

    /// Adds a row; figures that are missing at its end are empty.
    pub(super) fn row(&mut self, name: impl fmt::Display, figures: Vec<String>) {
        let mut cells: Vec<String> = std::iter::once(name.to_string()).chain(figures).collect();
        cells.resize(cells.len().max(self.rows.first().map_or(0, Vec::len)), String::new());
        self.rows.push(cells);
    }

    /// A column as bars; rows without a figure in it are left out.
    pub(super) fn plot(&self, file: &'static str, column: usize) -> Plot {
        let mut rows = self.rows.iter();
        let unit = rows.next().and_then(|columns| columns.get(column)).map_or("", String::as_str);
        let bar = |row: &Vec<String>| Some((row.first()?.clone(), row.get(column)?.parse().ok()?));
        Plot { file, title: format!("{}: {unit}", self.title), bars: rows.filter_map(bar).collect() }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:\n", self.title)?;
        let widths = self.widths();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if number == 0 {
                let rule = |(column, width): (usize, &usize)| match column {
                    0 => format!("|{}|", "-".repeat(width + 2)),
                    _ => format!("{}:|", "-".repeat(width + 1)),
                };
                writeln!(f, "{}", widths.iter().enumerate().map(rule).collect::<String>())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_figures_are_on_the_right() {
        let mut table = Table::new("Lengths", &["what", "µs"]);
        table.row("a line", vec!["1.5".to_owned()]);
        table.row("b", vec!["10.25".to_owned()]);
        table.row("c", vec![]);
        let expected = "Lengths:\n\n| what   |    µs |\n|--------|------:|\n| a line |   1.5 |\n| b      | 10.25 |\n| c      |       |\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_plot_has_a_bar_for_each_figure_of_its_column() {
        let mut table = Table::new("Lengths", &["what", "rate", "µs"]);
        table.row("a", vec!["7".to_owned(), "1.5".to_owned()]);
        table.row("b", vec!["8".to_owned()]);
        let plot = table.plot("lengths.svg", 2);
        let expected = ("Lengths: µs".to_owned(), vec![("a".to_owned(), 1.5)]);
        assert_eq!((plot.title, plot.bars), expected);
    }
}
