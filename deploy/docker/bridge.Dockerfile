# The bridge. Built from the repository's root:
#
#     docker build -f deploy/docker/bridge.Dockerfile -t postmqtt/bridge .

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --release --package postmqtt-bridge

FROM debian:bookworm-slim
# Certificates, for brokers behind TLS.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/release/postmqtt-bridge /usr/local/bin/
USER nobody
EXPOSE 8081
# Healthy once it has a session with its broker.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8081 && printf 'GET /readyz HTTP/1.1\\r\\nHost: bridge\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200'"]
ENTRYPOINT ["postmqtt-bridge"]
CMD ["--listen", "0.0.0.0:8081"]
