//! RTMP in and out, and the media worker process with its GStreamer pipelines.
