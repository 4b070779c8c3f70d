#!/bin/sh
# Prints a development token that is valid for an hour: a JWT (RFC 7519), signed with RS256. It needs only openssl.
#
#     token.sh [OID [CLAIMS]]
#
# OID becomes the MQTT client id. CLAIMS are further members of the token's JSON, e.g. '"site":"berlin"'.
set -eu
key=$(dirname "$0")/development-only-signing-key.pem
oid=${1:-9d0f3a52-5f0c-4c6b-9a51-3c1b9a1f7e10}
more=${2:+,$2}
now=$(date +%s)

base64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d '='
}

header='{"alg":"RS256","typ":"JWT","kid":"development-only"}'
claims=$(printf '{"iss":"https://development.postmqtt.invalid","aud":"https://localhost","sub":"%s","oid":"%s","iat":%d,"nbf":%d,"exp":%d%s}' \
    "$oid" "$oid" "$now" "$now" "$((now + 3600))" "$more")
unsigned=$(printf %s "$header" | base64url).$(printf %s "$claims" | base64url)
printf '%s.%s\n' "$unsigned" "$(printf %s "$unsigned" | openssl dgst -sha256 -sign "$key" -binary | base64url)"
