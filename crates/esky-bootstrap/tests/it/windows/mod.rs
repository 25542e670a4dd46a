//! The same for Windows: the program is another one, and so are the questions.

mod app;
mod inheriting;
mod paths;
mod starting;
mod trials;
