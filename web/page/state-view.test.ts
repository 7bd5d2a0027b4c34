import { expect, test } from "bun:test";
import type { ConnectionState } from "../../client/state.ts";
import { stateDetail, stateText } from "./state-view.ts";

const now = 1_000_000;

const well = { code: 0, reason: "", nextTryAt: undefined };
const lost = { code: 1012, reason: "the server is restarting" };

const states: readonly [ConnectionState, string, string][] = [
  [{ ...well, status: "connecting" }, "Connecting", ""],
  [{ ...well, status: "connected" }, "Connected", ""],
  [{ status: "reconnecting", ...lost, nextTryAt: now + 2001 }, "Reconnecting", "in 3 s"],
  [{ status: "reconnecting", ...lost, nextTryAt: now - 1 }, "Reconnecting", "now"],
  [{ status: "reconnecting", ...lost, nextTryAt: undefined }, "Reconnecting", "now"],
  [{ ...well, status: "offline", code: 1006 }, "Offline", "until the network is back"],
  [{ ...well, status: "closed", code: 1000, reason: "closed by the client" }, "Disconnected", ""],
  [{ ...well, status: "closed", code: 4500, reason: "not allowed" }, "Closed", "not allowed (4500)"],
];

test.each(states)("the state %j reads %p %p", (state, text, detail) => {
  expect([stateText(state), stateDetail(state, now)]).toEqual([text, detail]);
});
