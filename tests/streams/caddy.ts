import { join } from "node:path";
import type { ProxyKind } from "./proxy-under-test.ts";

/** Where Caddy speaks TLS, on the same port. Not on a Unix socket: for its clients Caddy sends no X-Forwarded-Proto. */
const tlsHost = "127.0.0.2";

const recipe = join(import.meta.dir, "..", "..", "deploy", "Caddyfile");

export const caddy: ProxyKind = {
  program: "caddy",
  recipe: "Caddyfile",
  // The site twice: without TLS, and with a certificate of Caddy's own authority. Its files are in the folder of the test.
  replacements: ({ port, serverPort, folder }) => [
    [
      "\npush.example.com {",
      [
        block(
          "",
          "admin off",
          `storage file_system "${folder}/caddy"`,
          "skip_install_trust",
          "auto_https disable_redirects",
        ),
        "(push) {",
      ].join("\n"),
    ],
    ["127.0.0.1:8000", `127.0.0.1:${serverPort}`],
    [
      endOfSite,
      [
        endOfSite,
        block(`http://:${port}`, "bind 127.0.0.1", "import push"),
        block(`https://${tlsHost}:${port}`, `bind ${tlsHost}`, "tls internal", "import push"),
      ].join("\n"),
    ],
  ],
  // As it is in deploy/: the replacements cause a warning.
  check: () => ["validate", "--adapter", "caddyfile", "--config", recipe],
  run: (config) => ["run", "--adapter", "caddyfile", "--config", config],
  tlsAccess: ({ port }) => ({ url: `https://${tlsHost}:${port}` }),
};

const endOfSite = '" 200\n\t\t}\n\t}\n}\n';

function block(head: string, ...lines: readonly string[]): string {
  return `${head} {\n${lines.map((it) => `\t${it}\n`).join("")}}\n`.trimStart();
}
