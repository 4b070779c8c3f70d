# Stands in for rust:1.95.0-bookworm: this machine's own toolchain. The context is its sysroot.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/rustup/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY bin/cargo bin/rustc /usr/local/rustup/bin/
COPY lib/*.so* /usr/local/rustup/lib/
COPY lib/rustlib/x86_64-unknown-linux-gnu /usr/local/rustup/lib/rustlib/x86_64-unknown-linux-gnu
COPY lib/rustlib/x86_64-unknown-linux-musl /usr/local/rustup/lib/rustlib/x86_64-unknown-linux-musl
COPY lib/rustlib/wasm32-wasip1 /usr/local/rustup/lib/rustlib/wasm32-wasip1
# `rustup target add` has nothing to do: the targets are here.
RUN ln -s /bin/true /usr/local/rustup/bin/rustup
