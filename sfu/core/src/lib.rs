//! The media plane as pure state machines: ingest, route, egress.
