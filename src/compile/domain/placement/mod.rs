//! Where replicas run: which clusters take part, with which weights, and how many each gets.

pub mod division;
