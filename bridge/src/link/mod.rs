//! The link between the main process and a worker.
