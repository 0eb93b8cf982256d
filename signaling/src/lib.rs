//! The HTTP side: REST, WHIP, WHEP, the HLS origin, live state, authentication.
