# Two stages on Debian 12: one that compiles, one that runs.

FROM debian:12.8-slim AS build
WORKDIR /weir
# What bootstrap installs changes seldom: a layer of its own.
COPY Cargo.toml ./
COPY script/bootstrap script/bootstrap
RUN apt-get update && script/bootstrap && rm -rf /var/lib/apt/lists/*
COPY . .
RUN script/build

FROM debian:12.8-slim
# The plugins that media workers use: appsrc and appsink, converters and Opus (base), AAC's parser (good),
# H.264's parser and encoder (bad, ugly), decoders (libav).
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        gstreamer1.0-libav \
        gstreamer1.0-plugins-bad \
        gstreamer1.0-plugins-base \
        gstreamer1.0-plugins-good \
        gstreamer1.0-plugins-ugly \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 weir \
    && useradd --system --uid 10001 --gid weir --home-dir /data --shell /usr/sbin/nologin weir \
    && install -d -o weir -g weir -m 0700 /data
COPY --from=build /weir/target/release/weir /usr/local/bin/weir
# The root file system may be read-only: only /data and /tmp are written to.
ENV XDG_CACHE_HOME=/tmp
USER 10001:10001
VOLUME /data
# Web, API, WHIP, WHEP and HLS; RTMP; media of all WebRTC sessions; TURN.
EXPOSE 8080/tcp 1935/tcp 7882/udp 7882/tcp 3478/udp 3478/tcp
STOPSIGNAL SIGTERM
# Without a program for it: the shell speaks HTTP well enough to ask whether the server is ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3; grep -q '^HTTP/1.[01] 200' <&3"]
ENTRYPOINT ["weir"]
CMD ["serve", "--data-dir", "/data"]
