import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeToken } from "../../server/auth/token.ts";
import { Shared } from "../shared.ts";
import { eventually, until } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

let server: ServerUnderTest;
const shared = new Shared();
beforeAll(async () => {
  server = await shared.use(startServer());
});
afterAll(() => shared.close());

async function ask(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const response = await server.request(method, path, body, headers);
  return { status: response.status, body: (await response.json()) as Frame };
}

/** A client that receives only the channel. */
async function subscriber(channel: string): Promise<SocketUnderTest> {
  return SocketUnderTest.open(`${server.wsUrl}?channel=${channel}`);
}

const hello = (channel: string) => ({ channel, message: "Hello" });

describe("a schedule over HTTP", () => {
  test("lives from its creation to its end", async () => {
    using client = await subscriber("life");
    const body = { publish: hello("life"), every_s: 1, max_runs: 2 };
    const created = await ask("PUT", "/v1/schedules/life", body);
    expect(created).toMatchObject({ status: 201, body: { id: "life", revision: 1, state: "active", durable: false } });
    expect(created.body.next).toHaveLength(2);
    expect(await ask("PUT", "/v1/schedules/life", body)).toEqual({ status: 200, body: created.body });
    const messages = await client.untilMessages(2);
    expect(messages.map(({ message, channel }) => [message, channel])).toEqual([
      ["Hello", "life"],
      ["Hello", "life"],
    ]);
    await eventually(async () => {
      const { body } = await ask("GET", "/v1/schedules/life");
      expect(body).toMatchObject({ state: "finished", runs: 2, next: [], last: { result: "published", published: 1 } });
    });
    expect(await ask("DELETE", "/v1/schedules/life")).toEqual({ status: 200, body: { deleted: "life" } });
    expect(await ask("GET", "/v1/schedules/life")).toMatchObject({ status: 404, body: { code: "not-found" } });
  });

  test("is replaced by id, with a revision that grows", async () => {
    const put = (every_s: number) => ask("PUT", "/v1/schedules/replaced", { publish: hello("a"), every_s });
    expect([(await put(60)).body.revision, (await put(61)).body.revision, (await put(61)).body.revision]).toEqual([
      1, 2, 2,
    ]);
  });

  test("is paused, resumed and triggered", async () => {
    using client = await subscriber("steered");
    await ask("POST", "/v1/schedules", { id: "steered", publish: hello("steered"), every_s: 3600, paused: true });
    expect((await ask("POST", "/v1/schedules/steered/trigger")).body).toMatchObject({ state: "paused", next: [] });
    await client.untilMessages(1);
    expect((await ask("POST", "/v1/schedules/steered/resume")).body).toMatchObject({ state: "active", runs: 0 });
    expect((await ask("POST", "/v1/schedules/steered/pause")).body).toMatchObject({ state: "paused" });
    const key = { "Idempotency-Key": "once" };
    await ask("POST", "/v1/schedules/steered/trigger", undefined, key);
    await ask("POST", "/v1/schedules/steered/trigger", undefined, key);
    await ask("POST", "/v1/publish", { channel: "steered", message: "the end" });
    await client.until(({ message }) => message === "the end");
    expect(client.messages).toHaveLength(3);
  });

  test("shows the next five times of a cron expression in its time zone", async () => {
    const body = { publish: hello("a"), cron: "30 9 * * *", tz: "Asia/Kolkata" };
    const { next } = (await ask("PUT", "/v1/schedules/cron", body)).body;
    expect(next).toHaveLength(5);
    for (const time of next as string[]) expect(time).toEndWith("T04:00:00.000Z");
  });

  test("passes on data as it came, and gives each channel its message", async () => {
    using one = await subscriber("many:1");
    using two = await subscriber("many:2");
    const text = '{"publish":{"channels":["many:1","many:2"],"data":{"n":9007199254740993}},"delay_s":0}';
    expect((await server.request("POST", "/v1/schedules", text)).status).toBe(201);
    for (const client of [one, two]) {
      await client.untilMessages(1);
      expect(client.texts.at(-1)).toContain('"data":{"n":9007199254740993}');
    }
  });

  test("is listed by prefix and by pages", async () => {
    for (let n = 100; n < 230; n++) {
      await ask("PUT", `/v1/schedules/page:${n}`, { publish: hello("a"), every_s: 3600 });
    }
    const first = (await ask("GET", "/v1/schedules?prefix=page:")).body;
    const second = (await ask("GET", `/v1/schedules?prefix=page:&page=${first.next_page}`)).body;
    const ids = [first, second].flatMap(({ schedules }) => (schedules as Frame[]).map(({ id }) => id));
    expect(ids).toEqual(Array.from({ length: 130 }, (_, n) => `page:${n + 100}`));
    expect(second).not.toHaveProperty("next_page");
  });

  test.each([
    ["no id in the body but another one in the path", { id: "b", publish: hello("a"), every_s: 1 }, "id"],
    ["an expression that never fires again", { publish: hello("a"), cron: "0 0 30 2 *" }, "cron"],
    ["an expression of seven fields", { publish: hello("a"), cron: "* * * * * * *" }, "cron"],
    ["more than once a second", { publish: hello("a"), every_s: 0.9 }, "every_s"],
    ["a time that has passed", { publish: hello("a"), at: "2020-01-01T00:00:00Z" }, "at"],
    ["a zone that does not exist", { publish: hello("a"), cron: "* * * * *", tz: "Europe/Atlantis" }, "tz"],
    ["a zone without cron", { publish: hello("a"), every_s: 1, tz: "UTC" }, "tz"],
    ["two times", { publish: hello("a"), every_s: 1, delay_s: 1 }, "at"],
    ["an end before the start", endBeforeStart(), "ends_at"],
    ["runs of something that fires once", { publish: hello("a"), delay_s: 1, max_runs: 2 }, "max_runs"],
    ["jitter beyond the interval", { publish: hello("a"), every_s: 1, jitter_s: 2 }, "jitter_s"],
    ["an id for every occurrence", { publish: { ...hello("a"), id: "x" }, every_s: 1 }, "publish.id"],
    ["a time inside publish", { publish: { ...hello("a"), delay_s: 1 }, every_s: 1 }, "publish.delay_s"],
    ["no channel", { publish: { message: "hi" }, every_s: 1 }, "publish.channel"],
  ])("with %s is refused, and the answer names the field", async (_, body, field) => {
    const answer = await ask("PUT", "/v1/schedules/refused", body);
    expect(answer).toMatchObject({ status: 422, body: { code: "invalid-field", field } });
  });

  test("with a message that is too large is refused when it is made", async () => {
    const publish = { channel: "a", message: "x".repeat(70_000) };
    const answer = await ask("POST", "/v1/schedules", { publish, every_s: 1 });
    expect(answer).toMatchObject({ status: 413, body: { code: "too-large" } });
  });

  test("more of them than MAX_SCHEDULES are refused", async () => {
    await using small = await startServer({ env: { MAX_SCHEDULES: "2" } });
    const make = () => small.request("POST", "/v1/schedules", { publish: hello("a"), every_s: 60 });
    expect([(await make()).status, (await make()).status]).toEqual([201, 201]);
    const refused = await make();
    expect([refused.status, ((await refused.json()) as Frame).code]).toEqual([429, "too-many-schedules"]);
  });
});

