# One static binary on an empty base: no shell, no package manager, not root.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/usher ./cmd/usher \
 && mkdir -m 0700 /out/data

FROM scratch
# Certificates to trust the vendors, time zones for dates in the mapping.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /usr/local/go/lib/time/
COPY --from=build /out/usher /usher
COPY --from=build --chown=65532:65532 /out/data /data
ENV ZONEINFO=/usr/local/go/lib/time/zoneinfo.zip \
    USHER_DATA=/data \
    USHER_LISTEN=:8480 \
    USHER_ADMIN_LISTEN=:8481
USER 65532:65532
VOLUME /data
EXPOSE 8480 8481
# No HEALTHCHECK: there is nothing in the image to run one with; ask /healthz and /readyz from outside.
# To reach the commands: docker exec CONTAINER /usher status
ENTRYPOINT ["/usher"]
CMD ["serve"]
