//! Integration tests, one module per behaviour, in one binary.

mod report;
