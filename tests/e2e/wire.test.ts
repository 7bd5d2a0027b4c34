import { afterAll, beforeAll } from "bun:test";
import type { Skip } from "../conformance/skip.ts";
import { wireConformance } from "../conformance/wire.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

interface Variant {
  readonly name: string;
  readonly env: Record<string, string>;
  readonly skip?: readonly Skip[];
}

/** The same wire, whatever stands behind it. */
const variants: readonly Variant[] = [
  { name: "one process", env: {} },
  {
    name: "three workers",
    env: { WORKERS: "3" },
    skip: [
      {
        test: "a connection that takes over another is level first; then the old one goes, and nobody hears of either",
        reason: "a worker knows only its own connections as ones to be continued",
      },
    ],
  },
];

for (const { name, env, skip = [] } of variants) {
  let server: ServerUnderTest | undefined;

  beforeAll(async () => {
    server = await startServer({ env });
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  wireConformance(name, () => server?.url ?? "", { skip });
}
