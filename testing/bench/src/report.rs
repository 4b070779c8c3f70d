//! What a part of the benchmark found out.

use std::fmt;

use crate::plot::Plot;
use crate::table::Table;

/// Tables, and plots of some of their columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) tables: Vec<Table>,
    pub(super) plots: Vec<Plot>,
}

// === impl Report ===

impl Report {
    pub(super) fn new(tables: Vec<Table>) -> Self {
        Self { tables, plots: Vec::new() }
    }

    /// Adds a plot of a column of the first table.
    pub(super) fn plot(mut self, file: &'static str, column: usize) -> Self {
        self.plots.extend(self.tables.first().map(|table| table.plot(file, column)));
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, table) in self.tables.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{table}")?;
        }
        Ok(())
    }
}
