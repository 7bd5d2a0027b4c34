import { afterAll, beforeAll } from "bun:test";
import { wireConformance } from "../conformance/wire.ts";
import { Shared } from "../shared.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

/** The same wire conformance tests against different servers. */
const variants = [
  { name: "one process", env: {} },
  { name: "three workers", env: { WORKERS: "3" } },
];

for (const { name, env } of variants) {
  let server: ServerUnderTest | undefined;

  const shared = new Shared();
  beforeAll(async () => {
    server = await shared.use(startServer({ env }));
  });

  afterAll(() => shared.close());

  wireConformance(name, () => server?.url ?? "");
}
