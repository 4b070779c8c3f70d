#!/bin/sh
# Writes a self-signed certificate for this machine's own names and those given, tls.crt and tls.key, into a directory. One
# that has these names and is valid for 30 more days is kept.
#
#     certificate.sh DIRECTORY [NAME…]
set -eu
cd "$1"
shift

is_good() {
    openssl x509 -in tls.crt -noout -checkend 2592000 >/dev/null 2>&1 || return 1
    for name in localhost "$@"; do
        openssl x509 -in tls.crt -noout -checkhost "$name" | grep -q 'does match' || return 1
    done
}

if is_good "$@"; then
    exit 0
fi
names=DNS:localhost,IP:127.0.0.1
for name in "$@"; do
    names=$names,DNS:$name
done
# rustls takes no certificate of an authority (CA:TRUE, openssl's default) as a server's.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
    -subj /CN=localhost -addext "subjectAltName=$names" -addext basicConstraints=critical,CA:FALSE \
    -keyout tls.key.new -out tls.crt.new 2>/dev/null
mv tls.key.new tls.key
mv tls.crt.new tls.crt