describe("publishing later", () => {
  test("is answered 202 with a schedule, and happens once however often it is asked for", async () => {
    using client = await subscriber("later");
    const body = { channel: "later", message: "Hello", delay_s: 0.3, id: "later-1" };
    const answers = await Promise.all([ask("POST", "/v1/publish", body), ask("POST", "/v1/publish", body)]);
    const [first, second] = answers.toSorted((a, b) => Number(a.body.duplicate) - Number(b.body.duplicate));
    expect(first).toMatchObject({
      status: 202,
      body: { state: "active", delay_s: 0.3, publish: { id: "later-1" }, duplicate: false },
    });
    expect(second).toEqual({ status: 202, body: { ...first?.body, duplicate: true } });
    await client.untilMessages(1);
    expect(await ask("POST", "/v1/publish", body)).toMatchObject({ status: 202, body: { duplicate: true } });
    await ask("POST", "/v1/publish", { channel: "later", message: "the end" });
    await client.until(({ message }) => message === "the end");
    expect(client.messages.map(({ id, message }) => [message === "the end" || id, message])).toEqual([
      ["later-1", "Hello"],
      [true, "the end"],
    ]);
  });

  test("works with Idempotency-Key, and at a time", async () => {
    using client = await subscriber("later:2");
    const at = new Date(Date.now() + 300).toISOString();
    const key = { "Idempotency-Key": "later-2" };
    expect((await ask("POST", "/v1/publish", { channel: "later:2", data: 1, at }, key)).status).toBe(202);
    expect(await client.untilMessages(1)).toMatchObject([{ id: "later-2", data: 1 }]);
  });

  test("the same id to another channel is another message", async () => {
    const later = (channel: string) => ask("POST", "/v1/publish", { channel, data: 1, delay_s: 3600, id: "same" });
    const [one, two] = [await later("a"), await later("b")];
    expect(one.body.id).not.toBe(two.body.id);
  });
});

