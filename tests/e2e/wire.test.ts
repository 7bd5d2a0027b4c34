import { afterAll, beforeAll } from "bun:test";
import { wireConformance } from "../conformance/wire.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

/** The same wire conformance tests against different servers. */
const variants = [
  { name: "one process", env: {} },
  { name: "three workers", env: { WORKERS: "3" } },
];

for (const { name, env } of variants) {
  let server: ServerUnderTest | undefined;

  beforeAll(async () => {
    server = await startServer({ env });
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  wireConformance(name, () => server?.url ?? "");
}
