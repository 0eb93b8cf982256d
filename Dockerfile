# Two stages on Debian 12: one that compiles, one that runs.

FROM debian:12-slim AS build
WORKDIR /weir
# What bootstrap installs changes seldom: a layer of its own.
COPY Cargo.toml ./
COPY script/bootstrap script/bootstrap
RUN apt-get update && script/bootstrap && rm -rf /var/lib/apt/lists/*
COPY . .
RUN script/build

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        gstreamer1.0-libav \
        gstreamer1.0-plugins-bad \
        gstreamer1.0-plugins-base \
        gstreamer1.0-plugins-good \
        gstreamer1.0-plugins-ugly \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /data --shell /usr/sbin/nologin weir \
    && install -d -o weir -g weir -m 0700 /data
COPY --from=build /weir/target/release/weir /usr/local/bin/weir
USER weir
VOLUME /data
# Web, API, WHIP, WHEP and HLS; RTMP; media of all WebRTC sessions.
EXPOSE 8080/tcp 1935/tcp 7882/udp 7882/tcp
STOPSIGNAL SIGTERM
ENTRYPOINT ["weir"]
CMD ["serve", "--data-dir", "/data"]
