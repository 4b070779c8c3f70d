# Stands in for envoyproxy/envoy:distroless-v1.40.0: the same program, and no shell. The context is its directory.
FROM debian:bookworm-slim AS libraries
WORKDIR /lib/x86_64-linux-gnu
RUN install -D -t /out/lib/x86_64-linux-gnu libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 \
    && install -D -t /out/lib64 /lib64/ld-linux-x86-64.so.2

FROM scratch
COPY --from=libraries /out /
COPY envoy /usr/local/bin/envoy
ENTRYPOINT ["/usr/local/bin/envoy"]
