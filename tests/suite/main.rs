//! The program driven from outside, and the engine as a library.

mod loading;
mod vectors;
