package io.flinkserving.query;

/** Where a service listens. */
final class HostAndPort {

    private final String host;
    private final int port;

    HostAndPort(String host, int port) {
        this.host = host;
        this.port = port;
    }

    String host() {
        return host;
    }

    int port() {
        return port;
    }

    @Override
    public String toString() {
        return host + ':' + port;
    }
}
