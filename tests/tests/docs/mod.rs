//! What the documentation shows, run as it is written.

mod clients_page;
mod configuration;
mod example;
mod languages_page;
mod problems_page;
