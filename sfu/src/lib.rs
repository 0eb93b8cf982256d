//! Threads, sockets and the bounded command API around the media plane.
