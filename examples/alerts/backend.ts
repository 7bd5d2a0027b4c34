import { post } from "../post.ts";

const [url = "http://127.0.0.1:8000"] = process.argv.slice(2);
const hosts = ["db-1", "web-1", "web-2"];

/** The load of a host, from 0 to 1. It goes up and down; the hosts are out of phase. */
function loadOf(host: string, second: number): number {
  const phase = hosts.indexOf(host) * 2;
  return 0.5 + 0.5 * Math.sin(second + phase);
}

/**
 * Two monitors watch the same hosts, so that one can fail. Both publish each change with the same id. It is stored and
 * delivered once, and the second monitor gets `duplicate: true`.
 */
async function watch(monitor: string): Promise<never> {
  const wasHigh = new Map<string, boolean>();
  for (;;) {
    const second = Math.floor(Date.now() / 1000);
    for (const host of hosts) {
      const load = loadOf(host, second);
      const isHigh = load > 0.8;
      if ((wasHigh.get(host) ?? false) === isHigh) continue;
      wasHigh.set(host, isHigh);
      const event = isHigh ? "alert" : "resolved";
      const message = `${host}: load is ${load.toFixed(2)}`;
      const draft = { channel: "alerts", event, message, data: { host, load }, id: `${host}-${event}-${second}` };
      const { duplicate } = (await post(url, "/v1/publish", draft)) as { duplicate: boolean };
      console.log(`${monitor}: ${event} for ${host} ${duplicate ? "was already published" : "published"}`);
    }
    // Both check at the beginning of each second, so they see the same load.
    await Bun.sleep(1000 - (Date.now() % 1000));
  }
}

await Promise.all([watch("monitor 1"), watch("monitor 2")]);
