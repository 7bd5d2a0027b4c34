import { afterAll, beforeAll } from "bun:test";
import { wireConformance } from "../conformance/wire.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

let server: ServerUnderTest | undefined;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

wireConformance("fanfare start", () => server?.url ?? "");
