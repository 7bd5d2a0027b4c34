import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft } from "../../protocol/publication.ts";
import { ownDraft } from "./own-draft.ts";

/** `traceparent` never gets to a broker. */
const full: Required<Omit<Draft, "ephemeral" | "traceparent">> = {
  channel: "a" as ChannelName,
  message: "Grüße",
  data: "[9007199254740993]",
  id: "i",
  event: "e",
  sender: "s €",
  sentAt: 1,
  headers: Object.fromEntries([["__proto__", "p"]]),
  key: "k",
  publisher: "user:alice",
  excludeConnectionId: "c_1",
};

test("copies all fields, and adds none", () => {
  expect(ownDraft(full)).toEqual(full);
  expect(Object.entries(ownDraft(full).headers ?? {})).toEqual([["__proto__", "p"]]);
  expect(Object.keys(ownDraft({ channel: full.channel, data: "1", ephemeral: true }))).toEqual([
    "channel",
    "data",
    "ephemeral",
  ]);
});

test.each(Object.keys(full).filter((field) => typeof full[field as keyof typeof full] === "string"))(
  "does not keep the text that %p is a slice of in memory",
  async (field) => {
    const growth = await growthOf(`{ channel: "a", message: "m", ${JSON.stringify(field)}: cut(at) }`);
    expect(growth).toBeLessThan(20_000_000);
  },
);

test("does not keep the text that a header is a slice of in memory", async () => {
  expect(await growthOf("{ channel: 'a', message: 'm', headers: { [cut(at)]: cut(at) } }")).toBeLessThan(20_000_000);
});

test("a log in memory does not keep the texts that those of a draft are slices of, and so needs no own copies", async () => {
  const fields = Object.entries(full).map(([field, value]) => {
    if (field === "headers") return "headers: { [cut(at)]: cut(at) }";
    return `${field}: ${typeof value === "string" ? "cut(at)" : JSON.stringify(value)}`;
  });
  expect(await growthOf(`{ ${fields.join(", ")} }`, "store")).toBeLessThan(20_000_000);
});

/** By how many bytes a process grows that keeps 100 drafts, each with a piece of another megabyte. */
async function growthOf(draft: string, how: "ownDraft" | "store" = "ownDraft"): Promise<number> {
  const code = `
    import { ownDraft } from ${JSON.stringify(join(import.meta.dir, "own-draft.ts"))};
    import { MemoryLog } from ${JSON.stringify(join(import.meta.dir, "memory/log.ts"))};
    const log = new MemoryLog();
    const rules = { historySize: 10, historyTtl: 60_000, historyBytes: 1_000_000 };
    const store = (draft) => {
      const { outcome } = log.enter(draft, rules);
      if (outcome !== "stored") throw new Error(outcome);
    };
    const cut = (at) => Buffer.alloc(1024 * 1024, String(at)).toString().slice(0, 45);
    const kept = [];
    const keep = (at) => kept.push(${how}(${draft}));
    keep(0);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    for (let at = 1; at <= 100; at++) { keep(at); if (at % 10 === 0) { await undefined; Bun.gc(true); } }
    console.log(kept.length === 101 ? process.memoryUsage.rss() - before : "not all were kept");`;
  const child = Bun.spawn([process.execPath, "--no-env-file", "-e", code], { stdout: "pipe", stderr: "inherit" });
  return Number(await new Response(child.stdout).text());
}
