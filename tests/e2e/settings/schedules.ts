import type { ServerUnderTest } from "../server.ts";
import type { SettingsGroup } from "./setting.ts";

/** Creates schedules until one is refused, a few at most. @returns how many the server accepted */
async function acceptedOf(server: ServerUnderTest, prefix: string, message: string): Promise<number> {
  for (let accepted = 0; accepted < 5; accepted++) {
    const body = { publish: { channel: "room", message }, every_s: 3600 };
    const { status } = await server.request("PUT", `/v1/schedules/${prefix}-${accepted}`, body);
    if (status >= 400) return accepted;
  }
  return 5;
}

/** How many schedules a server keeps, and how large ones. */
export const schedulesGroup: SettingsGroup = {
  name: "schedules",
  base: {},
  settings: {
    scheduleBytes: {
      value: "64KiB",
      observe: (it) => acceptedOf(it, "large", "x".repeat(40_000)),
      expected: 1,
    },
    // One large schedule is there already.
    maxSchedules: { value: "3", observe: (it) => acceptedOf(it, "small", "m"), expected: 2 },
  },
};
