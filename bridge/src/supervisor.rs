//! Starts workers and watches them.
