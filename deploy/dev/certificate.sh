#!/bin/sh
# Writes a self-signed certificate for this machine's own names, tls.crt and tls.key, into a directory. One that is valid
# for 30 more days is kept.
#
#     certificate.sh DIRECTORY
set -eu
cd "$1"
if openssl x509 -in tls.crt -noout -checkend 2592000 >/dev/null 2>&1; then
    exit 0
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
    -subj /CN=localhost -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
    -keyout tls.key.new -out tls.crt.new 2>/dev/null
mv tls.key.new tls.key
mv tls.crt.new tls.crt
