//! Types that the server and the browser share.
