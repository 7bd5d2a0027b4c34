import { join } from "node:path";
import { type ProxyKind, tlsOnSocket } from "./proxy-under-test.ts";

export const haproxy: ProxyKind = {
  program: "haproxy",
  recipe: "haproxy.cfg",
  replacements: ({ port, serverPort, escapedFolder: folder, recipes }) => [
    // Enough for a test. More would need more open files than a machine may allow.
    ["maxconn 100000", "maxconn 500"],
    ["bind :443", `bind 127.0.0.1:${port}\n  bind unix@${join(folder, "tls")}`],
    ["/etc/haproxy/push.pem", join(folder, "push.pem")],
    ["/etc/haproxy/", `${recipes}/`],
    ["127.0.0.1:8000", `127.0.0.1:${serverPort}`],
  ],
  check: (config) => ["-c", "-f", config],
  run: (config) => ["-db", "-f", config],
  tlsAccess: tlsOnSocket,
};
