import { join } from "node:path";
import { parseArgs } from "node:util";

const names = ["prices", "chat", "alerts", "game", "orders"];
const serverProgram = join(import.meta.dir, "..", "server", "main.ts");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string", default: process.env.PORT ?? "8000" } },
});
const [name = ""] = positionals;
if (names.includes(name)) await runExample(name, values.port);
else {
  console.error(`Name an example: ${names.join(", ")}. For instance: node examples/run.js ${names[0]}`);
  process.exitCode = 2;
}

/** Starts Fanfare, serves the example's page, and runs its backend until Ctrl+C. */
async function runExample(example: string, port: string): Promise<void> {
  const folder = join(import.meta.dir, example);
  const server = Bun.spawn([process.execPath, "--no-env-file", serverProgram, "start", "--port", port], {
    cwd: folder,
    // An example has no clients to wait for when it stops, and publishes its own messages.
    env: { PATH: process.env.PATH ?? "", SHUTDOWN_TIMEOUT: "1", NOTIFICATION_INTERVAL: "0", LOG_LEVEL: "INFO" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await addressOf(server.stdout);
  if (url === undefined) {
    process.exitCode = await server.exited;
    return;
  }
  const page = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(Bun.file(join(folder, "page.html"))),
  });
  console.log(`Open this page:  http://127.0.0.1:${page.port}/?server=${encodeURIComponent(url)}`);
  console.log(`It connects to Fanfare at ${url}. Press Ctrl+C to stop both.\n`);
  const backend = Bun.spawn([process.execPath, "--no-env-file", join(folder, "backend.ts"), url], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const { promise: interrupted, resolve } = Promise.withResolvers<void>();
  process.on("SIGINT", () => resolve()).on("SIGTERM", () => resolve());
  await Promise.race([interrupted, server.exited]);
  backend.kill();
  server.kill();
  await Promise.all([backend.exited, server.exited, page.stop(true)]);
}

/** The server's address as it appears in the log, such as `http://127.0.0.1:8000`; undefined if the server ended. Reads the log to its end. */
function addressOf(log: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  void (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of log) {
      if (text.length < 10_000) text += decoder.decode(chunk, { stream: true });
      const [, address] = /Listening on ws:\/\/(\S+:\d+)\//.exec(text) ?? [];
      if (address !== undefined) resolve(`http://${address}`);
    }
    resolve(undefined);
  })();
  return promise;
}
