# Stands in for eclipse-mosquitto:2.0.22: Debian's Mosquitto with that image's configuration.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends mosquitto mosquitto-clients && rm -rf /var/lib/apt/lists/* \
    && printf 'listener 1883\nallow_anonymous true\n' > /mosquitto-no-auth.conf
EXPOSE 1883
CMD ["mosquitto", "-c", "/mosquitto-no-auth.conf"]
