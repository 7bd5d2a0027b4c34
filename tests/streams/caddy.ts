import type { ProxyKind } from "./proxy-under-test.ts";

export const caddy: ProxyKind = {
  program: "caddy",
  recipe: "Caddyfile",
  replacements: ({ port, serverPort, folder }) => [
    // Without a certificate of its own, and with its files in the folder of the test.
    [
      "\npush.example.com {",
      `{\n\tadmin off\n\tstorage file_system "${folder}/caddy"\n}\n\nhttp://:${port} {\n\tbind 127.0.0.1`,
    ],
    ["127.0.0.1:8000", `127.0.0.1:${serverPort}`],
  ],
  check: (config) => ["validate", "--adapter", "caddyfile", "--config", config],
  run: (config) => ["run", "--adapter", "caddyfile", "--config", config],
};
