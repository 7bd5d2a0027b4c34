import { expect } from "bun:test";
import { ask, rule, type WireRule } from "./wire-server.ts";

/** Frames that are refused, and their errors. The connection stays open after each. */
const refused: readonly (readonly [frame: string, expected: object])[] = [
  ["{", { code: "bad-json" }],
  [' \t{"type":"ping"', { code: "bad-json" }],
  ['{"type":"shout","ref":"r"}', { code: "unknown-type", ref: "r" }],
  ['{"ref":1}', { code: "invalid-field", field: "type", ref: 1 }],
  ['{"type":7}', { code: "invalid-field", field: "type" }],
  ['{"type":"publish","channel":"a b","data":1,"ref":2}', { code: "invalid-field", field: "channel", ref: 2 }],
  ['{"type":"publish","channel":"#internal","data":1}', { code: "invalid-field", field: "channel" }],
  ['{"type":"publish","channel":"room"}', { code: "invalid-field", field: "data" }],
  ['{"type":"publish","channel":"room","data":1,"event":"system"}', { code: "invalid-field", field: "event" }],
  ['{"type":"publish","channel":"room","data":1,"echo":"no"}', { code: "invalid-field", field: "echo" }],
  ['{"type":"subscribe","channel":"room","since":"soon"}', { code: "invalid-field", field: "since" }],
  ['{"type":"history","channel":"room","limit":0}', { code: "invalid-field", field: "limit" }],
  ['{"type":"subscribe","channel":"@somebody-else"}', { code: "forbidden" }],
  ['{"type":"history","channel":"@somebody-else"}', { code: "forbidden" }],
  ['{"type":"presence","channel":"@somebody-else"}', { code: "forbidden" }],
  ['{"type":"publish","channel":"@somebody-else","data":1}', { code: "forbidden" }],
  ['{"type":"auth","token":"not-a-token"}', { code: "unauthorized" }],
];

/** §3: errors are answers, never a closed connection. */
export const refusalRules: readonly WireRule[] = refused.map(([frame, expected]) =>
  rule(`the frame ${frame} is answered with ${JSON.stringify(expected)}`, async (server) => {
    const socket = await server.open(`user_id=${server.fresh("user")}`);
    socket.send(frame);
    const error = await socket.until((it) => it.type === "error");
    expect(error).toMatchObject({ type: "error", message: expect.any(String), ...expected });
    expect(await ask(socket, { type: "ping" })).toMatchObject({ type: "pong" });
  }),
);
