import { join } from "node:path";
import { type ProxyKind, tlsOnSocket } from "./proxy-under-test.ts";

export const nginx: ProxyKind = {
  program: "nginx",
  recipe: "nginx.conf",
  replacements: ({ port, serverPort, folder }) => [
    ["listen 443 ssl", `listen 127.0.0.1:${port};\n    listen "unix:${join(folder, "tls")}" ssl`],
    ["/etc/nginx/push.crt", `"${join(folder, "cert.pem")}"`],
    ["/etc/nginx/push.key", `"${join(folder, "key.pem")}"`],
    ["/var/log/nginx/access.log", `"${join(folder, "access.log")}"`],
    // Enough for a test. More would need more open files than a machine may allow.
    ["worker_rlimit_nofile 200000;", "daemon off;\npid nginx.pid;"],
    ["worker_connections 100000", "worker_connections 500"],
    ["worker_processes auto", "worker_processes 1"],
    ["server 127.0.0.1:8000", `server 127.0.0.1:${serverPort}`],
    // Temporary files stay in the folder of the test.
    [
      "http {",
      `http {\n  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((it) => `${it}_temp_path "${folder}/${it}";`).join("\n  ")}`,
    ],
  ],
  check: (config, folder) => ["-t", "-p", folder, "-c", config, "-e", join(folder, "error.log")],
  run: (config, folder) => ["-p", folder, "-c", config, "-e", join(folder, "error.log")],
  tlsAccess: tlsOnSocket,
};
