import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { exportJWK, type JWK, SignJWT } from "jose";
import { turn } from "../../tests/waiting.ts";
import { makeTokenVerifier } from "./token.ts";

const [first, second] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
let keys: readonly JWK[] = [];
let status = 200;
/** Sent in place of the keys. */
let body: ReadableStream<Uint8Array> | undefined;
const requests: { readonly url: string; readonly authorization: string | null }[] = [];
const logged: LogRecord[] = [];
let now = 0;
const clock = { now: () => 1_800_000_000_000, monotonic: () => now };

const provider = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    requests.push({ url: request.url, authorization: request.headers.get("Authorization") });
    return body === undefined ? Response.json({ keys }, { status }) : new Response(body);
  },
});

beforeEach(async () => {
  keys = [{ ...(await exportJWK(first.publicKey)), kid: "first" }];
  status = 200;
  body = undefined;
  requests.length = 0;
  logged.length = 0;
  now = 0;
  await configure({
    reset: true,
    sinks: { kept: (record) => void logged.push(record) },
    loggers: [
      { category: "fanfare", sinks: ["kept"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
});
afterEach(() => reset());

const make = (credentials = "") => {
  const jwksUrl = `http://${credentials}127.0.0.1:${provider.port}/keys`;
  const verifier = makeTokenVerifier({ secret: undefined, publicKey: undefined, jwksUrl }, clock);
  if (verifier === undefined) throw new Error("no verifier");
  return verifier;
};
const tokenOf = (kid: "first" | "second") =>
  new SignJWT({ sub: "u1" })
    .setProtectedHeader({ alg: "EdDSA", kid })
    .sign(kid === "first" ? first.privateKey : second.privateKey);
const accepted = expect.objectContaining({ userId: "u1" });

/** Lets fetches in the background end. */
async function untilRequests(count: number): Promise<void> {
  while (requests.length < count) await turn();
  await fetch(`http://127.0.0.1:${provider.port}/last`);
  for (let at = 0; at < 10; at++) await turn();
  requests.pop();
}

describe("the key set", () => {
  test("is fetched once, and again in the background when it is ten minutes old", async () => {
    const verifier = make();
    const token = await tokenOf("first");
    for (let at = 0; at < 5; at++) expect(await verifier.verify(token)).toEqual(accepted);
    now += 600_000;
    await verifier.verify(token);
    expect(requests).toHaveLength(1);
    now += 1;
    expect(await verifier.verify(token)).toEqual(accepted);
    await untilRequests(2);
    expect(requests).toHaveLength(2);
  });

  test("that is old is used during an outage of the provider, which is logged once when it begins and once when it ends", async () => {
    const verifier = make();
    const token = await tokenOf("first");
    await verifier.verify(token);
    status = 503;
    for (let minute = 0; minute < 60; minute++) {
      now += 660_000;
      expect(await verifier.verify(token)).toEqual(accepted);
      await untilRequests(requests.length);
    }
    expect(requests.length).toBeGreaterThan(10);
    expect(logged.map(({ level }) => level)).toEqual(["warning"]);
    status = 200;
    now += 660_000;
    const before = requests.length;
    await verifier.verify(token);
    await untilRequests(before + 1);
    expect(logged.map(({ level }) => level)).toEqual(["warning", "info"]);
  });

  test("that never came is asked for with growing pauses, and the error says when to retry", async () => {
    const verifier = make();
    const token = await tokenOf("first");
    status = 503;
    for (let at = 0; at < 100; at++) {
      await expect(verifier.verify(token)).rejects.toMatchObject({
        code: "keys-unavailable",
        retryAfterMs: expect.any(Number),
      });
    }
    expect(requests).toHaveLength(1);
    now += 1000;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "keys-unavailable" });
    expect(requests).toHaveLength(2);
    now += 999; // the second pause is at least a second
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "keys-unavailable" });
    expect(requests).toHaveLength(2);
    status = 200;
    now += 2000;
    expect(await verifier.verify(token)).toEqual(accepted);
  });

  test("that never came is one line in the log without a stack, however many clients need it", async () => {
    const verifier = make();
    const token = await tokenOf("first");
    status = 503;
    const failures = await Promise.all(
      Array.from({ length: 20 }, () => verifier.verify(token).catch((error: unknown) => error)),
    );
    // A cause would be logged with its stack where the request is answered.
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: "keys-unavailable" });
      expect((failure as Error).cause).toBeUndefined();
    }
    expect(logged.map(({ level, properties }) => [level, properties.error])).toEqual([
      ["warning", "expected status 200, got 503"],
    ]);
  });

  test("is not read further than 1 MiB", async () => {
    const read = Promise.withResolvers<void>();
    const part = new Uint8Array(64 * 1024);
    body = new ReadableStream({ pull: (controller) => controller.enqueue(part), cancel: () => read.resolve() });
    await expect(make().verify(await tokenOf("first"))).rejects.toMatchObject({ code: "keys-unavailable" });
    expect(logged.map(({ properties }) => properties.error)).toEqual(["expected at most 1048576 bytes"]);
    await read.promise;
  });

  test("is fetched at once for a new key, but at most every 30 s for keys that it does not have", async () => {
    const verifier = make();
    await verifier.verify(await tokenOf("first"));
    const token = await tokenOf("second");
    now += 29_999;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "keys-unavailable", retryAfterMs: 1 });
    expect(requests).toHaveLength(1);
    keys = [...keys, { ...(await exportJWK(second.publicKey)), kid: "second" }];
    now += 1;
    expect(await verifier.verify(token)).toEqual(accepted);
    expect(requests).toHaveLength(2);
  });

  test("that was fetched after a key was requested refuses its tokens permanently", async () => {
    const verifier = make();
    const token = await tokenOf("second");
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unauthorized" }); // the first fetch
    now += 29_999;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unauthorized" });
    expect(requests).toHaveLength(1);
    now += 1;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unauthorized" });
    expect(requests).toHaveLength(2);
  });

  test("that cannot be fetched again does not refuse a key for good that it does not list", async () => {
    const verifier = make();
    const token = await tokenOf("second");
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "unauthorized" });
    status = 503;
    now += 30_000;
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "keys-unavailable" });
    expect(await verifier.verify(await tokenOf("first"))).toEqual(accepted);
    keys = [...keys, { ...(await exportJWK(second.publicKey)), kid: "second" }];
    status = 200;
    now += 2000;
    expect(await verifier.verify(token)).toEqual(accepted);
  });

  test("is fetched as rarely for thousands of made-up keys, and those remain refusals that pass", async () => {
    const verifier = make();
    await verifier.verify(await tokenOf("first"));
    now += 1;
    const codes = new Set<unknown>();
    for (let at = 0; at < 2000; at++) {
      const header = { alg: "EdDSA", kid: `${at}`.padEnd(at % 2 === 0 ? 300 : 1, "x") };
      const token = await new SignJWT({ sub: "u1" }).setProtectedHeader(header).sign(second.privateKey);
      codes.add(await verifier.verify(token).catch(({ code }: { code: unknown }) => code));
    }
    expect([codes, requests.length]).toEqual([new Set(["keys-unavailable"]), 1]);
  });
});

test("a password in the URL is sent in a header, and shown nowhere", async () => {
  const verifier = make("reader:s3cret-pass@");
  await verifier.verify(await tokenOf("first"));
  expect(requests[0]?.authorization).toBe(`Basic ${btoa("reader:s3cret-pass")}`);
  expect(requests[0]?.url).not.toContain("s3cret");
  status = 503;
  const other = make("reader:s3cret-pass@");
  const refusal = await other.verify(await tokenOf("first")).catch((error: unknown) => error);
  expect(Bun.inspect([refusal, logged])).not.toContain("s3cret");
  expect(logged).toHaveLength(1);
});