describe("the periodic message", () => {
  test("is a schedule that is visible, and is changed by its setting only", async () => {
    await using noisy = await startServer({ env: { NOTIFICATION_INTERVAL: "1", NOTIFICATION_MESSAGE: "tick" } });
    using client = await SocketUnderTest.open(noisy.wsUrl);
    const messages = await client.untilMessages(2);
    expect(messages.map(({ message }) => message)).toEqual(["tick", "tick"]);
    const path = "/v1/schedules/%24notification";
    expect(await (await noisy.request("GET", path)).json()).toMatchObject({ origin: "setting", every_s: 1 });
    const refused = await noisy.request("DELETE", path);
    expect([refused.status, ((await refused.json()) as Frame).detail]).toEqual([
      403,
      expect.stringContaining("NOTIFICATION_INTERVAL"),
    ]);
    const put = await noisy.request("PUT", path, { publish: hello("a"), every_s: 1 });
    expect(put.status).toBe(422);
  });
});

describe("a server with DATA_DIR that is killed", () => {
  test("publishes once after its restart what was due meanwhile, by each schedule's policy", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "fanfare-schedules-"));
    const env = { DATA_DIR: join(cwd, "data") };
    try {
      const first = await startServer({ cwd, env });
      const at = new Date(Date.now() + 1500).toISOString();
      const rules = { last: { catch_up: "last" }, all: { catch_up: "all" }, skip: { catch_up: "skip" } };
      for (const [id, rule] of Object.entries(rules)) {
        const made = await first.request("PUT", `/v1/schedules/${id}`, { publish: hello(id), at, ...rule });
        expect([made.status, ((await made.json()) as Frame).durable]).toEqual([201, true]);
      }
      await first.request("PUT", "/v1/schedules/all-3", {
        publish: hello("all-3"),
        every_s: 1,
        max_runs: 3,
        catch_up: "all",
      });
      first.signal("SIGKILL");
      await first.exited;
      await first[Symbol.asyncDispose]();
      await until(() => Date.now() > Date.parse(at) + 2000, "all of them are due");
      await using second = await startServer({ cwd, env });
      const texts = async (channel: string) => {
        const { messages } = (await (await second.request("GET", `/v1/channels/${channel}/history`)).json()) as Frame;
        return (messages as Frame[]).map(({ message }) => message);
      };
      await eventually(async () => {
        for (const id of ["last", "all", "skip"]) expect([id, await texts(id)]).toEqual([id, ["Hello"]]);
        expect(await texts("all-3")).toEqual(["Hello", "Hello", "Hello"]);
      });
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });
});

