# The edge: the official Envoy image with the filter. Built from the repository's root:
#
#     docker build -f deploy/docker/edge.Dockerfile -t postmqtt/edge .
#
# It holds the development key set and a certificate of its own, signed by nobody. To use the image for more than
# trying things out, mount your own files over those in /etc/postmqtt, and your own envoy.yaml.

FROM rust:1.95-bookworm AS build
RUN rustup target add wasm32-wasip1
WORKDIR /source
COPY . .
RUN cargo build --locked --profile filter --target wasm32-wasip1 --package postmqtt
WORKDIR /etc/postmqtt
RUN openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
    -subj /CN=localhost -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
    -keyout tls.key -out tls.crt \
    && cp /source/target/wasm32-wasip1/filter/postmqtt.wasm /source/deploy/dev/jwks.json .

FROM envoyproxy/envoy:v1.40-latest
COPY envoy.yaml /etc/envoy/envoy.yaml
COPY --from=build --chown=envoy:envoy /etc/postmqtt /etc/postmqtt
USER envoy
EXPOSE 8080 8443
# The image has no curl; Envoy's administration is on the container's own loopback.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/9901 && printf 'GET /ready HTTP/1.1\\r\\nHost: edge\\r\\nConnection: close\\r\\n\\r\\n' >&3 && grep -q LIVE <&3"]
CMD ["envoy", "--config-path", "/etc/envoy/envoy.yaml"]
