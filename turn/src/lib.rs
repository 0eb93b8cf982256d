//! Short-lived TURN credentials and ICE server lists.
