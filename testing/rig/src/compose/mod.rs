//! docker-compose.yml, run for real: [`check()`] builds the images, starts the services and uses them as a newcomer would.

mod base_images;
mod check;
mod engine;
mod expectation;
mod load;
mod observability;
mod project;

pub use check::check;
