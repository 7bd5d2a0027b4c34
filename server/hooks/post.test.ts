import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../lib/clock.ts";
import { makePost, type PosterParts } from "./post.ts";
import { HookSecrets } from "./signature.ts";

const secrets = new HookSecrets(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
const clock = { now: () => 1_614_265_330_900, setTimeout: systemClock.setTimeout };
const servers: { stop(now: boolean): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop(true);
});

function receiver(answer: (request: Request) => Response | Promise<Response>) {
  const requests: { readonly headers: Headers; readonly body: string; readonly path: string }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const path = new URL(request.url).pathname;
      requests.push({ headers: request.headers, body: await request.text(), path });
      return answer(request);
    },
  });
  servers.push(server);
  return { requests, port: server.port };
}

function posting(parts: Partial<PosterParts> = {}) {
  const post = makePost({ secrets, allowsPrivate: true, clock, ...parts });
  return (url: string, timeoutMs = 30_000) =>
    post({ url, id: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: '{"test": 2432232314}', timeoutMs });
}

describe("a request to the application", () => {
  test("is signed JSON, and its answer is read", async () => {
    const { requests, port } = receiver(() => new Response("yes", { status: 201, headers: { "Retry-After": "7" } }));
    const answer = await posting()(`http://127.0.0.1:${port}/hook?a=1`);
    expect(answer).toEqual({ status: 201, text: "yes", retryAfterS: 7 });
    expect(requests[0]?.body).toBe('{"test": 2432232314}');
    expect(requests[0]?.headers.get("content-type")).toBe("application/json");
    expect(requests[0]?.headers.get("webhook-timestamp")).toBe("1614265330");
    expect(requests[0]?.headers.get("webhook-signature")).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("does not follow redirects", async () => {
    const { requests, port } = receiver(() => Response.redirect(`http://127.0.0.1:${port}/elsewhere`, 307));
    expect((await posting()(`http://127.0.0.1:${port}/`)).status).toBe(307);
    expect(requests).toHaveLength(1);
  });

  test("fails if there is no answer in time", async () => {
    const { port } = receiver(() => new Promise(() => undefined));
    await expect(posting()(`http://127.0.0.1:${port}/`, 50)).rejects.toThrow("no answer within 50 ms");
  });

  test("fails in time if the name is not resolved", async () => {
    const resolve = () => new Promise<never>(() => undefined);
    await expect(posting({ resolve })("http://app.example.com/", 50)).rejects.toThrow("no answer within 50 ms");
  });

  test.each([
    ["an answer", () => new Response("yes")],
    ["an answer that is too long", () => new Response("x".repeat(70_000))],
  ])("keeps nothing until its time is over, after %s", async (_, answer) => {
    const timers = { started: 0, running: 0 };
    const setTimeout = (run: () => void, ms: number) => {
      timers.started++;
      timers.running++;
      const timer = systemClock.setTimeout(run, ms);
      const cancel = () => {
        timers.running--;
        timer.cancel();
      };
      return { cancel };
    };
    const { port } = receiver(answer);
    await posting({ clock: { ...clock, setTimeout } })(`http://127.0.0.1:${port}/`).catch(() => undefined);
    expect(timers).toEqual({ started: 1, running: 0 });
  });

  test("fails if the answer is too long", async () => {
    const { port } = receiver(() => new Response("x".repeat(70_000)));
    await expect(posting()(`http://127.0.0.1:${port}/`)).rejects.toThrow("at most 65536 bytes");
  });
});

describe("without HOOK_PRIVATE_ADDRESSES, nothing is sent", () => {
  const closed = () => receiver(() => new Response("reached"));

  test.each(["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"])("to %s", async (host) => {
    const { requests, port } = closed();
    await expect(posting({ allowsPrivate: false })(`http://${host}:${port}/`)).rejects.toThrow(
      "is not a public address",
    );
    expect(requests).toEqual([]);
  });

  test.each([
    [[{ address: "127.0.0.1", family: 4 }]],
    [
      [
        { address: "93.184.216.34", family: 4 },
        { address: "::ffff:10.0.0.1", family: 6 },
      ],
    ],
  ])("to a name with a private address among others: %j", async (addresses) => {
    const { requests, port } = closed();
    const post = posting({ allowsPrivate: false, resolve: async () => addresses });
    await expect(post(`http://app.example.com:${port}/`)).rejects.toThrow("is not a public address");
    expect(requests).toEqual([]);
  });
});

test("the connection goes to the address that was checked, whatever the name means afterwards", async () => {
  const { requests, port } = receiver(() => new Response("reached"));
  let looks = 0;
  const resolve = async () => {
    looks++;
    return [{ address: looks === 1 ? "127.0.0.1" : "192.0.2.1", family: 4 }];
  };
  expect((await posting({ resolve })(`http://app.example.com:${port}/`)).text).toBe("reached");
  expect(looks).toBe(1);
  expect(requests[0]?.headers.get("host")).toBe(`app.example.com:${port}`);
});
