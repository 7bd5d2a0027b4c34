import { bytes, duration, list, type OptionsOf, port, text, toggle } from "../lib/option.ts";

const path = { pattern: /^\/[A-Za-z0-9_\-./~]*$/, rule: "a path that begins with /, such as /ws" };
/** RFC 6454: scheme, host and port, nothing behind them. */
const origin = {
  pattern: /^(\*|[a-z][a-z0-9+.-]*:\/\/[^/?#\s*,]+)$/,
  rule: "origins such as https://app.example.com (no path, no slash at the end), or *",
};
const addresses = {
  pattern: /^[0-9A-Fa-f.:]+(\/[0-9]{1,3})?$/,
  rule: "IP addresses or ranges such as 10.0.0.0/8",
};

export const httpOptions = {
  host: text(
    "127.0.0.1",
    "Address to listen on. An open server (no credential) listens on loopback only, unless INSECURE says otherwise.",
    { pattern: /^[A-Za-z0-9.:%_[\]-]+$/, rule: "an IP address or host name such as 127.0.0.1, 0.0.0.0 or ::" },
  ),
  port: port(8000, "TCP port to listen on. 0 lets the system choose one."),
  ssePath: text("/sse/push", "Path where events for one user are pushed by HTTP POST.", path),
  sseBatchPath: text("/sse/push/batch", "Path where up to 1000 such events are pushed at once.", path),
  corsOrigins: list(
    undefined,
    "Websites that may use the server from a browser, over HTTP and WebSocket; `*` for all. Unset: an open server lets in " +
      "loopback pages and browser extensions, a secured one pages of its own origin. Programs that send no Origin always pass.",
    origin,
  ),
  maxBodyBytes: bytes(1024 ** 2, "Largest body of one HTTP request.", { min: 1024, max: 64 * 1024 ** 2 }),
  keepAliveTimeout: duration(
    75_000,
    "How long an idle HTTP connection stays open for the next request. Longer than your load balancer keeps idle connections to the server (most: 60 s), or requests get lost.",
    { min: 1000, max: 255_000 },
  ),
  trustedProxies: list(
    [],
    "Proxies whose X-Forwarded-For is believed. Without it, all clients behind a proxy share its limit per address.",
    addresses,
  ),
  tlsCert: text(
    undefined,
    "Path of a PEM file with the certificate chain. With TLS_KEY the server speaks https and wss.",
  ),
  tlsKey: text(undefined, "Path of a PEM file with the certificate's private key."),
  opsPort: port(undefined, "A second port for health, metrics and draining, which stays open while the server stops."),
  page: toggle({ open: true, secured: false }, "Whether GET / answers with a page to try the server."),
};

export type HttpOptions = OptionsOf<typeof httpOptions>;
