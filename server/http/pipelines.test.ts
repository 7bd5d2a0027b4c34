import { expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { Pipelines } from "./pipelines.ts";

const request = new Request("http://localhost/livez");

/** Sends requests from these ports in one turn. @returns how many were handled at once, and later */
function send(pipelines: Pipelines, ports: readonly number[]) {
  const results = ports.map((port) => {
    const server = { requestIP: () => ({ address: "192.0.2.1", family: "IPv4" as const, port }) };
    return pipelines.limit<typeof server, string>(() => "handled")(request, server);
  });
  const later = results.filter((it) => it instanceof Promise);
  return { atOnce: results.length - later.length, later: Promise.all(later) };
}

test("requests that follow others of their connection wait for the next turn, if there are very many", async () => {
  const { atOnce, later } = send(
    new Pipelines(),
    Array.from({ length: 1000 }, () => 40_001),
  );
  expect(atOnce).toBe(128);
  expect(await later).toEqual(Array.from({ length: 872 }, () => "handled"));
});

test("requests of many connections are all handled at once", async () => {
  expect(
    send(
      new Pipelines(),
      Array.from({ length: 1000 }, (_, at) => 40_001 + at),
    ).atOnce,
  ).toBe(1000);
});

test("each turn starts a new count, so a busy connection that waits for its answers is never delayed", async () => {
  const pipelines = new Pipelines();
  for (let at = 0; at < 500; at++) {
    expect(send(pipelines, [40_001]).atOnce).toBe(1);
    await turn();
  }
});
