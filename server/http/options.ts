import { bytes, choice, duration, list, type OptionsOf, port, text, toggle } from "../lib/option.ts";

const path = { pattern: /^\/[A-Za-z0-9_\-./~]*$/, rule: "a path that begins with /, such as /ws" };
/** RFC 6454: scheme, host and port only. */
const origin = {
  pattern: /^(\*|[a-z][a-z0-9+.-]*:\/\/[^/?#\s*,]+)$/,
  rule: "origins such as https://app.example.com (without a path or trailing slash), or *",
};
const addresses = {
  pattern: /^[0-9A-Fa-f.:]+(\/[0-9]{1,3})?$/,
  rule: "IP addresses or ranges such as 10.0.0.0/8",
};

export const httpOptions = {
  host: text(
    "127.0.0.1",
    "Address to listen on. An open server (no credential) may listen only on loopback, unless INSECURE is on.",
    { pattern: /^[A-Za-z0-9.:%_[\]-]+$/, rule: "an IP address or host name such as 127.0.0.1, 0.0.0.0 or ::" },
  ),
  port: port(8000, "TCP port to listen on. 0: the system chooses a free port."),
  ssePath: text("/sse/push", "Path to push an event to a user with HTTP POST.", path),
  sseBatchPath: text("/sse/push/batch", "Path to push up to 1000 such events in one request.", path),
  corsOrigins: list(
    undefined,
    "Origins of websites that may use the server from a browser, over HTTP and WebSocket; `*` allows all. By default an open server allows " +
      "loopback pages and browser extensions, and a secured one pages of its own origin. Clients that send no Origin are always allowed.",
    origin,
  ),
  allowedHosts: list(
    undefined,
    "Names by which clients may address the server (the header Host), without a port; `*.example.com` for subdomains. By default an open server allows loopback names, and a secured one any name. Set it if ANONYMOUS is on: it protects against DNS rebinding.",
    {
      pattern: /^(\*\.)?[a-z0-9.-]+$|^\[[0-9a-f:.]+\]$/,
      rule: "host names in lower case such as chat.example.com or *.example.com",
    },
  ),
  maxBodyBytes: bytes(1024 ** 2, "Maximum size of an HTTP request body.", { min: 1024, max: 64 * 1024 ** 2 }),
  keepAliveTimeout: duration(
    75_000,
    "How long an idle HTTP connection stays open. Set it longer than the idle timeout of your load balancer (usually 60 s); otherwise requests can get lost.",
    { min: 1000, max: 255_000 },
  ),
  trustedProxies: list(
    [],
    "Proxies whose X-Forwarded-For or Forwarded header is trusted. Without it, all clients behind a proxy share one limit per address.",
    addresses,
  ),
  tlsCert: text(
    undefined,
    "Path of a PEM file with the certificate chain. With TLS_KEY it turns on https and wss. When the files change, new connections get the new certificate.",
  ),
  tlsKey: text(undefined, "Path of a PEM file with the certificate's private key."),
  tlsMinVersion: choice("1.2", "The oldest version of TLS that clients may use.", { choices: ["1.2", "1.3"] }),
  tlsClientCa: text(
    undefined,
    "Path of a PEM file with a certificate authority. Then only clients with a certificate that it signed can connect (mTLS). Keys and tokens still decide what they may do.",
  ),
  hstsMaxAge: duration(
    0,
    "How long browsers use only https for this host name (Strict-Transport-Security). Sent over https only. 0: not at all.",
    { max: 2 * 365 * 86_400_000 },
  ),
  cookieSameSite: choice(
    "strict",
    "From which pages a browser sends the cookie of POST /v1/session. `strict`: from pages of the same site. `none`: also from pages of other sites that CORS_ORIGINS names; requires https.",
    { choices: ["strict", "lax", "none"] },
  ),
  opsPort: port(undefined, "A second port for health, metrics and draining, which stays open while the server drains."),
  page: toggle({ open: true, secured: false }, "Whether GET / serves a page to try the server."),
  dashboard: toggle(
    true,
    "Whether GET /admin serves the dashboard. The page contains no data of the server: it asks for a key of API_KEY, and reads the HTTP API with it.",
  ),
};

export type HttpOptions = OptionsOf<typeof httpOptions>;