describe("schedules of the settings file", () => {
  test("are there after the start, fire, and are removed with the file", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "fanfare-schedules-"));
    const env = { DATA_DIR: join(cwd, "data") };
    const file = join(cwd, "fanfare.config.yaml");
    const entry = (id: string) => `  - id: ${id}\n    publish: { channel: ${id}, message: Hello }\n    every_s: 1\n`;
    try {
      writeFileSync(file, `schedules:\n${entry("one")}${entry("two")}`);
      {
        await using first = await startServer({ cwd, env });
        using client = await SocketUnderTest.open(`${first.wsUrl}?channel=two`);
        await client.untilMessages(1);
        await first.request("POST", "/v1/schedules/one/pause");
        const refused = await first.request("DELETE", "/v1/schedules/one");
        expect(refused.status).toBe(403);
      }
      writeFileSync(file, `schedules:\n${entry("one")}`);
      await using second = await startServer({ cwd, env });
      await eventually(async () => {
        const { schedules } = (await (await second.request("GET", "/v1/schedules")).json()) as Frame;
        expect(schedules).toMatchObject([{ id: "one", origin: "file", state: "paused", durable: true, revision: 1 }]);
      });
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });
});

describe("on a secured server", () => {
  test("a key needs the scope publish to change schedules and read to see them; tokens are refused", async () => {
    const env = {
      API_KEY: "publish@publish-key-0123456789,read@read-key-0123456789ab",
      JWT_SECRET: "a secret of thirty-two bytes or more",
    };
    await using secured = await startServer({ env });

    const token = await makeToken({ sub: "u", subscribe: [], publish: ["*"], expiresInS: 60, secret: env.JWT_SECRET });
    const status = async (method: string, path: string, bearer: string, body?: unknown) =>
      (await secured.request(method, path, body, { Authorization: `Bearer ${bearer}` })).status;
    const [publishKey, readKey] = ["publish-key-0123456789", "read-key-0123456789ab"];
    const body = { publish: hello("a"), every_s: 60 };
    const put = (bearer: string) => status("PUT", "/v1/schedules/a", bearer, body);
    expect([await put(publishKey), await put(readKey), await put(token)]).toEqual([201, 403, 401]);
    const get = (bearer: string) => status("GET", "/v1/schedules/a", bearer);
    expect([await get(publishKey), await get(readKey), await get(token)]).toEqual([403, 200, 401]);
    const later = { channel: "a", message: "hi", delay_s: 60 };
    expect([
      await status("POST", "/v1/publish", publishKey, later),
      await status("POST", "/v1/publish", token, later),
    ]).toEqual([202, 403]);
  });

  test("a key without the scope read is not shown what someone else's request publishes", async () => {
    const [writer, both] = ["writer-key-0123456789", "both-key-0123456789abc"];
    await using secured = await startServer({
      env: { API_KEY: `publish@${writer},publish+read@${both}`, ANONYMOUS: "on" },
    });
    const as = async (bearer: string, method: string, path: string, body?: unknown) =>
      (await (await secured.request(method, path, body, { Authorization: `Bearer ${bearer}` })).json()) as Frame;
    const put = { publish: hello("a"), every_s: 60 };
    expect(await as(writer, "PUT", "/v1/schedules/a", put)).toMatchObject(put);
    for (const verb of ["pause", "resume", "trigger"]) {
      const path = `/v1/schedules/a/${verb}`;
      const { publish, ...rest } = await as(both, "POST", path);
      expect([verb, publish]).toEqual([verb, hello("a")]);
      const hidden = await as(writer, "POST", path);
      expect(Object.keys(hidden)).toEqual(Object.keys(rest));
    }
    const later = (message: string) => ({ channel: "a", message, delay_s: 60, id: "x" });
    const publish = (bearer: string, message: string) => as(bearer, "POST", "/v1/publish", later(message));
    expect(await publish(writer, "mine")).toMatchObject({ duplicate: false, publish: { message: "mine" } });
    const again = await publish(writer, "other");
    expect([again.duplicate, again.publish]).toEqual([true, undefined]);
    expect(await publish(both, "other")).toMatchObject({ duplicate: true, publish: { message: "mine" } });
  });
});

function endBeforeStart() {
  return {
    publish: hello("a"),
    every_s: 60,
    starts_at: "2100-01-02T00:00:00Z",
    ends_at: "2100-01-01T00:00:00Z",
  };
}
