import { expect, test } from "bun:test";
import { makeToken } from "../../server/auth/token.ts";
import { apiKey, jwtSecret } from "./healthy-users.ts";
import { startServer } from "./server.ts";

test("each refused item of a batch, and each refused channel, is logged and counted; the others are stored", async () => {
  const env = { LOG_LEVEL: "debug", MAX_MESSAGE_BYTES: "1KiB", API_KEY: apiKey, JWT_SECRET: jwtSecret };
  await using server = await startServer({ env });
  const backend = { Authorization: `Bearer ${apiKey}` };
  const items = [{ user_id: "u1", data: 1 }, 5, { user_id: "u2", data: "x".repeat(2000) }, { user_id: "u3" }];
  expect((await server.request("POST", "/sse/push/batch", items, backend)).status).toBe(200);
  await server.untilLogged(/Refused POST \/sse\/push\/batch from 127\.0\.0\.1:\d+: invalid-field: expected an object/);
  await server.untilLogged(/Refused POST \/sse\/push\/batch from \S+: too-large: .* \(user u2\)/);
  await server.untilLogged(/Refused POST \/sse\/push\/batch from \S+: invalid-field: data: .* \(user u3\)/);
  const token = await makeToken({ secret: jwtSecret, sub: "u4", subscribe: [], publish: ["room:1"], expiresInS: 60 });
  const user = { Authorization: `Bearer ${token}` };
  const published = await server.request(
    "POST",
    "/v1/publish",
    { channels: ["room:1", "room:2"], message: "hello" },
    user,
  );
  expect(await published.json()).toMatchObject({ results: [{ offset: 1 }, { error: { code: "forbidden" } }] });
  await server.untilLogged(/Refused POST \/v1\/publish from \S+: forbidden: .* \(channel room:2\)/);
  const text = { ...backend, Accept: "text/plain" };
  const metrics = await (await server.request("GET", "/metrics", undefined, text)).text();
  for (const line of ['{code="invalid-field"} 2', '{code="too-large"} 1', '{code="forbidden"} 1'])
    expect(metrics).toContain(`\nfanfare_refusals_total${line}\n`);
});
